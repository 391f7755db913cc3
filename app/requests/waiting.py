"""Waiting for the end of a request that is under way here or on another replica: by asking, ever less often."""

import asyncio
import random
from collections.abc import Callable
from typing import Final

from app.errors import StoreUnavailable
from app.requests.models import RequestRecord
from app.requests.register import Register

_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 1.0
"""Who waits twenty seconds for a picture does not mind one more; a thousand who wait are a thousand calls a second."""
_GROWTH: Final = 1.5
_GLANCE_SECONDS: Final = 0.25
"""How soon it is noticed that a caller gives up: its client has gone, or the gateway stops."""

_Name = tuple[str, str, str]


class Waiter:
    """Lets callers wait; those of one process who wait for the same request share one who asks."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._watches: dict[_Name, _Watch] = {}

    @property
    def waiting(self) -> int:
        """Callers that wait in this process."""
        return sum(watch.callers for watch in self._watches.values())

    async def until_ended(
        self,
        team_id: str,
        key_id: str,
        request_id: str,
        *,
        seconds: float,
        gives_up: Callable[[], bool],
    ) -> RequestRecord | None:
        """The request when it has ended; or as it stands after that long, or once the caller gives up.

        None where this key has no such request. Redis being away for a moment is waited out.

        Raises:
            StoreUnavailable: Redis does not answer at the end of the wait.

        """
        name = (team_id, key_id, request_id)
        deadline = asyncio.get_running_loop().time() + seconds
        watch = self._watches.get(name)
        if watch is None:
            watch = self._watches[name] = _Watch(self._register, name)
        watch.callers += 1
        try:
            await watch.has_looked.wait()
            while not watch.is_over and not gives_up():
                left = deadline - asyncio.get_running_loop().time()
                if left <= 0:
                    break
                await asyncio.wait([watch.task], timeout=min(left, _GLANCE_SECONDS))
            return watch.told()
        finally:
            watch.callers -= 1
            if watch.callers == 0:
                self._watches.pop(name, None)
                await watch.aclose()


class _Watch:
    """The one who asks for a request, for as long as anybody wants to know."""

    def __init__(self, register: Register, name: _Name) -> None:
        self._register = register
        self._name = name
        self._seen: RequestRecord | None = None
        self._failure: StoreUnavailable | None = None
        self.callers = 0
        self.has_looked = asyncio.Event()
        self.task = asyncio.create_task(self._ask())

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to wait for."""
        return self.task.done()

    def told(self) -> RequestRecord | None:
        """What the last look said."""
        if self.task.done():
            self.task.result()  # a fault of ours comes out here
        if self._failure is not None:
            raise self._failure
        return self._seen

    async def aclose(self) -> None:
        """Stop asking."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def _ask(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        try:
            while not await self._is_known():
                self.has_looked.set()
                await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - nothing to guess here
                pause = min(pause * _GROWTH, _LONGEST_PAUSE_SECONDS)
        finally:
            self.has_looked.set()

    async def _is_known(self) -> bool:
        """Look once; whether the request has ended, or is not there."""
        try:
            self._seen = await self._register.find(*self._name)
        except StoreUnavailable as error:
            self._failure = error
            return False
        self._failure = None
        return self._seen is None or self._seen.has_ended
