"""The one place that speaks Redis: all commands of one loop tick travel in one write, errors become refusals.

Commands wait for the end of the current loop tick and leave together as one pipeline (43 µs a command instead of 149 at
64 callers). At most ``lanes`` pipelines are under way at once; what comes meanwhile gathers for the next. Nothing is
ever re-sent by itself: every caller decides what an ambiguous outcome means to it.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import redis.asyncio as redis
from redis import exceptions
from typing_extensions import override

from app.datastore.breaker import Breaker
from app.datastore.script import Script
from app.errors import StoreUnavailable

log = logging.getLogger(__name__)

Argument = str | bytes | int
Command = tuple[Argument, ...]
Waiting = tuple[Command, asyncio.Future[Any]]

_CANNOT_SERVE = (
    exceptions.ConnectionError,  # refused, reset, LOADING and frozen servers among them
    exceptions.TimeoutError,
    exceptions.ReadOnlyError,
    exceptions.OutOfMemoryError,
    exceptions.MasterDownError,
    exceptions.ClusterDownError,
    OSError,
    TimeoutError,
)
"""Failures of the server rather than of one command: these trip the breaker."""


class Datastore:
    """Commands and scripts on one Redis, batched by loop tick, behind a breaker.

    Every method raises `StoreUnavailable` and nothing else when Redis cannot answer; its ``may_have_happened`` says
    whether the command can have taken effect all the same.
    """

    def __init__(self, client: redis.Redis, *, timeout_seconds: float = 0.8, lanes: int = 2) -> None:
        self._client = client
        self._timeout_seconds = timeout_seconds
        self._lanes = lanes
        self._pending: list[Waiting] = []
        self._waiting_since = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._launching = False
        self._texts: dict[str, str] = {}
        self.breaker = Breaker()
        self.errors = 0
        """Failed batches since the start, for the metrics."""

    @override
    def __repr__(self) -> str:
        state = "open" if self.breaker.opened_at is not None else "closed"
        return f"<Datastore [{len(self._pending)} pending, {len(self._tasks)} in flight] breaker {state}>"

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        """Run a script by its SHA; a server that does not know it gets the text."""
        self._texts[script.sha] = script.source
        return await self._submit(("EVALSHA", script.sha, len(keys), *keys, *args))

    async def command(self, *words: Argument) -> Any:
        """Run one command; the reply as redis-py reads it over RESP3: HGETALL is a dict, SMEMBERS a set."""
        return await self._submit(words)

    async def commands(self, commands: Sequence[Command]) -> list[Any]:
        """Run several commands in one write; their replies in order."""
        return list(await asyncio.gather(*[self._submit(words) for words in commands]))

    async def ping(self) -> None:
        """Ask whether Redis is there."""
        await self.command("PING")

    async def aclose(self) -> None:
        """Wait for what is under way, then close the connections."""
        while self._tasks or self._pending:
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await asyncio.sleep(0)  # what waits for the end of the tick leaves now
        await self._client.aclose()

    def _submit(self, words: Command) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        if not self._pending:
            self._waiting_since = loop.time()
        self._pending.append((words, future))
        if not self._launching and len(self._tasks) < self._lanes:
            self._launching = True
            loop.call_soon(self._launch)
        return future

    def _launch(self) -> None:
        """Send everything that gathered in this tick, or refuse all of it while the breaker is open."""
        self._launching = False
        batch, self._pending = self._pending, []
        now = time.monotonic()
        if batch and not self.breaker.allows(now):
            after = self.breaker.retry_after_seconds(now)
            _fail(batch, lambda: unavailable("the breaker is open", may_have_happened=False, after=after))
        elif batch:
            # Time spent waiting for a lane counts: behind a frozen server nobody waits for two timeouts.
            deadline = self._waiting_since + self._timeout_seconds
            task = asyncio.get_running_loop().create_task(self._exchange(batch, deadline))
            self._tasks.add(task)
            task.add_done_callback(self._landed)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._pending and not self._launching:
            self._launch()

    async def _exchange(self, batch: list[Waiting], deadline: float) -> None:
        """One pipeline, there and back, and one more for scripts the server did not know."""
        unknown = await self._deliver(batch, deadline)
        if unknown:
            await self._deliver([(self._with_text(words), future) for words, future in unknown], deadline)

    async def _deliver(self, batch: list[Waiting], deadline: float) -> list[Waiting]:
        """Send a batch and resolve its futures, whatever happens; returns those whose script is not known there."""
        try:
            replies = await self._pipeline([words for words, _ in batch], deadline)
        except BaseException as error:
            reason = error
            _fail(batch, lambda: _mapped(reason))
            if not isinstance(error, Exception):
                raise
            return []
        unknown = []
        for (words, future), reply in zip(batch, replies, strict=True):
            if isinstance(reply, exceptions.NoScriptError):
                unknown.append((words, future))
            elif future.done():
                pass  # its caller was cancelled and has left
            elif isinstance(reply, Exception):
                future.set_exception(_mapped(reply))
            else:
                future.set_result(reply)
        return unknown

    async def _pipeline(self, commands: list[Command], deadline: float) -> list[Any]:
        try:
            async with asyncio.timeout_at(deadline), self._client.pipeline(transaction=False) as pipe:
                for words in commands:
                    pipe.execute_command(*words)
                replies: list[Any] = await pipe.execute(raise_on_error=False)
        except Exception:
            self._count_failure()
            raise
        # With several commands in flight redis-py hands a broken server's refusals back as replies.
        if any(isinstance(reply, _CANNOT_SERVE) for reply in replies):
            self._count_failure()
        else:
            self.breaker.succeeded()
        return replies

    def _with_text(self, words: Command) -> Command:
        return ("EVAL", self._texts[str(words[1])], *words[2:])

    def _count_failure(self) -> None:
        self.errors += 1
        self.breaker.failed(time.monotonic())


def _fail(batch: list[Waiting], refusal: Callable[[], StoreUnavailable]) -> None:
    """Refuse everyone who still waits, each with an exception of its own."""
    for _, future in batch:
        if not future.done():
            future.set_exception(refusal())


def _mapped(error: BaseException) -> StoreUnavailable:
    refused = isinstance(error, ConnectionRefusedError | FileNotFoundError) or (
        isinstance(error, exceptions.ConnectionError) and "connecting to" in str(error)
    )
    return unavailable(f"{type(error).__name__}: {error}", may_have_happened=not refused)


def unavailable(detail: str, *, may_have_happened: bool, after: float = 1.0) -> StoreUnavailable:
    """The refusal for a Redis that does not serve; ``detail`` is for the log."""
    error = StoreUnavailable(
        "The gateway's datastore is not available; nothing was charged. Try again shortly.",
        retry_after_seconds=after,
        detail=detail,
    )
    error.may_have_happened = may_have_happened
    return error
