"""Streamed answers have a deadline for whoever takes them."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

from starlette.types import Message

from app.web.paced import PacedResponse
from app.web.wire import WIRE, Wire


class Taker:
    """A client that takes so many pieces, and then nothing."""

    write_paused = True

    def __init__(self, takes: int) -> None:
        self.taken: list[bytes] = []
        self._takes = takes
        self.is_cut = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            if len(self.taken) == self._takes:
                await asyncio.Event().wait()
            self.taken.append(message.get("body", b""))

    async def receive(self) -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    def abort(self) -> None:
        self.is_cut = True

    def writelines(self, list_of_data: Iterable[bytes]) -> None:
        raise AssertionError(list_of_data)

    async def is_served(self, pieces: AsyncIterator[str], version: str) -> None:
        """Take a streamed answer of a server of this version of ASGI."""
        extensions = {WIRE: {"wire": Wire(self, self)}}
        scope: dict[str, Any] = {"type": "http", "asgi": {"spec_version": version}, "extensions": extensions}
        await PacedResponse(pieces, "text/plain", {}, send_seconds=0.05)(scope, self.receive, self.send)


async def numbers(closed: list[bool]) -> AsyncIterator[str]:
    """Pieces without an end of their own."""
    try:
        for number in range(1000):
            yield str(number)
    finally:
        closed.append(True)


async def test_who_takes_nothing_is_hung_up_on() -> None:
    """After so long a piece is not waited for any more, and the connection is dropped."""
    for version in ("2.3", "2.4"):
        taker = Taker(3)
        await taker.is_served(numbers([]), version)
        assert taker.is_cut
        assert taker.taken == [b"0", b"1", b"2"]


async def test_who_takes_all_gets_all() -> None:
    """However many pieces there are: the deadline is for each."""
    taker, closed = Taker(2000), list[bool]()
    await taker.is_served(numbers(closed), "2.3")
    assert not taker.is_cut
    assert len(taker.taken) == 1001
    assert closed == [True]
