"""Removes from a store what is past its end, and the oldest where all together take too much."""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from app.assets.disk import DiskReader, DiskSpace
from app.assets.names import expiry_of
from app.assets.store import AssetStore, StoredAsset
from app.errors import ImageStoreUnavailable

log = logging.getLogger(__name__)

SWEEP_SECONDS: Final = 60.0
GRACE_SECONDS: Final = 300.0
"""What is kept outlives its end by this much, so that a download begun in time can end."""

MOST_REMEMBERED: Final = 5_000
"""Assets held in memory of a listing, about 1 MB; when all of them have to go, another round follows at once."""


class Survey(Struct, frozen=True):
    """What one look over the whole store found."""

    oldest: tuple[StoredAsset, ...]
    """At most `MOST_REMEMBERED`, those that end first in front."""
    total_bytes: int
    """Of all assets, not only the oldest."""
    total_files: int = 0
    """How many these are."""


def to_remove(survey: Survey, now: float, most_bytes: int) -> list[StoredAsset]:
    """What has to go: everything past its end, and the oldest until the rest fits."""
    chosen = []
    left_bytes = survey.total_bytes
    for asset in survey.oldest:
        if left_bytes <= most_bytes and expiry_of(asset.name) + GRACE_SECONDS > now:
            break
        chosen.append(asset)
        left_bytes -= asset.size_bytes
    return chosen


def allowed_bytes(survey: Survey, most_bytes: int, disk: DiskSpace | None) -> int:
    """How much may be kept: no more than the limit, and no more than leaves a tenth of the disk free."""
    return most_bytes if disk is None else min(most_bytes, survey.total_bytes + disk.spare_bytes)


def add_page(survey: Survey, page: Sequence[StoredAsset]) -> Survey:
    """The survey with one more page of the listing, in whatever order pages come."""
    oldest = sorted((*survey.oldest, *page))[:MOST_REMEMBERED]
    total_bytes = survey.total_bytes + sum(asset.size_bytes for asset in page)
    return Survey(tuple(oldest), total_bytes, survey.total_files + len(page))


class Sweeper:
    """One task, owned from start to close; several replicas may sweep one store, they remove the same assets.

    With ``read_disk`` the disk of a folder counts, too.
    """

    def __init__(
        self,
        store: AssetStore,
        most_bytes: int,
        clock: Callable[[], float],
        every_seconds: float = SWEEP_SECONDS,
        read_disk: DiskReader | None = None,
    ) -> None:
        self._store = store
        self._most_bytes = most_bytes
        self._clock = clock
        self._every_seconds = every_seconds
        self._read_disk = read_disk
        self._one_at_a_time = asyncio.Lock()
        self._left_bytes: int | None = None
        """What the last sweep left."""
        self._added_bytes = 0
        """By this process since that sweep began."""
        self._left_files: int | None = None
        self._added_files = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def held_bytes(self) -> int | None:
        """What the store holds at the most, as far as this process can know; None before the first sweep."""
        return None if self._left_bytes is None else self._left_bytes + self._added_bytes

    @property
    def held_files(self) -> int | None:
        """How many files that is; None before the first sweep."""
        return None if self._left_files is None else self._left_files + self._added_files

    def count(self, size_bytes: int) -> None:
        """One more file of that size was kept, by this process."""
        self._added_bytes += size_bytes
        self._added_files += 1

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._sweep_for_ever())

    async def aclose(self) -> None:
        """End the task; fine when it never began."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def disk(self) -> DiskSpace | None:
        """How full the store's disk is; None where it has none, or it does not count.

        Raises:
            OSError: its folder is gone.

        """
        if self._read_disk is None or self._store.folder is None:
            return None
        return await asyncio.to_thread(self._read_disk, self._store.folder)

    async def sweep(self, coming_bytes: int = 0) -> int:
        """Remove what has to go now, and make room for ``coming_bytes``; says how many assets that were.

        Raises:
            ImageStoreUnavailable: the store failed; what was removed so far stays removed.
            OSError: its folder is gone.

        """
        async with self._one_at_a_time:
            removed = 0
            while (last := await self._round(coming_bytes)) == MOST_REMEMBERED:
                removed += last
            await self._store.delete_drafts(self._clock() - GRACE_SECONDS)
        if removed + last:
            log.info("%s removed", self._store.holds, extra={"removed": removed + last})
        return removed + last

    async def _round(self, coming_bytes: int) -> int:
        """Look at everything once, and remove what is found."""
        now, added_bytes, added_files = self._clock(), self._added_bytes, self._added_files
        survey = Survey((), 0)
        async for page in self._store.pages():
            survey = add_page(survey, page)
        most_bytes = allowed_bytes(survey, self._most_bytes, await self.disk()) - coming_bytes
        chosen = to_remove(survey, now, most_bytes)
        await self._store.delete([asset.name for asset in chosen])
        # What was kept meanwhile may or may not be in the survey: it is counted on top, rather twice than never.
        self._added_bytes -= added_bytes
        self._added_files -= added_files
        self._left_bytes = survey.total_bytes - sum(asset.size_bytes for asset in chosen)
        self._left_files = survey.total_files - len(chosen)
        return len(chosen)

    async def _sweep_for_ever(self) -> None:
        """Sweep again and again; a store that fails is told when it begins and when it ends."""
        is_out = False
        while True:
            # Spread, so that replicas started together do not all list the store in the same second.
            await asyncio.sleep(self._every_seconds * random.uniform(0.5, 1.5))  # noqa: S311 - nothing to guess here
            try:
                await self.sweep()
            except (ImageStoreUnavailable, OSError) as error:
                if not is_out:
                    why = error.detail if isinstance(error, ImageStoreUnavailable) else str(error)
                    told = {"event": "image_store_failing", "why": why}
                    log.warning("the store of %s fails", self._store.holds, extra=told)
                is_out = True
            except Exception:
                log.exception("sweeping %s failed", self._store.holds)
            else:
                if is_out:
                    log.info("the store of %s works again", self._store.holds, extra={"event": "image_store_works"})
                is_out = False
