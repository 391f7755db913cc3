"""What a caller asks for, as it was read from the wire and before anybody has judged it."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import orjson

from app.catalog.wording import kind_of
from app.errors import InvalidRequest

Operation = Literal["generations", "edits", "variations"]
"""What is to be done: the last word of the route, here and upstream."""


@dataclass(frozen=True, slots=True)
class InputImage:
    """A picture the caller sent along."""

    content_type: str
    """What its first bytes say it is (``image/png``); "" where they say nothing known."""
    size_bytes: int
    read: Callable[[], AsyncIterator[bytes]]
    """Its bytes, from the first one every time it is called."""


@dataclass(frozen=True, slots=True)
class Order:
    """The words and pictures of one request."""

    operation: Operation
    fields: Mapping[str, object]
    """JSON values; of a form, strings (``svg[model]`` and its like are objects)."""
    images: tuple[InputImage, ...] = ()
    mask: InputImage | None = None
    markup: InputImage | None = None
    from_form: bool = False
    """Every value is a string, and means what the rule of its parameter makes of it."""


def read_fields(body: bytes) -> dict[str, object]:
    """The members of a JSON body; a null is an absent parameter.

    Raises:
        InvalidRequest: it is not one JSON object in UTF-8.

    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(
            "We could not parse the JSON body of your request "
            f"(line {error.lineno}, column {error.colno}). The body must be one JSON object in UTF-8.",
            code="invalid_json",
        ) from None
    if not isinstance(document, dict):
        raise InvalidRequest(
            f"Invalid body: expected a JSON object, but got {kind_of(document)} instead.", code="invalid_type"
        )
    return {name: value for name, value in document.items() if value is not None}
