"""The room an order takes while it is read: on the disk others come first, and in memory small ones do not wait."""

import asyncio
import json
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message, Receive
from typing_extensions import override

from app.assets.disk import DiskSpace
from app.assets.spool import MEMORY_BYTES, Spool
from app.errors import GatewayError, Overloaded
from app.web.order_reader import OrderReader, read_fields
from tests.support.open_files import unlinked_files
from tests.support.waiting import until
from tests.web.scene import FORM_TYPE, JSON_TYPE, LIMITS, PNG, arriving, file, form, open_door, read, scope_of, text
from tests.web.test_documents import data_url

LOW = DiskSpace(total_bytes=1000, free_bytes=199)
LARGE = bytes(MEMORY_BYTES + 1)
LARGE_FORM = form(text("prompt", "x"), file("image[]", LARGE))
LARGE_WORDS = json.dumps({"prompt": "x" * 2_000_000}).encode()
SMALL_EDIT = json.dumps({"prompt": "x", "images": [{"image_url": data_url(PNG)}]}).encode()


@pytest.fixture
def crowded(tmp_path: Path) -> OrderReader:
    """A reader whose disk has less than a fifth free."""
    return OrderReader(Spool(tmp_path, read_disk=lambda _: LOW), LIMITS)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (FORM_TYPE, LARGE_FORM),
        (JSON_TYPE, json.dumps({"images": [{"image_url": data_url(LARGE)}]}).encode()),
    ],
)
async def test_uploads_are_refused_where_the_disk_is_for_others(
    crowded: OrderReader, content_type: str, body: bytes
) -> None:
    """A form and a document alike end with 503 and a time to try again, and leave nothing on the disk."""
    before = unlinked_files()
    with pytest.raises(Overloaded) as refused:
        await read(crowded, "edits", content_type, [body])

    assert refused.value.retry_after_seconds is not None
    assert unlinked_files() == before


async def test_an_order_that_needs_no_disk_is_read_there(crowded: OrderReader) -> None:
    """Words and small pictures stay in memory, so they are read however full the disk is."""
    assert (await read(crowded, "generations", JSON_TYPE, [b'{"prompt": "x"}'])).fields == {"prompt": "x"}
    for content_type, body in ((JSON_TYPE, SMALL_EDIT), (FORM_TYPE, form(file("image")))):
        assert (await read(crowded, "edits", content_type, [body])).images == [("image/png", PNG)]


class _OneThread(ThreadPoolExecutor):
    """What `asyncio.to_thread` uses, with one thread, and a count of what it was ever asked for."""

    def __init__(self) -> None:
        super().__init__(max_workers=1)
        self.submitted = 0

    @override
    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Count it, too."""
        self.submitted += 1
        return super().submit(fn, *args, **kwargs)


def _ending(body: bytes, end: asyncio.Event, asked: asyncio.Semaphore) -> Receive:
    """A body whose end comes when it is told to; ``asked`` is released when all before it has been taken."""
    before = arriving([body])
    is_taken = False

    async def receive() -> Message:
        nonlocal is_taken
        if is_taken and not end.is_set():
            asked.release()
            await end.wait()
        is_taken = True
        return await before()

    return receive


async def test_small_documents_do_not_wait_for_large_ones(tmp_path: Path) -> None:
    """While more large documents than there is room for wait for a slow disk, an edit of a small picture is read."""
    threads, goes_on = _OneThread(), threading.Event()
    asyncio.get_running_loop().set_default_executor(threads)
    reader = OrderReader(Spool(tmp_path), LIMITS)
    end, asked = asyncio.Event(), asyncio.Semaphore(0)

    async def read_large() -> None:
        async with open_door(reader, "edits", scope_of(JSON_TYPE), _ending(LARGE_WORDS, end, asked)) as door:
            await door.order()

    large = [asyncio.create_task(read_large()) for _ in range(4)]
    try:
        for _ in large:
            await asyncio.wait_for(asked.acquire(), 10)
        threads.submit(goes_on.wait)
        before = threads.submitted
        end.set()

        async def is_room_taken() -> bool:
            return threads.submitted == before + 2

        assert await until(is_room_taken)
        found = await asyncio.wait_for(read(reader, "edits", JSON_TYPE, [SMALL_EDIT]), 10)

        assert found.images == [("image/png", PNG)]
        assert not any(task.done() for task in large)
    finally:
        goes_on.set()
        await asyncio.gather(*large)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"prompt": "' + b"x" * 100_000, id="no JSON"),
        pytest.param(b'"' + b"x" * 100_000 + b'"', id="no object"),
        pytest.param(b"[" * 200_000, id="too many values"),
    ],
)
def test_a_refusal_holds_no_body(body: bytes) -> None:
    """Neither the parser's error, which has a copy of the text, nor a frame it passed keeps what was refused."""
    held = sys.getrefcount(body)
    with pytest.raises(GatewayError) as refused:
        read_fields(body)

    error = refused.value
    assert (error.__context__, error.__cause__) == (None, None)
    assert sys.getrefcount(body) == held
    trace = error.__traceback__
    assert trace is not None
    while (trace := trace.tb_next) is not None:
        assert not any(isinstance(value, str | bytes | list) for value in trace.tb_frame.f_locals.values())
        assert error not in trace.tb_frame.f_locals.values()
