"""The sizes each family of models draws, and the words it refuses the others with."""

import re
from collections.abc import Iterator

from app.simulator.family import Family
from app.simulator.fields import relayed
from app.simulator.tokens import GPT_IMAGE_1_TOKENS

MIN_PIXELS, MAX_PIXELS, MAX_EDGE, EDGE_STEP, MAX_ASPECT = 655_360, 8_294_400, 3840, 16, 3
"""gpt-image-2's rules for a size."""
LISTED = {
    Family.DALL_E_2: ("256x256", "512x512", "1024x1024"),
    Family.DALL_E_3: ("1024x1024", "1792x1024", "1024x1792"),
    Family.GPT_IMAGE_1: (*GPT_IMAGE_1_TOKENS["low"], "auto"),
    Family.QWEN_IMAGE: ("1664x928", "1472x1104", "1328x1328", "1104x1472", "928x1664"),
}
"""Families that draw these sizes and no others; qwen-image-edit is an exception."""
EDGES = {Family.FLUX: range(256, 1441, 32), Family.QWEN_IMAGE: range(256, 2049)}
"""Edges that are drawn in any combination."""
SEEDREAM_WORDS = {"1K": "1024x1024", "2K": "2048x2048", "4K": "4096x4096"}
"""Sizes by name. The model fits the shape to its prompt; the simulator draws squares."""
SEEDREAM_MIN_PIXELS = {"doubao-seedream-4-5": 3_686_400, "doubao-seedream-5-0": 3_686_400}
"""What 4.5 and later draw at least: 2560x1440, so that 1024x1024 is refused."""
SEEDREAM_MAX_PIXELS = 4096 * 4096
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
        case Family.QWEN_IMAGE if model == "qwen-image-edit":
            yield from _broken_edges(width, height, EDGES[family])
        case Family.FLUX:
            yield from _broken_edges(width, height, EDGES[family])
        case Family.SEEDREAM:
            least = next((pixels for name, pixels in SEEDREAM_MIN_PIXELS.items() if model.startswith(name)), 1)
            if width * height < least:
                yield f"image size must be at least {least} pixels."
            if width * height > SEEDREAM_MAX_PIXELS:
                yield f"image size must be at most {SEEDREAM_MAX_PIXELS} pixels."
        case Family.GPT_IMAGE_2:
            yield from _broken_rules_of_gpt_image_2(width, height)
        case Family.GPT_IMAGE_1 | Family.QWEN_IMAGE | Family.DALL_E_2 | Family.DALL_E_3:
            if f"{width}x{height}" not in LISTED[family]:
                *first, last = LISTED[family]
                yield f"Supported sizes are {', '.join(first)}, and {last}."


def _broken_edges(width: int, height: int, edges: range) -> Iterator[str]:
    if width not in edges or height not in edges:
        yield f"Edges must be between {edges.start} and {edges[-1]}, in steps of {edges.step}."


def _broken_rules_of_gpt_image_2(width: int, height: int) -> Iterator[str]:
    rules = (
        (width % EDGE_STEP == height % EDGE_STEP == 0, "Width and height must both be divisible by 16."),
        (max(width, height) <= MAX_EDGE, f"The longest edge must be at most {MAX_EDGE} pixels."),
        (max(width, height) <= MAX_ASPECT * min(width, height), "The aspect ratio must be at most 3:1."),
        (width * height >= MIN_PIXELS, f"The image must have at least {MIN_PIXELS} pixels."),
        (width * height <= MAX_PIXELS, f"The image must have at most {MAX_PIXELS} pixels."),
    )
    return (words for kept, words in rules if not kept)
