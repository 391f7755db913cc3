"""One client's connection: requests answered in order, writes with back-pressure, and ways to end it badly."""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from typing import cast

from typing_extensions import override

from app.simulator.answer import ReceivedRequest
from app.simulator.reader import RequestReader, UnreadableError

Serve = Callable[["Connection", ReceivedRequest], Awaitable[None]]
"""Answers one request on its connection."""

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER of zero seconds: closing sends a reset and throws away what the kernel had not sent."""


class Connection(asyncio.Protocol):
    """A connection works on its own task, so that a client that leaves does not stop the exchange it began."""

    def __init__(self, serve: Serve, max_body_bytes: int) -> None:
        loop = asyncio.get_running_loop()
        self._serve = serve
        self._reader = RequestReader(max_body_bytes)
        self._waiting: deque[ReceivedRequest] = deque()
        self._writable = asyncio.Event()
        self._writable.set()
        self._transport: asyncio.Transport | None = None
        self.task: asyncio.Task[None] | None = None
        """The exchange under way and those pipelined behind it."""
        self.gone: asyncio.Future[None] = loop.create_future()
        """Done once the connection is closed, by whichever side."""
        self.is_stale = False
        """Reset the connection, unread, when anything more arrives."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=0)  # drained means: all of it is with the kernel

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._waiting.clear()
        self._writable.set()
        if not self.gone.done():
            self.gone.set_result(None)

    @override
    def pause_writing(self) -> None:
        self._writable.clear()

    @override
    def resume_writing(self) -> None:
        self._writable.set()

    @override
    def data_received(self, data: bytes) -> None:
        if self.is_stale:
            self.reset()
            return
        try:
            self._waiting.extend(self._reader.feed(data))
        except UnreadableError as error:
            self.write(b"HTTP/1.1 %d \r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % error.status)
            self.close()
            return
        if self._reader.wants_continue:
            self._reader.wants_continue = False
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._waiting and (self.task is None or self.task.done()):
            self.task = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._serve(self, self._waiting.popleft())
        except BaseException:
            self.reset()  # stopped, or a fault of ours: never leave a client waiting for nothing
            raise

    def write(self, data: bytes) -> None:
        """Hand bytes to the connection; silently nothing once the client is gone."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def drain(self) -> None:
        """Wait until everything written is with the kernel, or the client is gone."""
        await self._writable.wait()

    def close(self) -> None:
        """Close cleanly, behind what was written."""
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """Break the connection off: the client sees a reset."""
        if self._transport is None:
            if not self.gone.done():
                self.gone.set_result(None)  # never made: its TLS handshake failed, of which nobody tells a protocol
            return
        peer = cast("socket.socket | None", self._transport.get_extra_info("socket"))
        if peer is not None and peer.fileno() >= 0:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._transport.abort()
