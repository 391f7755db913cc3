"""Resolutions of the last two minutes, kept to be sent again: a failover forgets what had not been copied yet.

A resolution takes effect at most once, so sending it again is harmless where it was not forgotten.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from struct import Struct

from app.errors import StoreUnavailable

log = logging.getLogger(__name__)

KEEP_SECONDS = 120.0
"""Replicas of Redis are behind by far less; a failover may take a minute to be noticed."""
MOST_KEPT = 5_000
"""About 8 MB. At a thousand resolutions a second that is the last five seconds, and replicas are behind by far less."""
_AT_ONCE = 100
_WHEN = Struct("d")

Again = Callable[[bytes], Awaitable[object]]
"""Sends one resolution once more, given what was kept of it."""
Identities = Callable[[], Awaitable[frozenset[str]]]
"""What names the servers that hold the books and their history; a failover or a restart brings a new one."""


class Recent:
    """Remembers what this process has resolved, and sends it again when the books' servers are not what they were."""

    def __init__(self, identities: Identities, clock: Callable[[], float], again: Again) -> None:
        self._identities = identities
        self._clock = clock
        self._again = again
        self._known: frozenset[str] | None = None
        # As bytes, their time in front: as objects they would be a hundred thousand for the garbage collector to look
        # at, and each small one left behind by a crowd would keep a megabyte of memory from being given back.
        self._kept: deque[bytes] = deque(maxlen=MOST_KEPT)
        self._due: list[bytes] = []  # to be sent again
        self.failovers = 0
        """How often the books' servers were not what they had been."""

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, record: bytes) -> None:
        """Remember a resolution that Redis has just confirmed."""
        self._kept.append(_WHEN.pack(self._clock()) + record)

    async def look(self) -> None:
        """See whether there was a failover, and send everything again if there was; the next look tries what failed.

        Nothing is forgotten while Redis is away: what was resolved just before may be what a failover has lost.

        Raises:
            StoreUnavailable: Redis is away; a failover may be under way.

        """
        found = await self._identities()
        if self._known is not None and not found <= self._known:
            self.failovers += 1
            self._due += [kept[_WHEN.size :] for kept in self._kept]
            told = {"event": "redis_failover", "records": len(self._due)}
            log.warning("redis is not what it was; resolutions are sent again", extra=told)
        self._known = found if self._known is None else self._known | found
        oldest = self._clock() - KEEP_SECONDS
        while self._kept and _WHEN.unpack_from(self._kept[0])[0] < oldest:
            self._kept.popleft()
        if self._due:
            self._due = await self._failed(self._due)

    async def _failed(self, due: list[bytes]) -> list[bytes]:
        """Those of all that could not be sent; one server that is away does not keep the others from theirs."""
        failed: list[bytes] = []
        for start in range(0, len(due), _AT_ONCE):
            part = due[start : start + _AT_ONCE]
            results = await asyncio.gather(*[self._again(record) for record in part], return_exceptions=True)
            for record, result in zip(part, results, strict=True):
                if isinstance(result, StoreUnavailable):
                    failed.append(record)
                elif isinstance(result, Exception):
                    log.error("a resolution could not be sent again", exc_info=result)
        return failed
