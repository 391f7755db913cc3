"""One request through the real door, without a server around it: bytes in, the order and its pictures out."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.types import Message, Receive, Scope

from app.assets.spool import Spool
from app.catalog.order import InputImage, Operation, Order
from app.web.body import BodyLimits
from app.web.door import HttpDoor
from app.web.order_reader import OrderLimits, OrderReader
from app.web.pictures import Fetch

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
JPEG = b"\xff\xd8\xff\xe0" + b"\r\n--" * 20
WEBP = b"RIFF\x10\x00\x00\x00WEBPVP8 " + b"." * 50

BOUNDARY = "the-boundary"
FORM_TYPE = f"multipart/form-data; boundary={BOUNDARY}"
JSON_TYPE = "application/json"

LIMITS = OrderLimits(words=BodyLimits(4096, 5), uploads=BodyLimits(8_000_000, 5))

Pictured = tuple[str, bytes]
"""The content type and the bytes of a picture."""


@dataclass(frozen=True, slots=True)
class Read:
    """What a door made of a request, with its pictures read out."""

    fields: Mapping[str, object]
    images: list[Pictured]
    mask: Pictured | None
    markup: Pictured | None
    from_form: bool


def open_reader(folder: Path, limits: OrderLimits = LIMITS, fetch: Fetch | None = None) -> OrderReader:
    """A reader over a folder of the test's own."""
    return OrderReader(Spool(folder), limits, fetch)


def scope_of(content_type: str | None, *further: tuple[bytes, bytes]) -> Scope:
    """The head of a request."""
    headers = [*further, *([(b"content-type", content_type.encode())] if content_type is not None else [])]
    return {"type": "http", "method": "POST", "headers": headers, "state": {"request_id": "req_of_the_test"}}


def arriving(pieces: Iterable[bytes]) -> Receive:
    """The body in these pieces; then a client that waits for its answer."""
    left = iter(pieces)

    async def receive() -> Message:
        if (piece := next(left, None)) is not None:
            return {"type": "http.request", "body": piece, "more_body": True}
        if not ended.is_set():
            ended.set()
            return {"type": "http.request", "body": b"", "more_body": False}
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return] # never comes

    ended = asyncio.Event()
    return receive


async def _nowhere(_: Message) -> None:
    raise AssertionError("reading an order answers nothing")


@asynccontextmanager
async def open_door(
    reader: OrderReader, operation: Operation, scope: Scope, receive: Receive
) -> AsyncIterator[HttpDoor]:
    """A door that closes with the block."""
    door = HttpDoor(scope, receive, _nowhere, operation=operation, reader=reader, send_seconds=5)
    try:
        yield door
    finally:
        await door.close()


async def read(reader: OrderReader, operation: Operation, content_type: str | None, pieces: Iterable[bytes]) -> Read:
    """A whole request."""
    async with open_door(reader, operation, scope_of(content_type), arriving(pieces)) as door:
        return await read_out(await door.order())


async def read_out(order: Order) -> Read:
    """An order with the bytes of its pictures, which are gone when its door is closed; size and hash must be theirs."""
    return Read(
        order.fields,
        [await _picture(image) for image in order.images],
        await _picture(order.mask) if order.mask else None,
        await _picture(order.markup) if order.markup else None,
        order.from_form,
    )


async def _picture(image: InputImage) -> Pictured:
    data = b"".join([piece async for piece in image.read()])
    assert len(data) == image.size_bytes
    assert hashlib.sha256(data).hexdigest() == image.sha256
    return image.content_type, data


def part(disposition: str, data: bytes | str, *headers: str) -> bytes:
    """One part of a form, its delimiter before it."""
    head = "\r\n".join([f"Content-Disposition: form-data; {disposition}", *headers])
    return f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + (data.encode() if isinstance(data, str) else data) + b"\r\n"


def text(name: str, value: str) -> bytes:
    """A text field."""
    return part(f'name="{name}"', value)


def file(name: str, data: bytes = PNG) -> bytes:
    """A file, under a name and with a type that are not to be believed."""
    return part(f'name="{name}"; filename="../../etc/passwd"', data, "Content-Type: text/html")


def form(*parts: bytes) -> bytes:
    """A whole form."""
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def error_of(caught: Any) -> tuple[str | None, str]:
    """Parameter and code of a refusal that was raised."""
    return caught.value.param, caught.value.code
