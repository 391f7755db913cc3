"""Requests at a set pace, and very many at once, over raw sockets; what they are answered is counted and forgotten."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import uvloop
from typing_extensions import override

from tests.load.answers import PATH

_READ_BYTES = 1 << 18
_TAIL = b"\r\n0\r\n\r\n"
_SPIN_SECONDS = 0.002
"""Before a request is due no timer is trusted any more: those of the loop are late by up to a millisecond."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a lot of requests came to."""

    asked: int
    answered: int
    wall_seconds: float
    seconds: tuple[float, ...]
    """Of each whole answer that was a 200, ascending."""

    def within(self, share: float) -> float:
        """The seconds within which that share of the answers came; infinite without any."""
        return (
            self.seconds[min(len(self.seconds) - 1, int(share * len(self.seconds)))] if self.seconds else float("inf")
        )


class Caller(asyncio.BufferedProtocol):
    """A connection that asks, one request at a time, and reads without keeping.

    The end of a chunked answer is known by its last seven bytes, which no picture in base64 contains.
    """

    _room = memoryview(bytearray(_READ_BYTES))
    """One for all: what is in it has been looked at before the next is read."""

    def __init__(self) -> None:
        self._whole: asyncio.Future[bool] | None = None
        self._transport: asyncio.WriteTransport | None = None
        self._begin()

    def ask(self, request: bytes) -> asyncio.Future[bool]:
        """Send a request; the future says whether it was answered with a whole 200."""
        self._begin()
        self._whole = asyncio.get_running_loop().create_future()
        if self._transport is None or self._transport.is_closing():
            self._end(is_good=False)
        else:
            self._transport.write(request)
        return self._whole

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's own is none by name

    @override
    def get_buffer(self, sizehint: int) -> memoryview:
        return self._room

    @override
    def buffer_updated(self, nbytes: int) -> None:
        if self._left is None:
            self._read_head(bytes(self._room[:nbytes]))
        elif self._left < 0:
            self._see_tail(bytes(self._room[max(0, nbytes - len(_TAIL)) : nbytes]))
        else:
            self._count(nbytes)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._end(is_good=False)

    def _begin(self) -> None:
        self._head = b""
        self._left: int | None = None
        """Bytes of the body still to come; -1: in chunks, so nobody knows."""
        self._tail = b""

    def _read_head(self, data: bytes) -> None:
        self._head += data
        head, end, rest = self._head.partition(b"\r\n\r\n")
        if not end:
            return
        self._head = head
        length = content_length(head)
        if length is None:
            self._left = -1
            self._see_tail(b"\r\n" + rest[-len(_TAIL) :])
        else:
            self._left = length
            self._count(len(rest))

    def _see_tail(self, data: bytes) -> None:
        self._tail = (self._tail + data)[-len(_TAIL) :]
        if self._tail == _TAIL:
            self._end(is_good=self._head.startswith(b"HTTP/1.1 200"))

    def _count(self, number: int) -> None:
        self._left = (self._left or 0) - number
        if self._left <= 0:
            self._end(is_good=self._head.startswith(b"HTTP/1.1 200"))

    def _end(self, *, is_good: bool) -> None:
        if self._whole is not None and not self._whole.done():
            self._whole.set_result(is_good)


def content_length(head: bytes) -> int | None:
    """What a head says of the length of its body; None where it says nothing."""
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return None


def request_bytes(body: bytes, headers: Mapping[str, str]) -> bytes:
    """A whole request, as it goes over the wire."""
    lines = {"Host": "localhost", "Content-Length": str(len(body)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {PATH} HTTP/1.1\r\n{head}\r\n".encode() + body


def at_once(port: int, request: bytes, number: int, *, within_seconds: float) -> Answered:
    """Open so many connections, then ask on all of them in one moment; whoever has no answer in time has none."""
    return uvloop.run(_at_once(port, request, number, within_seconds))


def at_pace(port: int, request: bytes, *, per_second: float, seconds: float) -> Answered:
    """Ask in even steps, whether or not earlier answers are there yet; each is timed from when it was due."""
    return uvloop.run(_at_pace(port, request, per_second, seconds))


async def _at_once(port: int, request: bytes, number: int, within_seconds: float) -> Answered:
    callers = [await _connected(port) for _ in range(number)]
    times = []

    async def ask(caller: Caller) -> None:
        if await caller.ask(request):
            times.append(time.perf_counter() - began)

    began = time.perf_counter()
    asking = [asyncio.ensure_future(ask(caller)) for caller in callers]
    await asyncio.wait(asking, timeout=within_seconds)
    wall = max(times, default=within_seconds) if len(times) == number else time.perf_counter() - began
    for caller in callers:
        caller.close()
    await asyncio.gather(*asking)
    return Answered(number, sum(1 for taken in times if taken <= wall), wall, tuple(sorted(times)))


async def _at_pace(port: int, request: bytes, per_second: float, seconds: float) -> Answered:
    free = [await _connected(port)]
    times = []

    async def ask(due: float) -> None:
        caller = free.pop() if free else await _connected(port)
        if await caller.ask(request):
            times.append(time.perf_counter() - due)
            free.append(caller)

    began, number = time.perf_counter(), max(1, round(per_second * seconds))
    asking = []
    for at in range(number):
        due = began + at / per_second
        while (early := due - time.perf_counter()) > 0:  # noqa: ASYNC110 - what is waited for is the clock
            await asyncio.sleep(max(0.0, early - _SPIN_SECONDS))
        asking.append(asyncio.ensure_future(ask(due)))
        await asyncio.sleep(0)
    await asyncio.gather(*asking)
    wall = time.perf_counter() - began
    for caller in free:
        caller.close()
    return Answered(number, len(times), wall, tuple(sorted(times)))


async def _connected(port: int) -> Caller:
    _, caller = await asyncio.get_running_loop().create_connection(Caller, "127.0.0.1", port)
    return caller
