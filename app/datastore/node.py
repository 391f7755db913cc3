"""One server: all calls of one loop tick travel in one write, behind a breaker of its own."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from typing_extensions import override

from app.datastore.batch import Batch
from app.datastore.breaker import Breaker
from app.datastore.call import Call, Waiting, pack
from app.datastore.connector import Way
from app.datastore.lanes import Lanes
from app.datastore.replies import refusal, unavailable

log = logging.getLogger(__name__)

RoundTrips = Callable[[float, bool], None]
"""Told of each round trip: how many seconds it took, and whether the server served."""


class Node:
    """Commands and scripts on one server. Every failure is a `StoreUnavailable`, its cause what Redis said.

    ``troubled`` is called whenever the server does not serve: it may not be the right one any more.
    """

    def __init__(
        self,
        way: Way,
        *,
        timeout_seconds: float,
        troubled: Callable[[], None] = lambda: None,
        watched: RoundTrips | None = None,
    ) -> None:
        self._lanes = Lanes(way, timeout_seconds=timeout_seconds, failed=self._failed)
        self._timeout_seconds = timeout_seconds
        self._troubled = troubled
        self._watched = watched
        self._loop: asyncio.AbstractEventLoop | None = None  # kept: asking for it is a call of the system each time
        self._gathering: Batch | None = None
        self._under_way = 0
        self._quiet = asyncio.Event()
        self.breaker = Breaker()
        self.errors = 0
        """Failed round trips since the start."""

    @override
    def __repr__(self) -> str:
        state = "open" if self.breaker.opened_at is not None else "closed"
        return f"[{self._under_way} writes under way] breaker {state}"

    def submit(self, call: Call, *, asking: bool = False) -> asyncio.Future[Any]:
        """Send a call with all others of this tick; ``asking`` follows a redirection of a slot that is on its way.

        Raises:
            UnicodeEncodeError: a word has no bytes (half a character); nobody else's call is touched.

        """
        packed = pack(call.words)
        loop = self._loop = self._loop or asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        if (batch := self._gathering) is None:
            batch = self._gathering = self._batch()
            loop.call_soon(self._launch, batch)
        batch.add(Waiting(call, asking, future), packed)
        return future

    async def aclose(self) -> None:
        """Wait for what is under way, then close the connections."""
        while self._under_way:
            self._quiet.clear()
            await self._quiet.wait()
        await self._lanes.aclose()

    def _batch(self, deadline: float = 0.0) -> Batch:
        self._under_way += 1
        return Batch(self._ended, deadline=deadline)

    def _launch(self, batch: Batch) -> None:
        """Send everything that gathered in this tick, or refuse all of it while the breaker is open."""
        loop = asyncio.get_running_loop()
        if self._lanes.is_unread:
            loop.call_soon(self._launch, batch)  # what was closed while nobody asked harms nobody: it is read first
            return
        self._gathering, now = None, time.monotonic()
        if self.breaker.allows(now):
            batch.deadline = loop.time() + self._timeout_seconds
            self._lanes.send(batch)
        else:
            after = self.breaker.retry_after_seconds(now)
            batch.refuse(lambda: unavailable("the breaker is open", may_have_happened=False, after=after))
            self._leaves()
            self._troubled()

    def _ended(self, batch: Batch) -> None:
        """Every call of a batch has its reply, or will have none."""
        fault = batch.fault
        if self._watched is not None:
            self._watched(time.perf_counter() - batch.started, fault is None)
        if fault is None:
            if self.breaker.opened_at is not None:
                log.warning("redis answers again", extra={"event": "circuit_closed"})
            self.breaker.succeeded()
        else:
            self.errors += 1
            if self._lanes.distrust(batch.lane) or self.breaker.trying:  # a try ends, whatever came of it
                self._failed(fault)
            self._troubled()
        if batch.unknown:
            self._send_whole(batch.unknown, batch.deadline)
        self._leaves()

    def _send_whole(self, unknown: list[Waiting], deadline: float) -> None:
        """Send scripts by their text, in what is left of their time."""
        batch = self._batch(deadline)
        for waiting in unknown:
            by_text = waiting.call.by_text()
            batch.add(waiting._replace(call=by_text), pack(by_text.words))
        self._lanes.send(batch)

    def _leaves(self) -> None:
        self._under_way -= 1
        if not self._under_way:
            self._quiet.set()

    def _failed(self, fault: Exception) -> None:
        """Note a failure; the first one after which calls are refused at once is told."""
        was_open = self.breaker.opened_at is not None
        self.breaker.failed(time.monotonic())
        if self.breaker.opened_at is not None and not was_open:
            why = refusal(fault).detail
            log.error("redis does not answer: calls are refused at once", extra={"event": "circuit_open", "why": why})
