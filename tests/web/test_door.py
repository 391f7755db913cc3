"""The door reads a body under its limits, watches the client after it, and leaves nothing behind."""

import asyncio
import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.types import Message

from app.errors import BodyTooLarge, BodyTooSlow, ClientGone, InvalidRequest
from app.web.body import BodyLimits
from app.web.order_reader import OrderLimits, OrderReader
from tests.support.open_files import unlinked_files
from tests.support.waiting import until
from tests.web.scene import (
    FORM_TYPE,
    JSON_TYPE,
    PNG,
    arriving,
    file,
    form,
    open_door,
    open_reader,
    read_out,
    scope_of,
    text,
)

MiB = 1024 * 1024


async def test_an_order_is_read_once(reader: OrderReader) -> None:
    """Asked again the door gives the very same order, pictures included."""
    body = form(text("prompt", "x"), file("image"))
    async with open_door(reader, "edits", scope_of(FORM_TYPE), arriving([body])) as door:
        first = await door.order()

        assert await door.order() is first
        assert (await read_out(first)).images == [("image/png", PNG)]
        assert (await read_out(first)).images == [("image/png", PNG)]


async def test_pictures_are_gone_with_their_door(reader: OrderReader) -> None:
    """Whoever still holds an order after its request cannot read its pictures, and no file stays open."""
    before = unlinked_files()
    body = form(file("image", PNG), file("mask", bytes(MiB)))
    async with open_door(reader, "edits", scope_of(FORM_TYPE), arriving([body])) as door:
        order = await door.order()
        assert unlinked_files() > before

    assert unlinked_files() == before
    with pytest.raises(ValueError, match="closed"):
        await read_out(order)


async def test_a_form_that_is_too_large_leaves_nothing(tmp_path: Path) -> None:
    """Past the cap it is 413, however far it came; what was spooled is given back."""
    reader = open_reader(tmp_path / "spool", OrderLimits(BodyLimits(1024, 5), BodyLimits(MiB, 5)))
    body = form(file("image", os.urandom(2 * MiB)))
    pieces = [body[at : at + 65_536] for at in range(0, len(body), 65_536)]
    before = unlinked_files()
    async with open_door(reader, "edits", scope_of(FORM_TYPE), arriving(pieces)) as door:
        with pytest.raises(BodyTooLarge, match="1,048,576 bytes"):
            await door.order()

    assert unlinked_files() == before
    assert list((tmp_path / "spool").iterdir()) == []


async def test_an_announced_length_is_believed_when_it_is_too_large(reader: OrderReader) -> None:
    """Refused before a byte is asked for."""

    async def receive() -> Message:
        raise AssertionError("the body must not be read")

    scope = scope_of(FORM_TYPE, (b"content-length", b"8000001"))
    async with open_door(reader, "edits", scope, receive) as door:
        with pytest.raises(BodyTooLarge):
            await door.order()


@pytest.mark.parametrize(
    "headers",
    [
        [(b"content-type", b"application/json")],
        [(b"content-length", b"1"), (b"content-length", b"2")],
        [(b"content-encoding", b"gzip")],
    ],
)
async def test_a_head_that_can_be_read_two_ways_is_refused(
    reader: OrderReader, headers: list[tuple[bytes, bytes]]
) -> None:
    """Two content types, two lengths, or a compressed body: 400."""
    async with open_door(reader, "edits", scope_of(FORM_TYPE, *headers), arriving([])) as door:
        with pytest.raises(InvalidRequest) as refused:
            await door.order()

    assert refused.value.status == 400


@pytest.mark.parametrize(("content_type", "begun"), [(FORM_TYPE, form(file("image"))[:80]), (JSON_TYPE, b"{")])
async def test_a_body_that_stops_is_too_slow(tmp_path: Path, content_type: str, begun: bytes) -> None:
    """The deadline of uploads ends a body whose rest never comes."""
    reader = open_reader(tmp_path, OrderLimits(BodyLimits(1024, 5), BodyLimits(MiB, 0.05)))

    async def receive() -> Message:
        if not sent:
            sent.append(begun)
            return {"type": "http.request", "body": begun, "more_body": True}
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return] # never comes

    sent: list[bytes] = []
    async with open_door(reader, "edits", scope_of(content_type), receive) as door:
        with pytest.raises(BodyTooSlow, match=r"0\.05 seconds"):
            await door.order()


async def test_a_client_that_leaves_in_mid_body_is_gone(reader: OrderReader) -> None:
    """A hang-up inside the form ends the reading."""

    async def receive() -> Message:
        return (
            {"type": "http.request", "body": begun.pop(), "more_body": True} if begun else {"type": "http.disconnect"}
        )

    begun = [form(file("image"))[:-20]]
    async with open_door(reader, "edits", scope_of(FORM_TYPE), receive) as door:
        with pytest.raises(ClientGone):
            await door.order()

        assert door.is_left


async def test_a_client_that_leaves_after_its_body_is_noticed(reader: OrderReader) -> None:
    """From the end of the body on, a hang-up shows on the door."""
    leaves = asyncio.Event()

    async def receive() -> Message:
        if begun:
            return {"type": "http.request", "body": begun.pop(), "more_body": False}
        await leaves.wait()
        return {"type": "http.disconnect"}

    begun = [form(text("prompt", "x"))]
    async with open_door(reader, "edits", scope_of(FORM_TYPE), receive) as door:
        await door.order()
        assert not door.is_left
        leaves.set()

        async def is_left() -> bool:
            return door.is_left

        assert await until(is_left)


async def test_memory_stays_flat_under_a_large_upload(tmp_path: Path) -> None:
    """Forty megabytes pass through eight at most, going in and coming out."""
    reader = open_reader(tmp_path, OrderLimits(BodyLimits(1024, 60), BodyLimits(64 * MiB, 60)))
    piece = os.urandom(64 * 1024)

    def pieces() -> Iterator[bytes]:
        head, tail = form(file("image", PNG + b"-the-cut-")).split(b"-the-cut-")
        yield head
        for _ in range(640):
            yield piece
        yield tail

    async with open_door(reader, "edits", scope_of(FORM_TYPE), arriving(pieces())) as door:
        tracemalloc.start()
        try:
            order = await door.order()
            size_bytes = sum([len(part) async for part in order.images[0].read()])
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert size_bytes == order.images[0].size_bytes == len(PNG) + 40 * MiB
    assert peak_bytes < 8 * MiB
