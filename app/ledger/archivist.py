"""Archives what has become old enough, every hour, for every team; one replica at a time, and never in a hurry."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Final, Literal

from msgspec import Struct

from app.datastore.datastore import Datastore
from app.errors import GatewayError, InternalError
from app.ledger.archive import Carried, LedgerArchive
from app.ledger.archiving_lock import ArchivingLock
from app.ledger.periods import DAY_MS

log = logging.getLogger(__name__)

FIRST_SECONDS: Final = 60.0
"""After the start: there is more to do in the first minute."""
EVERY_SECONDS: Final = 3600.0
AGAIN_SECONDS: Final = 300.0
"""After a failure."""
PAUSE_SECONDS: Final = 0.05
"""Between two files: ``bring_forward.lua`` has Redis for itself for some milliseconds, and requests come first."""

TeamIds = Callable[[], Awaitable[list[str]]]
Result = Literal["ok", "failed"]


class Archived(Struct, frozen=True):
    """What one run has archived."""

    teams: int = 0
    files: int = 0
    entries: int = 0


def _unheard(_: Carried) -> None:
    """For whom nothing is to be told."""


class Archivist:
    """One task, owned from start to close; ``ran`` is told how each run ended. Entries stay in Redis for ``days``."""

    def __init__(
        self,
        archive: LedgerArchive,
        datastore: Datastore,
        team_ids: TeamIds,
        days: int,
        ran: Callable[[Result], None],
        *,
        first_seconds: float = FIRST_SECONDS,
        every_seconds: float = EVERY_SECONDS,
        again_seconds: float = AGAIN_SECONDS,
    ) -> None:
        self._archive = archive
        self._datastore = datastore
        self._team_ids = team_ids
        self._days = days
        self._ran = ran
        self._first_seconds = first_seconds
        self._every_seconds = every_seconds
        self._again_seconds = again_seconds
        self._task: asyncio.Task[None] | None = None
        self._is_out = False

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._archive_for_ever())

    async def aclose(self) -> None:
        """End the task, wherever it is: what it was doing is whole or undone. Fine when it never began."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def run(self) -> Archived | None:
        """Archive everything older than the days that entries stay; None where another process does so just now.

        Raises:
            ImageStoreUnavailable: the store failed.
            StoreUnavailable: Redis does not answer.
            InternalError: an entry cannot be archived.

        """
        before_ms = await self._archive.now_ms() - self._days * DAY_MS
        return await archive_all(self._archive, self._datastore, await self._team_ids(), before_ms)

    async def _archive_for_ever(self) -> None:
        await asyncio.sleep(self._first_seconds)
        while True:
            is_well = await self._run_once()
            # Spread, so that replicas started together do not all ask in the same second.
            spread = random.uniform(0.9, 1.1)  # noqa: S311 - nothing to guess here
            await asyncio.sleep((self._every_seconds if is_well else self._again_seconds) * spread)

    async def _run_once(self) -> bool:
        """One run; a failure is told when it begins, and again when it is over."""
        try:
            done = await self.run()
        except GatewayError as error:
            if not self._is_out:
                why = f"{error.message} {error.detail}".strip()
                told = {"event": "archive_failing", "why": why}
                log.error("ledger entries cannot be archived; they stay in redis", extra=told)  # noqa: TRY400 - known
        except Exception:
            log.exception("archiving ledger entries failed")
        else:
            if done is not None:
                self._succeeded(done)
            return True
        self._is_out = True
        self._ran("failed")
        return False

    def _succeeded(self, done: Archived) -> None:
        if self._is_out:
            log.info("ledger entries can be archived again", extra={"event": "archive_works"})
        self._is_out = False
        if done.files:
            told = {"event": "ledger_archived", "teams": done.teams, "files": done.files, "entries": done.entries}
            log.info("ledger entries archived", extra=told)
        self._ran("ok")


async def archive_all(
    archive: LedgerArchive,
    datastore: Datastore,
    team_ids: Sequence[str],
    before_ms: int,
    told: Callable[[Carried], None] = _unheard,
) -> Archived | None:
    """Archive the UTC days of these teams that end by then; None where another process archives just now.

    Raises:
        ImageStoreUnavailable: the store failed; what was archived so far stays archived.
        StoreUnavailable: Redis does not answer.
        InternalError: an entry cannot be archived.

    """
    lock = ArchivingLock(datastore)
    if not await lock.hold():
        return None
    teams = files = entries = 0
    failure: InternalError | None = None
    try:
        for team_id in await archive.due(team_ids, before_ms):
            teams += 1
            try:
                async with aclosing(archive.carry(team_id, before_ms)) as carrying:
                    async for carried in carrying:
                        files, entries = files + 1, entries + carried.entries
                        told(carried)
                        if not await lock.hold():
                            return Archived(teams, files, entries)  # it ran out, and another process goes on
                        await asyncio.sleep(PAUSE_SECONDS)
            except InternalError as error:
                failure = error  # of one team: the others have their turn
    finally:
        await lock.release()
    if failure is not None:
        raise failure
    return Archived(teams, files, entries)
