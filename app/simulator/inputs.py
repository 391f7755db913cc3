"""Decode the pictures that a form brings, and refuse those that a model cannot use."""

import io
from contextlib import suppress

from msgspec import Struct
from PIL import Image

from app.simulator.fields import relayed
from app.simulator.form import FormPart
from app.simulator.refusals import Refusal, RefusalError

MAX_INPUT_BYTES = 50 * 1024 * 1024
MAX_SMALL_BYTES = 4 * 1024 * 1024
"""Of a mask, and of a picture for dall-e-2."""
MAX_INPUT_PIXELS = 64 * 1024 * 1024
"""Our own bound: what is larger is not decoded."""
INPUT_FORMATS = ("PNG", "JPEG", "WEBP")
INPUT_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA")
"""Which kinds of pixels are taken; CMYK and 16 bits are not."""
UNDECODABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning)
"""What Pillow raises on a file that is no picture, or too much of one."""


class InputImage(Struct, frozen=True):
    """A picture to be edited or varied, known to decode."""

    data: bytes
    width: int
    height: int
    has_alpha: bool


def decode_input(part: FormPart, what: str, param: str) -> InputImage:
    """Decode a picture to be edited.

    Raises:
        RefusalError: it is too large, or no picture of a kind that is taken.

    """
    return _decode(part, what, param, INPUT_FORMATS, MAX_INPUT_BYTES)


def decode_overlay(part: FormPart, param: str, first: InputImage) -> InputImage:
    """Decode what lies over the first picture, as a mask does: a small PNG of the same size.

    Raises:
        RefusalError: it is not.

    """
    if part.filename is None:
        raise relayed(param, f"Invalid type for '{param}': expected a file, but got a string instead.", "invalid_type")
    overlay = _decode(part, param, param, ("PNG",), MAX_SMALL_BYTES)
    if (overlay.width, overlay.height) != (first.width, first.height):
        raise relayed(param, f"Invalid {param} image format - {param} size does not match image size")
    return overlay


def decode_square(part: FormPart) -> InputImage:
    """Decode a picture for dall-e-2.

    Raises:
        RefusalError: it is no square PNG below four megabytes.

    """
    if not part.data.startswith(b"\x89PNG") or len(part.data) >= MAX_SMALL_BYTES:
        raise relayed("image", "Uploaded image must be a PNG and less than 4 MB.", "invalid_image_format")
    image = _decode(part, "image", "image", ("PNG",), MAX_SMALL_BYTES)
    if image.width != image.height:
        raise relayed("image", "Uploaded image must be square.", "invalid_image_format")
    return image


def _decode(part: FormPart, what: str, param: str, formats: tuple[str, ...], max_bytes: int) -> InputImage:
    """Decode a whole picture, so that what is kept is known to be one."""
    if len(part.data) >= max_bytes:
        raise relayed(param, f"Invalid {what}: the file must be smaller than {max_bytes} bytes.")
    with suppress(*UNDECODABLE), Image.open(io.BytesIO(part.data), formats=formats) as image:
        if image.width * image.height <= MAX_INPUT_PIXELS and image.mode in INPUT_MODES:
            image.load()
            return InputImage(part.data, image.width, image.height, image.has_transparency_data)
    message = f"Invalid image file or mode for {what}, please check your image file."
    raise RefusalError(
        Refusal(400, message, code="invalid_image_file", type="image_generation_user_error", param=param)
    )
