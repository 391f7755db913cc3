"""Who is served here at once: a bound for all, a fair share for each key, and a short wait for who finds no place."""

import asyncio
from collections import Counter, deque
from types import TracebackType
from typing import Final, Self

from app.errors import Overloaded

_SHARE: Final = 9
"""A key may have so many times the places that are free (Choudhury and Hahne's dynamic threshold): alone nine tenths
of all, two of them nine nineteenths each. So some are free at any time, and whoever comes next finds one."""
_PATIENCE_SECONDS: Final = 2.0
"""A burst passes meanwhile. Whoever is refused has been slowed down: a refusal costs us half of what an answer does, so
those who come again at once, whatever they are told, would leave no time for answers."""
_RETRY_SECONDS: Final = 2.0


class Places:
    """The places of one process for image requests; of one key no more requests wait than there are places."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self.peak = 0
        """The most that were taken at once; whoever looks may begin to count anew."""
        self._of_key: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @property
    def number(self) -> int:
        """Requests that have a place."""
        return self._taken

    @property
    def waiting(self) -> int:
        """Requests whose key is known, and that wait for one."""
        return sum(len(queue) for queue in self._waiting.values())

    def one(self) -> "Place":
        """The place of one request, left when the context ends; there is none before it is known whose it is."""
        return Place(self)

    async def take(self, key: str) -> None:
        """Take a place for a request of this key, or wait for one.

        Raises:
            Overloaded: there was none in time.

        """
        if key not in self._waiting and self._has_room_for(key):
            self._give(key)
            return
        if len(self._waiting.get(key, ())) >= self._limit:
            raise self._refusal()  # or it would have all connections, too
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append(turn)
        try:
            await asyncio.wait([turn], timeout=_PATIENCE_SECONDS)
        except asyncio.CancelledError:
            if turn.done():  # it was given one in the same moment
                self.leave(key)
            else:
                self._forget(key, turn)
            raise
        if not turn.done():
            self._forget(key, turn)
            raise self._refusal()

    def leave(self, key: str) -> None:
        """Give the place of a request of this key to whoever waits for one."""
        self._taken -= 1
        self._of_key[key] -= 1
        if not self._of_key[key]:
            del self._of_key[key]
        while self._waiting and self._call_next():
            pass

    def _has_room_for(self, key: str) -> bool:
        return self._of_key[key] < _SHARE * (self._limit - self._taken)

    def _give(self, key: str) -> None:
        self._taken += 1
        self._of_key[key] += 1
        self.peak = max(self.peak, self._taken)

    def _call_next(self) -> bool:
        """Give one place to the first in line of the key whose turn it is; whether there was one to give."""
        for key, queue in self._waiting.items():
            if self._has_room_for(key):
                turn = queue.popleft()
                self._give(key)
                del self._waiting[key]
                if queue:
                    self._waiting[key] = queue  # last of the keys now
                turn.set_result(None)
                return True
        return False

    def _forget(self, key: str, turn: asyncio.Future[None]) -> None:
        queue = self._waiting[key]
        queue.remove(turn)
        if not queue:
            del self._waiting[key]

    def _refusal(self) -> Overloaded:
        if self._taken < self._limit:
            return _overloaded("This virtual key has as many requests in flight as is its share here")
        return _overloaded("This gateway has as many requests in flight as it may carry")


class Place:
    """What one request has of the places: nothing, until it is known whose it is."""

    __slots__ = ("_key", "_places")

    def __init__(self, places: Places) -> None:
        self._places = places
        self._key: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._key is not None:
            self._places.leave(self._key)

    async def take_for(self, key: str) -> None:
        """Take a place for this key, where the request has none yet.

        Raises:
            Overloaded: there was none in time.

        """
        if self._key is None:
            await self._places.take(key)
            self._key = key


def _overloaded(why: str) -> Overloaded:
    return Overloaded(f"{why}; try again in a moment.", retry_after_seconds=_RETRY_SECONDS)
