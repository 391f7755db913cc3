"""Read POST /v1/images/edits: a form with a prompt, one to sixteen pictures and perhaps a mask or a markup.

CometAPI documents forms only; a JSON edit, which OpenAI takes, is refused in the words of its form parser.
"""

import re
from typing import Any

from app.simulator.answer import ReceivedRequest
from app.simulator.family import Family
from app.simulator.fields import choice, relayed
from app.simulator.form import FormPart, read_fields, read_form
from app.simulator.inputs import InputImage, decode_input, decode_overlay, decode_square
from app.simulator.orders import ImageOrder, take_order
from app.simulator.refusals import Refusal, RefusalError

MAX_INPUTS = 16
IMAGE_NAME = re.compile(r"image(\[\d*\])?")
EDITING = (Family.GPT_IMAGE_1, Family.GPT_IMAGE_2, Family.QWEN_IMAGE, Family.DALL_E_2)
MARKED = ("gpt-image-2.5",)
"""Models, by the start of their names, that take a markup."""


def read_edit(request: ReceivedRequest) -> ImageOrder:
    """Read the form, decode its pictures and check its fields; takes CPU time, so call it in a thread.

    Raises:
        RefusalError: with what CometAPI or OpenAI behind it would answer.

    """
    parts = read_form(request.body, request.header("content-type") or "")
    fields = read_fields(parts)
    given = [part for part in parts if IMAGE_NAME.fullmatch(part.name)]
    order = take_order(fields, _inputs(given))
    if order.family not in EDITING or order.model == "qwen-image":
        raise RefusalError(Refusal(500, "not supported model for image edits", code="convert_request_failed"))
    if order.family is Family.DALL_E_2:
        _check_dall_e_2(given)
    _check_fidelity(fields, order)
    _check_overlays(parts, order)
    return order


def _inputs(parts: list[FormPart]) -> tuple[InputImage, ...]:
    if not parts:
        raise RefusalError(Refusal(500, "field image is required"))
    if len(parts) > MAX_INPUTS:
        raise _too_many(len(parts), MAX_INPUTS)
    for index, part in enumerate(parts):
        if part.filename is None:
            name = f"image[{index}]"
            words = f"Invalid type for '{name}': expected a file, but got a string instead."
            raise relayed(name, words, "invalid_type")
    return tuple(decode_input(part, f"image {index}", "image") for index, part in enumerate(parts, 1))


def _check_dall_e_2(given: list[FormPart]) -> None:
    """One picture, and that a small square PNG."""
    if len(given) > 1:
        raise _too_many(len(given), 1)
    decode_square(given[0])


def _check_fidelity(fields: dict[str, Any], order: ImageOrder) -> None:
    """A choice for the first generation, none for its small model; the second always looks closely."""
    if order.family is Family.GPT_IMAGE_2 and fields.get("input_fidelity") is not None:
        raise relayed("input_fidelity", "Unknown parameter: 'input_fidelity'.", "unknown_parameter")
    if order.family is Family.GPT_IMAGE_1:
        fidelity = choice(fields, "input_fidelity", ("low", "high"), "low")
        if fidelity == "high" and order.model.startswith("gpt-image-1-mini"):
            raise relayed("input_fidelity", "Invalid value: 'high'. Supported values are: 'low'.")


def _check_overlays(parts: list[FormPart], order: ImageOrder) -> None:
    mask = _only([part for part in parts if part.name in ("mask", "mask[]")], "mask")
    markup = _only([part for part in parts if part.name == "markup"], "markup")
    if mask is not None:
        decode_overlay(mask, "mask", order.inputs[0])
        if order.file.name == "gif":
            raise relayed("mask", "'mask' is not supported with output_format 'gif'.")
    if markup is None:
        return
    if not order.model.startswith(MARKED):
        raise relayed("markup", "Unknown parameter: 'markup'.", "unknown_parameter")
    if mask is not None:
        raise relayed("markup", "'markup' cannot be used together with 'mask'.")
    if not decode_overlay(markup, "markup", order.inputs[0]).has_alpha:
        raise relayed("markup", "Invalid markup image format - markup must have an alpha channel")


def _only(parts: list[FormPart], name: str) -> FormPart | None:
    if len(parts) > 1:
        words = f"Invalid parameter: '{name}'. This parameter already has a different value in your parameters."
        raise relayed(name, words)
    return parts[0] if parts else None


def _too_many(number: int, most: int) -> RefusalError:
    words = f"Invalid 'image': array too long. Expected an array with maximum length {most},"
    return relayed("image", f"{words} but got an array with length {number} instead.", "array_above_max_length")
