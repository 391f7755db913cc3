"""A store that never holds more than it may: room is made before anything is put there, the oldest first."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager

from app.assets.store import AssetStore
from app.assets.sweeper import Sweeper


class BoundedStore:
    """Counts what this process puts, so that the limit holds between two looks at the store as well.

    What other replicas put meanwhile is seen with the next look: at the latest after `SWEEP_SECONDS` and a half.
    """

    def __init__(self, store: AssetStore, sweeper: Sweeper, most_bytes: int) -> None:
        self.store = store
        """To read and to remove; putting goes through here."""
        self._sweeper = sweeper
        self._most_bytes = most_bytes
        self._turn = asyncio.Lock()
        """Held by whoever makes room; in the order in which they came."""
        self._waiting_bytes = 0
        """Of those who have no room yet: one sweep makes room for all of them."""
        self._coming_bytes = 0
        """Of those who have room and are writing."""
        self._one_has_ended = asyncio.Event()

    async def put(self, name: str, size_bytes: int, chunks: AsyncIterable[bytes]) -> bool:
        """Keep what ``chunks`` yields, ``size_bytes`` in all; False where there is no room, and can be none.

        Raises:
            ImageStoreUnavailable: the store failed.
            OSError: the folder of the store is gone.

        """
        if size_bytes > self._most_bytes:
            return False
        async with self._room(size_bytes) as has_room:
            if has_room:
                await self.store.put(name, chunks)
                self._sweeper.count(size_bytes)
        return has_room

    @asynccontextmanager
    async def _room(self, size_bytes: int) -> AsyncIterator[bool]:
        """Room for so much, held while it is being written; afterwards the sweeper counts it."""
        has_room = False
        self._waiting_bytes += size_bytes
        try:
            async with self._turn:
                has_room = await self._make_room(size_bytes)
                self._coming_bytes += size_bytes if has_room else 0
        finally:
            self._waiting_bytes -= size_bytes
        try:
            yield has_room
        finally:
            self._coming_bytes -= size_bytes if has_room else 0
            self._one_has_ended.set()

    async def _make_room(self, size_bytes: int) -> bool:
        """Whether there is room now: the oldest go for it, and then whoever is writing is waited for."""
        while True:
            if self._coming_bytes + size_bytes <= self._most_bytes:
                if await self._is_room(size_bytes):
                    return True
                await self._sweeper.sweep(self._coming_bytes + self._waiting_bytes)
                if await self._is_room(size_bytes):
                    return True
            if not self._coming_bytes:
                return False
            self._one_has_ended.clear()
            await self._one_has_ended.wait()

    async def _is_room(self, size_bytes: int) -> bool:
        held_bytes, disk = self._sweeper.held_bytes, await self._sweeper.disk()
        needed_bytes = self._coming_bytes + size_bytes
        if held_bytes is None or held_bytes + needed_bytes > self._most_bytes:
            return False
        return disk is None or needed_bytes <= disk.spare_bytes
