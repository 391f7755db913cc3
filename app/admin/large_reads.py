"""Reports that walk a whole ledger: one at a time, and few that wait for it, as pictures are served beside them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from app.gateway.in_flight import InFlight

_MOST: Final = 4
"""Of a long ledger each takes some ten seconds, so the last of them waits within what a client does."""


class LargeReads:
    """Turns for them."""

    def __init__(self) -> None:
        self._at_all = InFlight(_MOST)
        self._one = asyncio.Semaphore(1)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, and have it for the length of the block.

        Raises:
            Overloaded: enough wait already.

        """
        with self._at_all.one():
            async with self._one:
                yield
