"""Orders as the doors would hand them over, and the requests made of them."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson
from msgspec.structs import replace

from app.catalog.catalog import Catalog
from app.catalog.normalise import ImageRequest, normalise
from app.catalog.order import InputImage, Order
from app.catalog.policy import Policy
from app.catalog.profile import UnitPrices
from app.money import Money

LAX = Policy()
STRICT = Policy(strict=True)
FAN_OUT = Policy(fan_out=True)
PASSING = Policy(pass_unknown_fields=True)


def on_sale(catalog: Catalog) -> Catalog:
    """The catalog with a price for every model: what has none is refused before its parameters are looked at."""
    nothing = Money(0)
    prices = UnitPrices(nothing, nothing, nothing, nothing, Money(1_000_000_000), source="the tests")
    priced = {profile.name: replace(profile, prices=profile.prices or prices) for profile in catalog.all()}
    return replace(catalog, by_name={name: priced[profile.name] for name, profile in catalog.by_name.items()})


async def _no_bytes() -> AsyncIterator[bytes]:
    yield b""


def picture(content_type: str = "image/png", size_bytes: int = 1_000) -> InputImage:
    """A picture of which only kind and size matter: nothing in this room reads it."""
    return InputImage(content_type, size_bytes, _no_bytes, sha256="")


def generation(**fields: Any) -> Order:
    """An order as the door makes it of JSON."""
    return Order("generations", fields_of({"prompt": "a red cube"} | fields))


def fields_of(given: Mapping[str, object]) -> dict[str, object]:
    """The values as they are read from the wire (large integers become floats there), nulls left out."""
    read = orjson.loads(json.dumps(given))
    return {name: value for name, value in read.items() if value is not None}


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
