"""Orders as the doors would hand them over, and the requests made of them."""

import json
from collections.abc import AsyncIterator
from typing import Any

from app.catalog.catalog import Catalog
from app.catalog.normalise import ImageRequest, normalise
from app.catalog.order import InputImage, Order, read_fields
from app.catalog.policy import Policy

LAX = Policy()
STRICT = Policy(strict=True)
FAN_OUT = Policy(fan_out=True)
PASSING = Policy(pass_unknown_fields=True)


async def _no_bytes() -> AsyncIterator[bytes]:
    yield b""


def picture(content_type: str = "image/png", size_bytes: int = 1_000) -> InputImage:
    """A picture of which only kind and size matter: nothing in this room reads it."""
    return InputImage(content_type, size_bytes, _no_bytes)


def generation(**fields: Any) -> Order:
    """A JSON order, nulls left out as they are on the wire."""
    return Order("generations", read_fields(json.dumps({"prompt": "a red cube"} | fields).encode()))


def form(*images: InputImage, mask: InputImage | None = None, markup: InputImage | None = None, **fields: Any) -> Order:
    """An edit as a form: every value is text."""
    texts = {"prompt": "a red cube"} | fields
    return Order("edits", texts, images=images or (picture(),), mask=mask, markup=markup, from_form=True)


def ask(catalog: Catalog, policy: Policy = LAX, /, **fields: Any) -> ImageRequest:
    """The request made of a JSON order."""
    return normalise(generation(**fields), catalog, policy)


def edit(catalog: Catalog, *images: InputImage, policy: Policy = LAX, **fields: Any) -> ImageRequest:
    """The request made of a form."""
    return normalise(form(*images, **fields), catalog, policy)
