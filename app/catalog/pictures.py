"""The pictures a caller sends along: how many, how large and of which kind an operation of a model takes."""

from collections.abc import Mapping

from app.catalog.abilities import InputRule, clash
from app.catalog.order import InputImage, Order
from app.catalog.wording import missing, one_of, too_many, unsupported
from app.errors import InvalidRequest

_PNG = ("image/png",)
"""A mask and a markup are nothing without transparency, and OpenAI takes it from this format only."""


def check_pictures(order: Order, rule: InputRule, in_force: Mapping[str, object]) -> None:
    """Judge pictures, mask and markup by their count, their size and their first bytes.

    Raises:
        InvalidRequest: a picture is missing, or one is not taken; ``param`` names it as it was
            sent: ``image[1]`` of a form, ``images[1]`` of JSON.

    """
    name = "image" if order.from_form else "images"
    if not order.images:
        raise missing(name)
    if len(order.images) > rule.max_images:
        raise too_many(name, rule.max_images, len(order.images))
    for index, image in enumerate(order.images):
        _check(f"{name}[{index}]", image, rule.content_types, rule.max_image_bytes)
    if order.mask is not None:
        _check_mask(order.mask, rule, in_force)
    if order.markup is not None:
        _check_markup(order.markup, rule, with_mask=order.mask is not None)


def _check_mask(mask: InputImage, rule: InputRule, in_force: Mapping[str, object]) -> None:
    if rule.max_mask_bytes is None:
        raise _not_taken("mask")
    if found := clash(rule.mask_not_with, in_force):
        raise unsupported("mask", f"'mask' cannot be combined with '{found}'.")
    _check("mask", mask, _PNG, rule.max_mask_bytes)


def _check_markup(markup: InputImage, rule: InputRule, *, with_mask: bool) -> None:
    if not rule.markup:
        raise _not_taken("markup")
    if with_mask:
        raise unsupported("markup", "'markup' cannot be combined with 'mask'.")
    _check("markup", markup, _PNG, rule.max_image_bytes)


def _check(name: str, image: InputImage, content_types: tuple[str, ...], max_bytes: int) -> None:
    if image.size_bytes == 0:
        raise InvalidRequest(f"Invalid file '{name}': the file is empty.", param=name, code="empty_image_file")
    if image.size_bytes > max_bytes:
        raise InvalidRequest(
            f"Invalid file '{name}': file too large. Expected a file of at most {max_bytes} bytes, "
            f"but got one of {image.size_bytes} bytes instead.",
            param=name,
            code="image_file_too_large",
        )
    if image.content_type not in content_types:
        raise InvalidRequest(
            f"Invalid file '{name}': unsupported mimetype ('{image.content_type or 'application/octet-stream'}'). "
            f"Supported file formats are {one_of(content_types)}.",
            param=name,
            code="unsupported_file_mimetype",
        )


def _not_taken(name: str) -> InvalidRequest:
    """Never left out: without it the model would paint over the whole picture."""
    return InvalidRequest(f"The model does not take '{name}'.", param=name, code="unsupported_parameter")
