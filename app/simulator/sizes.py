"""The sizes each family of models draws, and the words it refuses the others with."""

import re
from collections.abc import Iterator
from enum import Enum

from app.simulator.fields import relayed
from app.simulator.tokens import GPT_IMAGE_1_TOKENS

GPT_IMAGE_1_SIZES = tuple(GPT_IMAGE_1_TOKENS["low"])
MIN_PIXELS, MAX_PIXELS, MAX_EDGE, EDGE_STEP, MAX_ASPECT = 655_360, 8_294_400, 3840, 16, 3
"""gpt-image-2's rules for a size."""
QWEN_EDGES = range(256, 2049)
SEEDREAM_WORDS = {"1K": "1024x1024", "2K": "2048x2048", "4K": "4096x4096"}
"""Sizes by name. The model fits the shape to its prompt; the simulator draws squares."""
SEEDREAM_MIN_PIXELS = {"doubao-seedream-4-5": 3_686_400, "doubao-seedream-5-0": 3_686_400}
"""What 4.5 and later draw at least: 2560x1440, so that 1024x1024 is refused."""
SEEDREAM_MAX_PIXELS = 4096 * 4096


class Family(Enum):
    """Models that share their rules and their price formula."""

    GPT_IMAGE_1 = "gpt-image-1"
    GPT_IMAGE_2 = "gpt-image-2"
    QWEN_IMAGE = "qwen-image"
    SEEDREAM = "doubao-seedream"

    @property
    def is_gpt(self) -> bool:
        """Whether OpenAI draws, with its qualities, formats, token counts and streams."""
        return self in (Family.GPT_IMAGE_1, Family.GPT_IMAGE_2)


DEFAULT_SIZES = {Family.QWEN_IMAGE: "1328x1328", Family.SEEDREAM: "2048x2048"}
"""What ``auto`` and no size at all come to, where it is not 1024x1024."""


def read_size(asked: str, model: str, family: Family) -> tuple[int, int]:
    """Width and height in pixels.

    Raises:
        RefusalError: the family does not draw this size.

    """
    size = DEFAULT_SIZES.get(family, "1024x1024") if asked in ("", "auto") else asked
    if family is Family.SEEDREAM:
        size = SEEDREAM_WORDS.get(size.upper(), size)
    match = re.fullmatch(r"([1-9]\d{0,4})[x*]([1-9]\d{0,4})", size)
    if match is None:
        raise relayed("size", f"Invalid size '{asked}'. Expected a size such as '1024x1024'.")
    width, height = int(match[1]), int(match[2])
    broken = next(_broken_rules(width, height, model, family), None)
    if broken:
        raise relayed("size", f"Invalid size '{asked}'. {broken}")
    return width, height


def _broken_rules(width: int, height: int, model: str, family: Family) -> Iterator[str]:
    match family:
        case Family.GPT_IMAGE_1:
            if f"{width}x{height}" not in GPT_IMAGE_1_SIZES:
                yield f"Supported sizes are {', '.join(GPT_IMAGE_1_SIZES)}, and auto."
        case Family.QWEN_IMAGE:
            if width not in QWEN_EDGES or height not in QWEN_EDGES:
                yield "Edges must be between 256 and 2048."
        case Family.SEEDREAM:
            least = next((pixels for name, pixels in SEEDREAM_MIN_PIXELS.items() if model.startswith(name)), 1)
            if width * height < least:
                yield f"image size must be at least {least} pixels."
            if width * height > SEEDREAM_MAX_PIXELS:
                yield f"image size must be at most {SEEDREAM_MAX_PIXELS} pixels."
        case Family.GPT_IMAGE_2:
            rules = (
                (width % EDGE_STEP == height % EDGE_STEP == 0, "Width and height must both be divisible by 16."),
                (max(width, height) <= MAX_EDGE, f"The longest edge must be at most {MAX_EDGE} pixels."),
                (max(width, height) <= MAX_ASPECT * min(width, height), "The aspect ratio must be at most 3:1."),
                (width * height >= MIN_PIXELS, f"The image must have at least {MIN_PIXELS} pixels."),
                (width * height <= MAX_PIXELS, f"The image must have at most {MAX_PIXELS} pixels."),
            )
            yield from (words for kept, words in rules if not kept)
