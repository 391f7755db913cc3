"""Our keys in what the upstream says."""

import base64
from typing import Any

import pytest

from app.upstream.mask import NO_KEYS, Mask

KEY = "sk-4hTqYw7ZkP2nVb9XrC5mLs8dGfJ1aE6u"
BARE = KEY.removeprefix("sk-")
MASK = Mask([KEY])


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (f"Incorrect API key provided: {KEY}.", "Incorrect API key provided: ***."),
        (f"token {BARE}, again {KEY}", "token ***, again ***"),
        (f"x{KEY}{KEY}y", "x******y"),
        (KEY[:20], KEY[:20]),
        ("a paper boat on a quiet river, in the evening", "a paper boat on a quiet river, in the evening"),
        ("", ""),
    ],
)
def test_a_key_is_taken_out_of_a_text(said: str, told: str) -> None:
    """With and without its beginning, as often as it is there; half a key is none."""
    assert MASK.text(said) == told
    assert MASK.hides(said) == (said != told)


@pytest.mark.parametrize("before", ["", "B", "Be", "Bearer ", "Authorization: Bearer sk-"])
@pytest.mark.parametrize("written", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_is_no_disguise(before: str, written: Any) -> None:
    """Wherever in a triple of bytes the key begins, and in either alphabet, hardly a letter of it can be read back."""
    told = MASK.text(written(f"{before}{BARE} and more".encode()).decode())

    left = b"".join(base64.b64decode(piece[: len(piece) // 4 * 4], b"-_") for piece in told.split("***"))
    assert "***" in told
    assert not any(BARE[at : at + 6].encode() in left for at in range(len(BARE) - 5))


def test_a_document_is_looked_through() -> None:
    """Every value at any depth; what is no text stays what it is."""
    said = {"a": [{"b": KEY}, 1, None, True], "c": {"d": BARE, "e": 1.5}}
    assert MASK.document(said) == {"a": [{"b": "***"}, 1, None, True], "c": {"d": "***", "e": 1.5}}


def test_a_word_is_no_key() -> None:
    """What is as short as a word would be found everywhere; and where there is no key, nothing is masked."""
    assert Mask(["sk-boat", "boat"]).text("sk-boat, a boat") == "sk-boat, a boat"
    assert Mask(["sk-upstream"]).text("c3Ry is in base64 of it") == "c3Ry is in base64 of it"
    assert NO_KEYS.text(KEY) == KEY
