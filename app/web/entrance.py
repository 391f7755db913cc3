"""Who begins when: in one turn of the event loop only so many requests do, in the order in which they came.

A loop that takes the first step of six hundred requests, then the second of each, finds little of a request in the
processor's caches when it comes back to it. What waits here has not even been parsed: it is some bytes
(docs/adr/0016-requests-begin-in-turns.md).
"""

import asyncio
from collections import deque
from typing import Final, Protocol

AT_ONCE: Final = 12
"""Fewer, and a gateway that keeps up writes to Redis and to the upstream in smaller pieces; more, and caches run over:
measured with 4, 8, 12, 16 and 32."""


class Caller(Protocol):
    """A connection on which a request has come."""

    def enter(self) -> None:
        """Begin with it, if the connection is still there."""


class Entrance:
    """Of one process. Nobody waits here for a request that has begun, however slow that one is."""

    def __init__(self) -> None:
        self._begun = 0
        """In this turn."""
        self._waiting: deque[Caller] = deque()

    def admits(self, caller: Caller) -> bool:
        """Whether its request may begin at once; where not, it is called in when it may."""
        if self._begun == AT_ONCE:
            self._waiting.append(caller)
            return False
        self._begin()
        return True

    def _begin(self) -> None:
        if not self._begun:
            asyncio.get_running_loop().call_soon(self._next_turn)
        self._begun += 1

    def _next_turn(self) -> None:
        """Call the next ones in; whoever comes in this turn comes behind them."""
        self._begun = 0
        while self._waiting and self._begun < AT_ONCE:
            self._begin()
            self._waiting.popleft().enter()
