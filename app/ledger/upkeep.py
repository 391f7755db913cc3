"""The work beside the requests: leases kept alive, vanished processes swept up after, the journal replayed."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping

from app.errors import StoreUnavailable
from app.ledger.books import Books
from app.ledger.journal import Apply, Journal
from app.ledger.models import Hold
from app.ledger.recent import Recent

log = logging.getLogger(__name__)

RENEW_SECONDS = 15.0  # a third of the lease (`books.lua`): two may fail before a live request's hold expires
SWEEP_SECONDS = 5.0
SWEEP_ROUND_SECONDS = 15.0  # lease and round together are the minute in which a vanished process is cleaned up after
REPLAY_SECONDS = 1.0
LOOK_SECONDS = 2.0
_LEAST_SWEPT = _AT_ONCE = 200

TeamIds = Callable[[], Awaitable[list[str]]]


class Upkeep:
    """Four tasks, owned from start to stop; a Redis that is away is waited for."""

    def __init__(
        self,
        books: Books,
        journal: Journal,
        recent: Recent,
        team_ids: TeamIds,
        open_holds: Mapping[str, Hold],
        apply: Apply,
    ) -> None:
        self._books = books
        self._journal = journal
        self._recent = recent
        self._team_ids = team_ids
        self._open_holds = open_holds
        self._apply = apply
        self._tasks: list[asyncio.Task[None]] = []
        self._unswept: list[str] = []
        self._sweep_size = _LEAST_SWEPT

    def start(self) -> None:
        """Begin."""
        works = (
            (self.renew, RENEW_SECONDS),
            (self.sweep, SWEEP_SECONDS),
            (self.replay, REPLAY_SECONDS),
            (self._recent.look, LOOK_SECONDS),
        )
        self._tasks = [asyncio.create_task(_every(seconds, work)) for work, seconds in works]

    async def stop(self) -> None:
        """End the tasks, then try the journal once more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await self.replay()
        except StoreUnavailable as error:
            log.warning("the journal could not be replayed", extra={"why": error.detail})

    async def renew(self) -> None:
        """Extend the lease of every open hold: one call per team that has any."""
        by_team: dict[str, list[str]] = defaultdict(list)
        for hold in self._open_holds.values():
            by_team[hold.team_id].append(hold.request_id)
        renewed = await asyncio.gather(*[self._books.renew(team_id, ids) for team_id, ids in by_team.items()])
        missing = sum(map(len, by_team.values())) - sum(renewed)
        if missing:
            # Resolved meanwhile, or forgotten by a failover: then others may have been admitted to their money.
            log.info("holds were not there to be renewed", extra={"holds": missing})

    async def sweep(self) -> None:
        """Visit the next part of all teams, so that each is seen once a round."""
        if not self._unswept:
            self._unswept = await self._team_ids()
            self._sweep_size = max(_LEAST_SWEPT, int(len(self._unswept) * SWEEP_SECONDS / SWEEP_ROUND_SECONDS) + 1)
        part, self._unswept = self._unswept[: self._sweep_size], self._unswept[self._sweep_size :]
        expired = 0
        for start in range(0, len(part), _AT_ONCE):  # requests come between
            holders = await self._books.with_holds(part[start : start + _AT_ONCE])
            expired += sum(await asyncio.gather(*[self._books.expire(team_id) for team_id in holders]))
        if expired:
            told = {"event": "holds_expired", "holds": expired}
            log.warning("holds of a vanished process were charged at their quote", extra=told)

    async def replay(self) -> None:
        """Write to Redis what waits on the disk, ours and that of dead processes."""
        replayed = await self._journal.replay(self._apply)
        if replayed:
            log.info("journal replayed", extra={"event": "journal_replayed", "records": replayed})


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    """Do a piece of work again and again; an outage is told once, when it begins."""
    is_out = False
    while True:
        try:
            await work()
        except StoreUnavailable as error:
            log.log(logging.DEBUG if is_out else logging.WARNING, "waiting for redis", extra={"why": error.detail})
            is_out = True
        except Exception:
            log.exception("background work failed")
        else:
            is_out = False
        await asyncio.sleep(seconds)
