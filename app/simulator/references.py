"""Read Seedream's reference pictures, and how many pictures it is to draw from them.

They come in JSON on the generations route, as addresses or data URIs. Only their form is checked: nothing is fetched.
"""

import base64
import binascii
import re
from typing import Any
from urllib.parse import urlsplit

from app.simulator.fields import choice, integer, relayed

MAX_REFERENCES = 14
MAX_TOGETHER = 15
"""References and drawn pictures."""
DATA_URI = re.compile(r"data:image/(?:jpeg|jpg|png|webp|bmp|tiff|gif);base64,", re.IGNORECASE)
WITHOUT_REFERENCES = "doubao-seedream-3-0-t2i"
"""Draws from text alone and reads neither field."""


def read_references(fields: dict[str, Any], model: str) -> int:
    """How many reference pictures there are.

    Raises:
        RefusalError: they are too many, or one is neither an address nor a data URI of a picture.

    """
    given = fields.get("image")
    if given is None or model.startswith(WITHOUT_REFERENCES):
        return 0
    references = given if isinstance(given, list) else [given]
    if len(references) > MAX_REFERENCES:
        raise _invalid(f"at most {MAX_REFERENCES} images are allowed, got {len(references)}")
    for index, reference in enumerate(references):
        if not isinstance(reference, str) or not _is_picture(reference):
            raise _invalid(f"image[{index}] is neither a URL nor a base64 data URI of a supported format")
    return len(references)


def read_sequence(fields: dict[str, Any], model: str, references: int) -> int:
    """How many pictures Seedream draws: it has no ``n``, but may be let tell a story in several.

    It is free to tell it in fewer; the simulator draws as many as it may.

    Raises:
        RefusalError: with the references they would be too many.

    """
    if model.startswith(WITHOUT_REFERENCES):
        return 1
    if choice(fields, "sequential_image_generation", ("auto", "disabled"), "disabled") == "disabled":
        return 1
    options = fields.get("sequential_image_generation_options") or {}
    number = integer(options, "max_images", MAX_TOGETHER - references, 1, MAX_TOGETHER)
    if references + number > MAX_TOGETHER:
        raise _invalid(f"reference images and generated images together must not exceed {MAX_TOGETHER}")
    return number


def _is_picture(reference: str) -> bool:
    head = DATA_URI.match(reference)
    if head is None:
        address = urlsplit(reference)
        return address.scheme in ("http", "https") and bool(address.hostname)
    try:
        return bool(base64.b64decode(reference[head.end() :], validate=True))
    except binascii.Error:
        return False


def _invalid(words: str) -> Exception:
    """In the words of Volcano Engine, relayed."""
    message = f"The parameter `image` specified in the request is not valid: {words}."
    return relayed("image", message, "InvalidParameter")
