"""Removes hosted pictures whose time is over, and the oldest where all together take too much."""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from app.assets.names import expiry_of
from app.assets.store import ImageStore, StoredImage
from app.errors import ImageStoreUnavailable

log = logging.getLogger(__name__)

SWEEP_SECONDS: Final = 60.0
GRACE_SECONDS: Final = 300.0
"""A picture outlives its link by this much, so that a download begun in time can end."""

MOST_REMEMBERED: Final = 5_000
"""Pictures held in memory of a listing, about 1 MB; when all of them have to go, another round follows at once."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What one look over the whole store found."""

    oldest: tuple[StoredImage, ...]
    """At most `MOST_REMEMBERED`, those that end first in front."""
    total_bytes: int
    """Of all pictures, not only the oldest."""


def to_remove(survey: Survey, now: float, most_bytes: int) -> list[str]:
    """The names of the pictures that have to go: those past their end, and the oldest until the rest fits."""
    chosen = []
    left_bytes = survey.total_bytes
    for image in survey.oldest:
        if left_bytes <= most_bytes and expiry_of(image.name) + GRACE_SECONDS > now:
            break
        chosen.append(image.name)
        left_bytes -= image.size_bytes
    return chosen


def add_page(survey: Survey, page: Sequence[StoredImage]) -> Survey:
    """The survey with one more page of the listing, in whatever order pages come."""
    oldest = sorted((*survey.oldest, *page))[:MOST_REMEMBERED]
    return Survey(tuple(oldest), survey.total_bytes + sum(image.size_bytes for image in page))


class Sweeper:
    """One task, owned from start to close; several replicas may sweep one store, they remove the same pictures."""

    def __init__(
        self,
        store: ImageStore,
        most_bytes: int,
        clock: Callable[[], float],
        every_seconds: float = SWEEP_SECONDS,
    ) -> None:
        self._store = store
        self._most_bytes = most_bytes
        self._clock = clock
        self._every_seconds = every_seconds
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._sweep_for_ever())

    async def aclose(self) -> None:
        """End the task; fine when it never began."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def sweep(self) -> int:
        """Remove what has to go now; says how many pictures that were.

        Raises:
            ImageStoreUnavailable: the store failed; what was removed so far stays removed.

        """
        removed = 0
        while True:
            now = self._clock()
            survey = Survey((), 0)
            async for page in self._store.pages():
                survey = add_page(survey, page)
            names = to_remove(survey, now, self._most_bytes)
            await self._store.delete(names)
            removed += len(names)
            if len(names) < MOST_REMEMBERED:
                break
        await self._store.delete_drafts(now - GRACE_SECONDS)
        return removed

    async def _sweep_for_ever(self) -> None:
        """Sweep again and again; a store that fails is told when it begins and when it ends."""
        is_out = False
        while True:
            # Spread, so that replicas started together do not all list the store in the same second.
            await asyncio.sleep(self._every_seconds * random.uniform(0.5, 1.5))  # noqa: S311 - nothing to guess here
            try:
                removed = await self.sweep()
            except ImageStoreUnavailable as error:
                if not is_out:
                    log.warning("the store of pictures fails", extra={"why": error.detail})
                is_out = True
            except Exception:
                log.exception("sweeping pictures failed")
            else:
                if is_out:
                    log.info("the store of pictures works again")
                is_out = False
                if removed:
                    log.info("pictures removed", extra={"pictures": removed})
