"""How long a request may wait for each thing, and the alarm that rings when a wait has been too long."""

import asyncio
import math
from collections.abc import Callable
from typing import Self

import httpx
from msgspec import Struct

from app.patience import grace_seconds


class Deadlines(Struct, frozen=True):
    """Seconds a request may wait for each thing; None waits for ever.

    ``read`` and ``write`` start anew whenever bytes move; ``connect`` covers TCP, proxy and TLS together.
    """

    connect: float | None
    read: float | None
    write: float | None
    pool: float | None

    @classmethod
    def of(cls, request: httpx.Request, defaults: Self) -> Self:
        """The request's own, by httpx's ``timeout`` extension, else the defaults."""
        asked = request.extensions.get("timeout")
        if not asked:
            return defaults
        return cls(
            connect=asked.get("connect", defaults.connect),
            read=asked.get("read", defaults.read),
            write=asked.get("write", defaults.write),
            pool=asked.get("pool", defaults.pool),
        )


class Alarm:
    """Rings once the time set last has passed, give or take the loop's clock.

    Setting it later leaves the timer alone, which then fires early and looks again: re-arming a timer for every chunk
    of a body would cost more than reading the chunk. So it can ring for a wait that is over; the ringer must look.

    What came while our own process stood still lies in the socket when the timer fires, and uvloop looks at timers
    first: so it rings a moment later, unless it was set again meanwhile.
    """

    __slots__ = ("_due_seconds", "_loop", "_ring", "_timer", "_was_due_seconds")

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._due_seconds = self._was_due_seconds = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def set(self, seconds: float | None) -> None:
        """Ring in so many seconds, or never."""
        if seconds is None:
            self._due_seconds = math.inf
            return
        self._due_seconds = self._loop.time() + seconds
        if self._timer is not None and self._timer.when() > self._due_seconds:
            self.cancel()
        if self._timer is None:
            self._timer = self._loop.call_at(self._due_seconds, self._look)

    def cancel(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        late_seconds = self._loop.time() - self._due_seconds
        if late_seconds >= 0:
            self._was_due_seconds = self._due_seconds
            self._timer = self._loop.call_later(grace_seconds(late_seconds), self._judge)
        elif self._due_seconds != math.inf:
            self._timer = self._loop.call_at(self._due_seconds, self._look)

    def _judge(self) -> None:
        if self._due_seconds == self._was_due_seconds:
            self._timer = None
            self._ring()
        else:
            self._look()
