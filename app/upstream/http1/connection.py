"""One HTTP/1.1 connection to an upstream: sends a request, receives its answer, holds both to their deadlines.

The consumer sets the pace. Bytes wait here only up to one chunk; then reading stops, the kernel's buffers fill and TCP
slows the server down. One task uses a connection at a time, so there is at most one waiter, and anything that happens
on the socket wakes it to look again.
"""

import asyncio
import select
import socket
from collections.abc import Callable
from contextlib import aclosing
from typing import NamedTuple, cast

import httpx
from typing_extensions import override

from app.upstream.http1.deadlines import Alarm, Deadlines
from app.upstream.http1.incoming import Incoming
from app.upstream.http1.outgoing import Outgoing
from app.upstream.http1.read_buffer import MIN_CHUNK_BYTES, ReadBuffer

KEEPALIVE_AFTER_SECONDS = 60
"""Silence after which the kernel probes the peer. A generation is silent for minutes; address translators on the way
forget a connection after a few, and Linux's own default of two hours would come too late."""


class Origin(NamedTuple):
    """Where a connection leads; it serves requests of its own origin only."""

    scheme: str
    host: str
    port: int
    server_name: str
    """The name asked for in TLS and demanded of the certificate; the host, unless the caller pinned an address."""


class Connection(asyncio.BufferedProtocol):
    """A connection in use or idle; ``on_lost`` is called once, when its socket is gone."""

    _transport: asyncio.Transport

    def __init__(self, origin: Origin, buffer: ReadBuffer, on_lost: Callable[["Connection"], None]) -> None:
        self.origin = origin
        self.idle_since_seconds = 0.0
        self._loop = asyncio.get_running_loop()
        self._buffer = buffer
        self._on_lost = on_lost
        self._poll = select.poll()
        self._answer: Incoming | None = None
        self._failure: httpx.RequestError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._alarm = Alarm(self._loop, self._give_up)
        self._is_sending = False
        self._is_reading_paused = False
        self._is_writing_paused = False
        self._is_closed = False

    # What the transport calls.

    def is_open(self) -> bool:
        """Whether the event loop still knows both sides to be open."""
        return not self._is_closed

    def is_usable(self) -> bool:
        """Whether a request may be sent now.

        Asks the kernel as well: the loop may not have looked since the server closed, and on a silent connection
        anything to read is either that or bytes nobody asked for.
        """
        return not self._is_closed and not self._poll.poll(0)

    async def exchange(
        self, outgoing: Outgoing, answer: Incoming, deadlines: Deadlines, dispatched: Callable[[], None]
    ) -> None:
        """Send the request, calling ``dispatched`` right before its first byte, and receive the head of its answer."""
        self._answer = answer
        self._buffer.streams += 1
        self._is_sending = True
        if outgoing.whole is not None:
            self._dispatch(outgoing.whole, dispatched)
            self._is_sending = False
        else:
            await self._send(outgoing, answer, deadlines.write, dispatched)
        while not answer.has_head:
            await self._wait(deadlines.read)

    async def read(self, read_seconds: float | None) -> bytes:
        """The next chunk of the answer's body; empty at its end."""
        answer = self._answer
        if answer is None:
            raise AssertionError("a body is read within its exchange")
        while not answer.in_hand_bytes:
            if answer.is_complete:
                return b""
            await self._wait(read_seconds)
        chunk = answer.take()
        self._resume_reading()
        return chunk

    def is_drained(self) -> bool:
        """Whether the answer has arrived and been read to its end."""
        return self._answer is not None and self._answer.is_complete and not self._answer.in_hand_bytes

    def finish(self) -> bool:
        """End the exchange; True when the connection may serve another, else it has been closed."""
        answer, self._answer = self._answer, None
        if answer is not None:
            self._buffer.streams -= 1
            if answer.is_complete and answer.is_reusable and not self._is_sending and not self._is_closed:
                self._resume_reading()
                return True
        self.abort()
        return False

    def abort(self) -> None:
        """Close without ceremony; whoever waits on this connection gets a ``ReadError``."""
        self._is_closed = True
        self._fail(httpx.ReadError("the connection was closed on our side"))
        self._transport.abort()

    # What the event loop calls.

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open, through proxy and TLS if there are any."""
        self._transport = cast("asyncio.Transport", transport)
        connected = transport.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_KEEPIDLE"):  # not on every platform
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_AFTER_SECONDS)
        self._poll.register(connected.fileno(), select.POLLIN)

    @override
    def get_buffer(self, sizehint: int) -> memoryview:
        """Room for what this stream may still hold; never none, which would mean the end of the file."""
        in_hand = self._answer.in_hand_bytes if self._answer is not None else 0
        return self._buffer.first(max(MIN_CHUNK_BYTES, self._buffer.chunk_bytes() - in_hand))

    @override
    def buffer_updated(self, nbytes: int) -> None:
        """The server sent bytes."""
        answer = self._answer
        if answer is None:  # to nobody: such a server cannot be trusted with a request on this connection
            self.abort()
            return
        try:
            answer.feed(self._buffer.first(nbytes))
        except httpx.RemoteProtocolError as error:
            self._fail(error)
            self.abort()
        else:
            room_bytes = self._buffer.chunk_bytes() - answer.in_hand_bytes
            if room_bytes < MIN_CHUNK_BYTES and not self._is_reading_paused:
                self._is_reading_paused = True
                self._transport.pause_reading()
            self._wake()

    @override
    def eof_received(self) -> None:
        """The server will send nothing more; returning None lets the loop close our side too."""
        self._end(None)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone, whoever closed it."""
        self._end(exc)
        self._alarm.cancel()
        self._on_lost(self)

    @override
    def pause_writing(self) -> None:
        """The socket takes no more for now."""
        self._is_writing_paused = True

    @override
    def resume_writing(self) -> None:
        """Most of what was written has left."""
        self._is_writing_paused = False
        self._wake()

    # Footnotes.

    def _dispatch(self, piece: bytes | memoryview, dispatched: Callable[[], None]) -> None:
        """Write the first bytes, if the connection still stands."""
        if self._is_closed:
            raise httpx.ConnectError("the server closed the connection before the request was sent")
        dispatched()
        self._transport.write(piece)

    async def _send(
        self, outgoing: Outgoing, answer: Incoming, write_seconds: float | None, dispatched: Callable[[], None]
    ) -> None:
        """Send piece by piece at the server's pace, and stop when it answers before it has heard everything."""
        is_first = True
        async with aclosing(outgoing.pieces()) as pieces:
            async for piece in pieces:
                if is_first:
                    self._dispatch(piece, dispatched)
                    is_first = False
                elif answer.has_head:
                    return
                elif self._failure is not None:
                    raise self._failure
                else:
                    self._transport.write(piece)
                while self._is_writing_paused and not answer.has_head:
                    await self._wait(write_seconds)
        self._is_sending = self._is_writing_paused

    async def _wait(self, seconds: float | None) -> None:
        """Return when something has happened here; raise what ended the connection, be it the deadline."""
        if self._failure is not None:
            raise self._failure
        self._waiter = self._loop.create_future()
        self._alarm.set(seconds)
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, failure: httpx.RequestError) -> None:
        """Note why this connection ended; only the first cause counts."""
        if self._failure is None:
            self._failure = failure
        self._wake()

    def _give_up(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            late = httpx.WriteTimeout if self._is_sending else httpx.ReadTimeout
            self._fail(late("the server let the deadline pass"))

    def _end(self, error: Exception | None) -> None:
        """The server's side is closed or broken, which may be just how the body ends."""
        self._is_closed = True
        if error is not None:
            broken = httpx.WriteError if self._is_sending else httpx.ReadError
            self._fail(broken(f"the connection broke: {error}"))
        elif self._answer is not None:
            try:
                self._answer.feed_eof()
            except httpx.RemoteProtocolError as cut:
                self._fail(cut)
        self._wake()

    def _resume_reading(self) -> None:
        if self._is_reading_paused:
            self._is_reading_paused = False
            if not self._is_closed:
                self._transport.resume_reading()
