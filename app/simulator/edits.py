"""Read POST /v1/images/edits: a form with a prompt, one to sixteen pictures and perhaps a mask.

CometAPI documents forms only; a JSON edit, which OpenAI takes, is refused in the words of its form parser.
"""

import io
import re
from contextlib import suppress
from typing import Any

from PIL import Image

from app.simulator.answer import ReceivedRequest
from app.simulator.fields import relayed
from app.simulator.form import FormPart, read_form
from app.simulator.orders import ImageOrder, InputImage, take_order
from app.simulator.refusals import Refusal, RefusalError
from app.simulator.sizes import Family

MAX_INPUTS = 16
MAX_INPUT_BYTES = 50 * 1024 * 1024
MAX_MASK_BYTES = 4 * 1024 * 1024
MAX_INPUT_PIXELS = 64 * 1024 * 1024
"""Our own bound: what is larger is not decoded."""
INPUT_FORMATS = ("PNG", "JPEG", "WEBP")
INPUT_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA")
"""Which kinds of pixels are taken; CMYK and 16 bits are not."""
IMAGE_NAME = re.compile(r"image(\[\d*\])?")
UNDECODABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning)
"""What Pillow raises on a file that is no picture, or too much of one."""
INTEGERS = ("n", "output_compression", "partial_images")
FLAGS = {"true": True, "false": False}


def read_edit(request: ReceivedRequest) -> ImageOrder:
    """Read the form, decode its pictures and check its fields; takes CPU time, so call it in a thread.

    Raises:
        RefusalError: with what CometAPI or OpenAI behind it would answer.

    """
    parts = read_form(request.body, request.header("content-type") or "")
    order = take_order(_fields(parts), _inputs([part for part in parts if IMAGE_NAME.fullmatch(part.name)]))
    if order.family is Family.SEEDREAM:
        raise RefusalError(Refusal(500, "not supported model for image edits", code="convert_request_failed"))
    _check_mask([part for part in parts if part.name in ("mask", "mask[]")], order.inputs[0])
    return order


def _fields(parts: list[FormPart]) -> dict[str, Any]:
    """The fields that are no files, numbers and flags converted where they are such; the last of a name counts."""
    fields: dict[str, Any] = {}
    for part in parts:
        if part.filename is not None:
            continue
        value = part.data.decode("utf-8", "replace")
        if part.name in INTEGERS and re.fullmatch(r"-?\d{1,9}", value):
            fields[part.name] = int(value)
        else:
            fields[part.name] = FLAGS.get(value, value) if part.name == "stream" else value
    return fields


def _inputs(parts: list[FormPart]) -> tuple[InputImage, ...]:
    if not parts:
        raise RefusalError(Refusal(500, "field image is required"))
    if len(parts) > MAX_INPUTS:
        words = f"Invalid 'image': array too long. Expected an array with maximum length {MAX_INPUTS},"
        raise relayed("image", f"{words} but got an array with length {len(parts)} instead.", "array_above_max_length")
    for index, part in enumerate(parts):
        if part.filename is None:
            name = f"image[{index}]"
            words = f"Invalid type for '{name}': expected a file, but got a string instead."
            raise relayed(name, words, "invalid_type")
    return tuple(_decode(part, f"image {index}", "image") for index, part in enumerate(parts, 1))


def _check_mask(parts: list[FormPart], first: InputImage) -> None:
    if not parts:
        return
    if len(parts) > 1:
        words = "Invalid parameter: 'mask'. This parameter already has a different value in your parameters."
        raise relayed("mask", words)
    (part,) = parts
    if part.filename is None:
        raise relayed("mask", "Invalid type for 'mask': expected a file, but got a string instead.", "invalid_type")
    mask = _decode(part, "mask", "mask", ("PNG",), MAX_MASK_BYTES)
    if (mask.width, mask.height) != (first.width, first.height):
        raise relayed("mask", "Invalid mask image format - mask size does not match image size")


def _decode(
    part: FormPart,
    what: str,
    param: str,
    formats: tuple[str, ...] = INPUT_FORMATS,
    max_bytes: int = MAX_INPUT_BYTES,
) -> InputImage:
    """Decode a whole picture, so that what is kept is known to be one."""
    if len(part.data) >= max_bytes:
        raise relayed(param, f"Invalid {what}: the file must be smaller than {max_bytes} bytes.")
    with suppress(*UNDECODABLE), Image.open(io.BytesIO(part.data), formats=formats) as image:
        if image.width * image.height <= MAX_INPUT_PIXELS and image.mode in INPUT_MODES:
            image.load()
            return InputImage(part.data, image.width, image.height)
    message = f"Invalid image file or mode for {what}, please check your image file."
    raise RefusalError(
        Refusal(400, message, code="invalid_image_file", type="image_generation_user_error", param=param)
    )
