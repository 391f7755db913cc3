"""Cancels a request at the n-th place where it waits, or where a task that works for it does."""

import asyncio
from collections.abc import Coroutine, Generator
from contextvars import Context, ContextVar
from typing import Any

from typing_extensions import override

_OF: ContextVar["Suspensions | None"] = ContextVar("suspensions of the request this task works for", default=None)


class Suspensions:
    """Counts how often one request waits, all tasks that it starts included, and cancels it once."""

    def __init__(self, cancel_at: int) -> None:
        self._cancel_at = cancel_at
        self._task: asyncio.Task[None] | None = None
        self.number = 0

    async def run(self, work: Coroutine[Any, Any, None]) -> bool:
        """Run the request in a task of its own, to whatever end it comes to; whether it was cancelled on the way."""
        loop = asyncio.get_running_loop()
        loop.set_task_factory(_counting)
        token = _OF.set(self)
        try:
            self._task = loop.create_task(work)
            await asyncio.wait([self._task])
        finally:
            _OF.reset(token)
            loop.set_task_factory(None)
        return self.number >= self._cancel_at

    def one_more(self) -> None:
        """Somebody is about to wait. The request is cancelled before that begins, and so in the middle of it."""
        if self._task is not None and not self._task.done():
            self.number += 1
            if self.number == self._cancel_at:
                self._task.cancel()


class _Counted(Coroutine[Any, Any, Any]):
    """A coroutine that tells of each of its waits."""

    def __init__(self, work: Coroutine[Any, Any, Any], told: Suspensions) -> None:
        self._work = work
        self._told = told

    @override
    def send(self, value: Any) -> Any:
        awaited = self._work.send(value)
        self._told.one_more()
        return awaited

    @override
    def throw(self, *error: Any) -> Any:
        awaited = self._work.throw(*error)
        self._told.one_more()
        return awaited

    @override
    def close(self) -> None:
        self._work.close()

    @override
    def __await__(self) -> Generator[Any, Any, Any]:
        return self._work.__await__()


def _counting(
    loop: asyncio.AbstractEventLoop, work: Any, *, context: Context | None = None, **given: Any
) -> asyncio.Task[Any]:
    """Make a task as the loop would, and count its waits where it works for a request."""
    told = _OF.get() if context is None else context.get(_OF)
    return asyncio.Task(_Counted(work, told) if told else work, loop=loop, context=context, **given)
