"""An upstream's words are not told where they repeat the prompt."""

import pytest

from app.upstream.dialect import read_error
from app.upstream.echo import leave_out_prompt

PROMPT = "a heron on one leg, in fog, over the lake of Zug"


def told(message: str, prompt: str, code: str = "invalid_value") -> str:
    """What a caller reads of an error of the upstream with this message."""
    failure = read_error(400, {"message": message, "code": code})
    leave_out_prompt(failure, prompt)
    return failure.error.message


@pytest.mark.parametrize(
    ("message", "prompt"),
    [
        (f"Invalid value: '{PROMPT}'.", PROMPT),
        (f"Invalid value: '{PROMPT[:20]}...' is not allowed.", PROMPT),
        (f"Invalid value: '…{PROMPT[-16:]}'.", PROMPT),
        ("Invalid value: 'a heron'.", "a heron"),
        ('Invalid value: "a heron". Supported values are: …', "a heron"),
        (f"Your request was rejected by the safety system: {PROMPT}", PROMPT),
    ],
)
def test_a_prompt_is_not_repeated(message: str, prompt: str) -> None:
    """Whole, cut at either end, or a short one between quotes: the caller is told that words were left out."""
    said = told(message, prompt)
    assert "left out" in said
    assert not any(piece in said for piece in ("heron", "lake of Zug"))


@pytest.mark.parametrize(
    ("message", "prompt"),
    [
        ("Invalid value: 'huge'. Supported values are: 'low', 'medium', 'high' and 'auto'.", PROMPT),
        ("Invalid value: 'huge'. Supported values are: 'low', 'medium', 'high' and 'auto'.", "a"),
        ("Invalid size '7x7'.", "7x"),
    ],
)
def test_other_words_about_a_request_are_told(message: str, prompt: str) -> None:
    """A rule that was broken is worth reading, and a short prompt is a part of many words."""
    assert told(message, prompt) == message


def test_words_of_ours_are_told() -> None:
    """They are no echo, whatever the prompt is."""
    ours = told("sk-secret is no valid size", PROMPT)
    assert told("sk-secret is no valid size", ours) == ours
