"""Deadlines of one length that share one timer, and what is forgiven where our own loop was too late to look.

A timer for each request would cost as much as reading its body.
"""

import asyncio
import time
from types import TracebackType
from typing import Self

_MOST_GRACE_SECONDS = 1.0


def grace_seconds(late_seconds: float) -> float:
    """How much time a server gets back when the timer that ends its time is late: then our own loop stood still.

    What it does in such a while nobody sees, nor is anything sent. How long it was is not known, but that it was
    longer than the timer is late. Never nothing: what lies in the socket is read before a timer runs.
    """
    return min(max(10 * late_seconds, 0.001), _MOST_GRACE_SECONDS)


class Patience:
    """How long some kind of work may take, of one event loop; `limit` the work with it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._limits: dict[Limit, None] = {}  # those under way; being equally long, they end in their order
        self._timer: asyncio.TimerHandle | None = None

    def limit(self) -> "Limit":
        """A context that ends its task's work when the time is up, as `asyncio.timeout` does.

        Raises:
            TimeoutError: on leaving it, if the time was up before the work was done.

        """
        return Limit(self, self._limits)

    def watch(self) -> None:
        """See to it that somebody looks when the next time is up."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self.seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        now = time.monotonic()
        while (first := next(iter(self._limits), None)) is not None:
            if first.ends > now:
                self._timer = asyncio.get_running_loop().call_later(first.ends - now, self._look)
                return
            del self._limits[first]
            first.expire()


class Limit:
    """One piece of work and its end."""

    __slots__ = ("_cancelling", "_limits", "_patience", "_task", "ends", "is_over")

    def __init__(self, patience: Patience, limits: dict["Limit", None]) -> None:
        self._patience = patience
        self._limits = limits
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self.ends = 0.0
        """When the time is up, by ``time.monotonic``."""
        self.is_over = False
        """Whether it was up before the work was done."""

    def __enter__(self) -> Self:
        self._task = task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only the work of a task can be limited")
        self._cancelling = task.cancelling()
        self.ends = time.monotonic() + self._patience.seconds
        self._limits[self] = None
        self._patience.watch()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._limits.pop(self, None)
        task, self._task = self._task, None
        if self.is_over and task is not None:
            # A cancellation of somebody else that came meanwhile is not ours to turn into a timeout.
            is_ours = task.uncancel() <= self._cancelling
            if is_ours and kind is asyncio.CancelledError:
                raise TimeoutError from error

    def expire(self) -> None:
        """The time is up."""
        self.is_over = True
        if self._task is not None:
            self._task.cancel()
