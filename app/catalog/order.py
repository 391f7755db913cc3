"""What a caller asks for, as it was read from the wire and before anybody has judged it."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Literal

from msgspec import Struct

Operation = Literal["generations", "edits", "variations"]
"""What is to be done: the last word of the route, here and upstream."""
Container = Literal["b64_json", "url"]
"""How a picture is handed over: inside the answer, or as a link."""


class InputImage(Struct, frozen=True):
    """A picture the caller sent along."""

    content_type: str
    """What its first bytes say it is (``image/png``); "" where they say nothing known."""
    size_bytes: int
    read: Callable[[], AsyncIterator[bytes]]
    """Its bytes, from the first one every time it is called."""
    sha256: str
    """Of its bytes, in hex: two pictures with the same are the same picture."""


class Order(Struct, frozen=True):
    """The words and pictures of one request."""

    operation: Operation
    fields: Mapping[str, object]
    """JSON values; of a form, strings (``svg[model]`` and its like are objects)."""
    images: tuple[InputImage, ...] = ()
    mask: InputImage | None = None
    markup: InputImage | None = None
    from_form: bool = False
    """Every value is a string, and means what the rule of its parameter makes of it."""
