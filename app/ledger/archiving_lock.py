"""The lock that keeps two processes from archiving at once; two would do no harm, only the work twice."""

import secrets
from typing import Final

from app.datastore.datastore import Datastore
from app.errors import StoreUnavailable
from app.keyspace import ARCHIVING
from app.ledger.scripts import ARCHIVING as LOCK

LOCK_MS: Final = 120_000
"""Longer than a file takes from lock to lock, unless the store is very slow; a killed process's ends within it."""


class ArchivingLock:
    """One holder's view of it."""

    def __init__(self, datastore: Datastore) -> None:
        self._datastore = datastore
        self._holder = secrets.token_hex(8)

    async def hold(self) -> bool:
        """Take it, or have it for longer; False where somebody else has it."""
        return bool(await self._datastore.run(LOCK, [ARCHIVING], [self._holder, LOCK_MS]))

    async def release(self) -> None:
        """Give it back; where Redis is away it ends by itself."""
        try:
            await self._datastore.run(LOCK, [ARCHIVING], [self._holder, 0])
        except StoreUnavailable:
            return
