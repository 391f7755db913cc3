"""Which connections there are, how many may be in use, and who waits for one.

A request first gets a *permit* (``max_connections`` of them, first come first served), then an idle connection of its
origin or a new one. Connections in use plus idle ones never exceed the permits. Nothing here awaits but the wait for a
permit, and closing; so cancellation can strike nowhere else.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

import httpx
from typing_extensions import override

from app.upstream.http1.connection import Connection, Origin

CLOSE_SECONDS = 1.0
"""How long closing waits for the loop to let go of aborted sockets: it needs one turn, TLS two."""

_CLOSED = "the transport is closed"


class Pool:
    """The connections of one transport: in use, idle, and on their way out."""

    def __init__(
        self, *, max_connections: int, max_idle_connections: int, idle_seconds: float, clock: Callable[[], float]
    ) -> None:
        self._max_connections = max_connections
        self._max_idle = min(max_idle_connections, max_connections)
        self._idle_seconds = idle_seconds
        self._clock = clock
        self._permits_out = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._idle: list[Connection] = []  # oldest first
        self._open: set[Connection] = set()
        self._all_gone = asyncio.Event()
        self._sweep_timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    @override
    def __repr__(self) -> str:
        return (
            f"<Pool [requests: {self._permits_out} active, {len(self._waiters)} waiting"
            f" | connections: {len(self._idle)} idle, {len(self._open)} open]>"
        )

    async def acquire(self, seconds: float | None) -> None:
        """Get a permit, to be returned by :meth:`release`; raises ``PoolTimeout`` when none comes free in time."""
        if self._is_closed:
            raise httpx.ConnectError(_CLOSED)
        if self._permits_out < self._max_connections:
            self._permits_out += 1
            return
        permit = asyncio.get_running_loop().create_future()
        self._waiters.append(permit)
        try:
            async with asyncio.timeout(seconds):
                await permit
        except BaseException as error:
            if permit.done() and not permit.cancelled() and permit.exception() is None:
                self.release()  # granted in the very moment we stopped waiting
            elif permit in self._waiters:
                self._waiters.remove(permit)
            if isinstance(error, TimeoutError):
                raise httpx.PoolTimeout(f"all {self._max_connections} connections stayed in use") from error
            raise

    def release(self) -> None:
        """Return a permit; the one who has waited longest gets it."""
        self._permits_out -= 1
        while self._waiters and self._permits_out < self._max_connections:
            permit = self._waiters.popleft()
            if not permit.done():
                permit.set_result(None)
                self._permits_out += 1

    def take_idle(self, origin: Origin) -> Connection | None:
        """The connection to this origin that was used last and still stands."""
        for index in range(len(self._idle) - 1, -1, -1):
            if self._idle[index].origin != origin:
                continue
            connection = self._idle.pop(index)
            if self._clock() - connection.idle_since_seconds < self._idle_seconds and connection.is_usable():
                return connection
            connection.abort()
        return None

    def make_room(self) -> None:
        """Before dialling: close the oldest idle connections of other origins if they take up the room."""
        while self._idle and self._permits_out + len(self._idle) > self._max_connections:
            self._idle.pop(0).abort()

    def opened(self, connection: Connection) -> None:
        """Own a new connection; refuses, and closes it, when the pool was closed meanwhile."""
        if self._is_closed:
            connection.abort()
            raise httpx.ConnectError(_CLOSED)
        if connection.is_open():  # else its server has hung up already, and ``lost`` was or will be called in vain
            self._open.add(connection)

    def lost(self, connection: Connection) -> None:
        """Forget a connection whose socket is gone."""
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if not self._open:
            self._all_gone.set()

    def put_back(self, connection: Connection) -> None:
        """End the exchange on a connection: keep it if it may serve another; return the permit either way."""
        if connection.finish():
            connection.idle_since_seconds = self._clock()
            self._idle.append(connection)
            if len(self._idle) > self._max_idle:
                self._idle.pop(0).abort()
            if self._sweep_timer is None:
                self._sweep_in(self._idle_seconds)
        self.release()

    async def aclose(self) -> None:
        """Close every connection, in use or not; whoever waits for a permit gets a ``ConnectError``."""
        self._is_closed = True
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
        for permit in self._waiters:
            if not permit.done():
                permit.set_exception(httpx.ConnectError(_CLOSED))
        self._waiters.clear()
        self._idle.clear()
        for connection in list(self._open):
            connection.abort()
        if self._open:
            self._all_gone.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._all_gone.wait(), CLOSE_SECONDS)

    def _sweep_in(self, seconds: float) -> None:
        self._sweep_timer = asyncio.get_running_loop().call_later(seconds, self._sweep)

    def _sweep(self) -> None:
        """Close what has been idle too long, and come back when the next one will have been."""
        self._sweep_timer = None
        now = self._clock()
        while self._idle and now - self._idle[0].idle_since_seconds >= self._idle_seconds:
            self._idle.pop(0).abort()
        if self._idle:
            self._sweep_in(max(0.001, self._idle[0].idle_since_seconds + self._idle_seconds - now))
