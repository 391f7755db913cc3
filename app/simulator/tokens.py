"""Count tokens as the image models do, so that a simulated ``usage`` is one the gateway can price and check.

Output tokens follow OpenAI's own calculator for gpt-image-2 and the published table for the gpt-image-1 family; both
are sourced and verified by the tests. Input tokens are an estimate with the shape of the real count.
"""

import math

GPT_IMAGE_2_FACTORS = {"low": 16, "medium": 48, "high": 96, "xhigh": 144, "max": 192}
"""The calculator's factor by quality. ``xhigh`` and ``max`` (2.5 and later) are undisclosed: these two are invented."""

GPT_IMAGE_1_TOKENS = {
    "low": {"1024x1024": 272, "1024x1536": 408, "1536x1024": 400},
    "medium": {"1024x1024": 1056, "1024x1536": 1584, "1536x1024": 1568},
    "high": {"1024x1024": 4160, "1024x1536": 6240, "1536x1024": 6208},
}
"""Output tokens of one picture of gpt-image-1 and 1.5, by quality and size."""

PARTIAL_IMAGE_TOKENS = 100
"""Output tokens of each preview in a stream, on top of the picture's own."""

SVG_REASONING_TOKENS = {
    "none": 0,
    "minimal": 100,
    "low": 400,
    "medium": 1600,
    "high": 6400,
    "xhigh": 12_800,
    "max": 25_600,
}
SVG_WRITTEN_TOKENS = 1200

PATCH_EDGE, MAX_PATCHES = 32, 1536
"""How gpt-image-2 looks at a picture."""

PROMPT_OVERHEAD_TOKENS = 6
"""What a generation adds to the tokens of its prompt."""

BYTES_PER_TOKEN = 4
"""English text in the o200k vocabulary has about four bytes a token; its tokenizer would be a heavy dependency."""


def gpt_image_2_tokens(quality: str, width: int, height: int) -> int:
    """Output tokens of one gpt-image-2 picture: 196 for a low 1024x1024."""
    factor = GPT_IMAGE_2_FACTORS[quality]
    long_edge, short_edge = max(width, height), min(width, height)
    short_factor = (2 * factor * short_edge + long_edge) // (2 * long_edge)  # factor * short / long, rounded half up
    return -(-factor * short_factor * (2_000_000 + width * height) // 4_000_000)


def gpt_image_1_tokens(quality: str, width: int, height: int) -> int:
    """Output tokens of one picture of the gpt-image-1 family, which knows three sizes only."""
    return GPT_IMAGE_1_TOKENS[quality][f"{width}x{height}"]


def input_image_tokens(width: int, height: int) -> int:
    """Input tokens of one picture given to an edit: 768 for 1024x768, as in CometAPI's example.

    A picture is cut into patches of 32 pixels, at most 1536, a small one magnified first: up to twice, up to 1024
    pixels. Simplified: every model counts so, and long shapes are not capped at 3:1.
    """
    scale = max(min(2.0, 1024 / max(width, height)), 1.0)
    return min(math.ceil(width * scale / PATCH_EDGE) * math.ceil(height * scale / PATCH_EDGE), MAX_PATCHES)


def seedream_tokens(width: int, height: int) -> int:
    """Output tokens of one Seedream picture, a 256th of its pixels: 16384 for 2K."""
    return width * height // 256


def svg_tokens(effort: str) -> tuple[int, int]:
    """What a model thinks and writes for one svg, by its effort; invented."""
    return SVG_REASONING_TOKENS[effort], SVG_WRITTEN_TOKENS


def text_tokens(prompt: str) -> int:
    """Input tokens of a prompt, never more than its UTF-8 bytes plus the overhead (a token holds at least a byte)."""
    return math.ceil(len(prompt.encode()) / BYTES_PER_TOKEN) + PROMPT_OVERHEAD_TOKENS
