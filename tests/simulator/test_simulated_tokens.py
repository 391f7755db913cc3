"""Token counts against OpenAI's calculator (images API facts, §5.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.simulator.tokens import (
    gpt_image_1_tokens,
    gpt_image_2_tokens,
    input_image_tokens,
    seedream_tokens,
    text_tokens,
)


@pytest.mark.parametrize(
    ("width", "height", "low", "medium", "high"),
    [
        (1024, 1024, 196, 1756, 7024),
        (1536, 1024, 158, 1372, 5488),
        (1024, 1536, 158, 1372, 5488),
        (1792, 1024, 139, 1243, 5063),
        (1024, 640, 107, 956, 3824),
        (2048, 1152, 157, 1413, 5650),
        (2560, 1440, 205, 1843, 7370),
        (2048, 2048, 397, 3568, 14272),
        (3840, 2160, 371, 3336, 13342),
        (2880, 2880, 659, 5930, 23719),
    ],
)
def test_gpt_image_2_tokens(width: int, height: int, low: int, medium: int, high: int) -> None:
    """Every row of OpenAI's calculator is reproduced to the token."""
    counted = [gpt_image_2_tokens(quality, width, height) for quality in ("low", "medium", "high")]

    assert counted == [low, medium, high]


def test_gpt_image_1_tokens() -> None:
    """The older family is priced by its table."""
    assert gpt_image_1_tokens("high", 1024, 1536) == 6240


@pytest.mark.parametrize(
    ("width", "height", "tokens"),
    [
        (1024, 768, 768),  # CometAPI's example of an edit
        (1024, 1024, 1024),
        (512, 512, 1024),  # magnified twice
        (768, 768, 1024),  # magnified to a longest side of 1024
        (64, 64, 16),  # twice at most
        (1000, 1000, 1024),
        (4096, 4096, 1536),
        (1, 1, 1),
    ],
)
def test_input_image_tokens(width: int, height: int, tokens: int) -> None:
    """A picture given to an edit counts by patches of 32 pixels, magnified where it is small, up to a budget."""
    assert input_image_tokens(width, height) == tokens


def test_seedream_tokens() -> None:
    """Seedream counts a 256th of the pixels."""
    assert seedream_tokens(2048, 2048) == 16384


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_text_tokens_are_bounded(prompt: str) -> None:
    """A prompt never has more tokens than UTF-8 bytes, plus the constant: the gateway's quote relies on it."""
    assert 6 < text_tokens(prompt) <= len(prompt.encode()) + 6
