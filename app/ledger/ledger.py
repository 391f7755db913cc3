"""HOW MUCH is left: the ledger as the pipeline uses it, which answers for every hold this process has open.

A hold once made is always resolved: by the request that made it, by the journal when Redis is away at that moment,
or by its lease running out when this process dies.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from typing_extensions import override

from app.accounts.models import Principal
from app.catalog.pricing import Quote, TokenUsage
from app.errors import StoreUnavailable
from app.ledger.books import Books
from app.ledger.journal import Journal, Record
from app.ledger.models import Admission, Hold, Resolution

log = logging.getLogger(__name__)

RENEW_SECONDS = 20.0  # a third of the lease: two renewals may fail before a live request's hold expires
SWEEP_SECONDS = 5.0
SWEEP_ROUND_SECONDS = 30.0  # every team is visited twice per lease
REPLAY_SECONDS = 1.0

_REPLAY_WITHIN_MS = 6 * 24 * 3600 * 1000
"""A day less than a resolution's tombstone lives (``books.lua``)."""

TeamIds = Callable[[], Awaitable[list[str]]]


class Ledger:
    """Admits and resolves; keeps leases alive, sweeps up after dead processes, replays the journal."""

    def __init__(self, books: Books, journal: Journal, team_ids: TeamIds) -> None:
        self._books = books
        self._journal = journal
        self._team_ids = team_ids
        self._open: dict[str, Hold] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._unswept: list[str] = []
        self._sweep_size = 0

    @override
    def __repr__(self) -> str:
        return f"<Ledger [{len(self._open)} holds open, {self._journal.length} journalled]>"

    @property
    def open_holds(self) -> int:
        """Holds this process answers for."""
        return len(self._open)

    @property
    def journal_length(self) -> int:
        """Resolutions waiting on the disk."""
        return self._journal.length

    async def admit(
        self, principal: Principal, request_id: str, model: str, quote: Quote, note: dict[str, Any]
    ) -> Admission:
        """The verdict on a request (`Books.admit`); an admission whose reply was lost is given back.

        Raises:
            StoreUnavailable: Redis did not answer; nothing may be dispatched, nothing will be charged.

        """
        try:
            admission = await self._books.admit(principal, request_id, model, quote, note)
        except StoreUnavailable as error:
            if error.may_have_happened:
                await self._give_back(principal, request_id)
            raise
        except asyncio.CancelledError:
            await asyncio.shield(self._give_back(principal, request_id))
            raise
        if admission.hold is not None:
            self._open[request_id] = admission.hold
        return admission

    async def resolve(self, hold: Hold, resolution: Resolution) -> None:
        """End a hold, in Redis or, when that is away, in the journal; on return it is safe in one of them."""
        record = {"do": "resolve", "hold": asdict(hold), "resolution": asdict(resolution)}
        try:
            await self._apply(record)
        except StoreUnavailable as error:
            log.warning("a resolution goes to the journal", extra={"request_id": hold.request_id, "why": error.detail})
            await self._write_down(record)
        except asyncio.CancelledError:
            await asyncio.shield(self._write_down(record))  # whether it was written nobody knows; twice is harmless
            raise
        finally:
            self._open.pop(hold.request_id, None)

    def start(self) -> None:
        """Begin the work beside the requests: leases, sweeping, replay."""
        for work, seconds in (
            (self._renew, RENEW_SECONDS),
            (self._sweep, SWEEP_SECONDS),
            (self._replay, REPLAY_SECONDS),
        ):
            self._tasks.append(asyncio.create_task(_every(seconds, work)))

    async def aclose(self) -> None:
        """Stop that work, try the journal once more, and let go of its file."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await self._replay()
        except StoreUnavailable:
            log.warning("the journal keeps records for the next start", extra={"records": self._journal.length})
        finally:
            self._journal.close()

    async def _give_back(self, principal: Principal, request_id: str) -> None:
        """Release by id, until that succeeds: the tombstone also stops an admission that has not arrived yet."""
        await self._write_down(
            {"do": "release", "team": principal.team.id, "key": principal.key.id, "request": request_id}
        )

    async def _write_down(self, record: Record) -> None:
        """Journal a record. Where even that fails the hold's lease runs out: charged at the quote, and recorded."""
        try:
            await self._journal.append(record)
        except OSError:
            log.exception("neither Redis nor the journal took a resolution; its hold will expire at the quote")

    async def _apply(self, record: Record) -> None:
        """Do what a record says; harmless when it was done before."""
        if record["do"] == "release":
            await self._books.release(
                record["team"], record["key"], record["request"], "failed", ("admit_unconfirmed",), {}
            )
            return
        hold, resolution = _hold(record["hold"]), _resolution(record["resolution"])
        if resolution.charged:
            came = await self._books.settle(hold, resolution)
        else:
            came = await self._books.release(
                hold.team_id,
                hold.key_id,
                hold.request_id,
                resolution.outcome,
                resolution.flags,
                hold.note | resolution.note,
            )
        if came == "corrected":
            log.warning("a hold had expired before its resolution", extra={"request_id": hold.request_id})

    async def _apply_late(self, record: Record) -> None:
        """Do what a journalled record says, unless the tombstone that keeps it from happening twice may have gone."""
        if record["do"] == "resolve" and time.time() * 1000 - record["hold"]["admitted_ms"] > _REPLAY_WITHIN_MS:
            log.error("a resolution is too old to be replayed; the expiry of its hold stands", extra=_told(record))
            return
        await self._apply(record)

    async def _renew(self) -> None:
        by_team: dict[str, list[str]] = defaultdict(list)
        for hold in self._open.values():
            by_team[hold.team_id].append(hold.request_id)
        await asyncio.gather(*[self._books.renew(team_id, ids) for team_id, ids in by_team.items()])

    async def _sweep(self) -> None:
        """Visit the next part of all teams, so that each is seen once a round."""
        if not self._unswept:
            self._unswept = await self._team_ids()
            self._sweep_size = max(200, int(len(self._unswept) * SWEEP_SECONDS / SWEEP_ROUND_SECONDS) + 1)
        part, self._unswept = self._unswept[: self._sweep_size], self._unswept[self._sweep_size :]
        expired = sum(await asyncio.gather(*[self._books.expire(team_id) for team_id in part]))
        if expired:
            log.warning("holds of a vanished process were charged at their quote", extra={"holds": expired})

    async def _replay(self) -> None:
        replayed = await self._journal.replay(self._apply_late)
        if replayed:
            log.info("journal replayed", extra={"records": replayed})


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    """Do a piece of work again and again; a Redis that is away is waited for, any other fault is logged."""
    while True:
        try:
            await work()
        except StoreUnavailable as error:
            log.debug("waiting for redis", extra={"why": error.detail})
        except Exception:
            log.exception("background work failed")
        await asyncio.sleep(seconds)


def _told(record: Record) -> dict[str, Any]:
    """What a person needs to correct the books by hand."""
    hold, resolution = record["hold"], record["resolution"]
    return {"team": hold["team_id"], "request_id": hold["request_id"]} | {
        name: resolution[name] for name in ("outcome", "charged", "cost")
    }


def _hold(fields: dict[str, Any]) -> Hold:
    return Hold(**fields)


def _resolution(fields: dict[str, Any]) -> Resolution:
    return Resolution(**{**fields, "usage": TokenUsage(**fields["usage"]), "flags": tuple(fields["flags"])})
