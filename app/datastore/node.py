"""One server: all commands of one loop tick travel in one write, on a few connections, behind a breaker of its own."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import redis.asyncio as redis
from typing_extensions import override

from app.datastore.breaker import Breaker
from app.datastore.replies import is_servers_fault, refusal, unavailable, wants_text
from app.datastore.round_trip import Command, round_trip
from app.datastore.script import Script
from app.errors import StoreUnavailable

log = logging.getLogger(__name__)

_LANES = 2
"""Writes under way at once: while the server works on one, the next is on its way."""


@dataclass(frozen=True, slots=True)
class Call:
    """One command; ``key`` says where in a cluster it belongs, ``script`` whose text helps when its SHA is unknown."""

    words: Command
    key: str | bytes | None = None
    script: Script | None = None

    def by_text(self) -> "Call":
        """The same script, sent whole."""
        if self.script is None:
            return self
        return replace(self, words=("EVAL", self.script.source, *self.words[2:]), script=None)


@dataclass(frozen=True, slots=True)
class _Waiting:
    call: Call
    asking: bool
    future: asyncio.Future[Any]

    def commands(self) -> tuple[Command, ...]:
        return (("ASKING",), self.call.words) if self.asking else (self.call.words,)


RoundTrips = Callable[[float, bool], None]
"""Told of each round trip: how many seconds it took, and whether the server served."""


class Node:
    """Commands and scripts on one server. Every failure is a `StoreUnavailable`, its cause what Redis said.

    At most two writes are under way at once; what comes meanwhile gathers for the next. ``troubled`` is called
    whenever the server does not serve: it may not be the right one any more.
    """

    def __init__(
        self,
        client: redis.Redis,
        *,
        timeout_seconds: float,
        troubled: Callable[[], None] = lambda: None,
        watched: RoundTrips | None = None,
    ) -> None:
        self._client = client
        self._timeout_seconds = timeout_seconds
        self._troubled = troubled
        self._watched = watched
        self._pending: list[_Waiting] = []
        self._waiting_since = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._launching = False
        self.breaker = Breaker()
        self.errors = 0
        """Failed round trips since the start."""

    @override
    def __repr__(self) -> str:
        state = "open" if self.breaker.opened_at is not None else "closed"
        return f"[{len(self._pending)} pending, {len(self._tasks)} in flight] breaker {state}"

    def submit(self, call: Call, *, asking: bool = False) -> asyncio.Future[Any]:
        """Send a call with all others of this tick; ``asking`` follows a redirection of a slot that is on its way."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        if not self._pending:
            self._waiting_since = loop.time()
        self._pending.append(_Waiting(call, asking, future))
        if not self._launching and len(self._tasks) < _LANES:
            self._launching = True
            loop.call_soon(self._launch)
        return future

    async def aclose(self) -> None:
        """Wait for what is under way, then close the connections."""
        while self._tasks or self._pending:
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await asyncio.sleep(0)  # what waits for the end of the tick leaves now
        await self._client.aclose()

    def _launch(self) -> None:
        """Send everything that gathered in this tick, or refuse all of it while the breaker is open."""
        self._launching = False
        batch, self._pending = self._pending, []
        now = time.monotonic()
        if batch and not self.breaker.allows(now):
            after = self.breaker.retry_after_seconds(now)
            _fail(batch, lambda: unavailable("the breaker is open", may_have_happened=False, after=after))
            self._troubled()
        elif batch:
            # Time spent waiting for a lane counts: behind a frozen server nobody waits for two timeouts.
            deadline = self._waiting_since + self._timeout_seconds
            task = asyncio.get_running_loop().create_task(self._travel(batch, deadline))
            self._tasks.add(task)
            task.add_done_callback(self._landed)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._pending and not self._launching:
            self._launch()

    async def _travel(self, batch: list[_Waiting], deadline: float) -> None:
        """One write, there and back, and one more for scripts the server did not know."""
        try:
            if unknown := await self._deliver(batch, deadline):
                await self._deliver([replace(waiting, call=waiting.call.by_text()) for waiting in unknown], deadline)
        except BaseException:
            self._failed("the round trip was broken off")
            _fail(batch, lambda: unavailable("the round trip was broken off", may_have_happened=True))
            raise

    async def _deliver(self, batch: list[_Waiting], deadline: float) -> list[_Waiting]:
        """Send a batch and resolve its futures, whatever happens; returns those whose script is not known there."""
        sent = [waiting.commands() for waiting in batch]
        replies = iter(await self._replies([words for commands in sent for words in commands], deadline))
        unknown = []
        for waiting, commands in zip(batch, sent, strict=True):
            reply = [next(replies) for _ in commands][-1]  # before the last stands what ASKING got
            if waiting.call.script is not None and wants_text(reply):
                unknown.append(waiting)
            elif waiting.future.done():
                pass  # its caller was cancelled and has left
            elif isinstance(reply, Exception):
                waiting.future.set_exception(refusal(reply))
            else:
                waiting.future.set_result(reply)
        return unknown

    async def _replies(self, commands: list[Command], deadline: float) -> list[Any]:
        started = time.perf_counter()
        replies = await round_trip(self._client, commands, deadline)
        is_served = not any(map(is_servers_fault, replies))
        if self._watched is not None:
            self._watched(time.perf_counter() - started, is_served)
        if is_served:
            if self.breaker.opened_at is not None:
                log.warning("redis answers again", extra={"event": "circuit_closed"})
            self.breaker.succeeded()
        else:
            self.errors += 1
            self._failed(refusal(next(filter(is_servers_fault, replies))).detail)
            self._troubled()
        return replies

    def _failed(self, why: str) -> None:
        """Note a failure; the first one after which calls are refused at once is told."""
        was_open = self.breaker.opened_at is not None
        self.breaker.failed(time.monotonic())
        if self.breaker.opened_at is not None and not was_open:
            log.error("redis does not answer: calls are refused at once", extra={"event": "circuit_open", "why": why})


def _fail(batch: list[_Waiting], refused: Callable[[], StoreUnavailable]) -> None:
    """Refuse everyone who still waits, each with an exception of its own."""
    for waiting in batch:
        if not waiting.future.done():
            waiting.future.set_exception(refused())
