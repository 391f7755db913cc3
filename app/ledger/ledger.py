"""HOW MUCH is left: the ledger as the pipeline uses it, which answers for every hold this process has open.

A hold once made is always resolved: by the request that made it, by the journal when Redis is away at that moment,
or by its lease running out when this process dies.
"""

import asyncio
import logging
import time
from contextlib import suppress
from typing import Any

import orjson
from msgspec import to_builtins
from msgspec.json import encode
from msgspec.structs import replace
from typing_extensions import override

from app.accounts.models import Principal
from app.catalog.pricing import Quote, TokenUsage
from app.errors import StoreUnavailable
from app.ledger.alerts import alerts
from app.ledger.books import Books
from app.ledger.journal import Journal, Record
from app.ledger.models import NOBODY, UNWITNESSED, Admission, Ending, Hold, Identity, Mode, Resolution
from app.ledger.recent import Identities, Recent
from app.ledger.shelter import SHELTER_SECONDS, sheltered
from app.ledger.upkeep import TeamIds, Upkeep
from app.patience import Patience

log = logging.getLogger(__name__)

_REPLAY_WITHIN_MS = 6 * 24 * 3600 * 1000
"""A day less than a resolution's tombstone lives (``books.lua``)."""

_GIVEN_UP = Resolution("refused", charged=False, again=True)
_UNCONFIRMED = Resolution("failed", charged=False, flags=("admit_unconfirmed",), again=True)
"""Of admissions that come to nothing: by their own client, or because Redis did not say whether it made them."""

_BOOKS_SECONDS = _JOURNAL_SECONDS = SHELTER_SECONDS / 2
"""How long a resolution may take in Redis, however patient the settings are; the other half is for the journal."""

_QUIET_SECONDS = SHELTER_SECONDS
"""How long a closing ledger waits for the resolutions still under way."""


class Ledger:
    """Admits and resolves; every hold it gave out is resolved, or safe in the journal, before it is closed."""

    def __init__(self, books: Books, journal: Journal, team_ids: TeamIds, identities: Identities) -> None:
        self._books = books
        self._journal = journal
        self._open: dict[str, Hold] = {}
        self._principals: dict[str, Principal] = {}  # of the same requests
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._recent = Recent(identities, time.monotonic, self._apply_again)
        self._patience = Patience(_BOOKS_SECONDS)
        self.restored = 0
        """Resolutions that Redis had forgotten and that were written again."""
        self._upkeep = Upkeep(books, journal, self._recent, team_ids, self._open, self._apply_late)

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

    @property
    def failovers(self) -> int:
        """How often Redis was not what it had been."""
        return self._recent.failovers

    async def admit(
        self,
        principal: Principal,
        request_id: str,
        model: str,
        quote: Quote,
        note: dict[str, Any],
        mode: Mode = Mode.ADMIT,
        identity: Identity = NOBODY,
    ) -> Admission:
        """The verdict on a request (`Books.admit`); an admission whose reply was lost is given back.

        Raises:
            StoreUnavailable: Redis did not answer; nothing may be dispatched, nothing will be charged.

        """
        try:
            admission = await self._books.admit(principal, request_id, model, quote, note, mode, identity)
        except StoreUnavailable as error:
            if error.may_have_happened:
                await sheltered(self._give_back(principal, request_id, identity))
            raise
        except asyncio.CancelledError:
            await sheltered(self._give_back(principal, request_id, identity))
            raise
        if admission.hold is not None:
            self._open[request_id] = admission.hold
            self._principals[request_id] = principal
            self._quiet.clear()
        return admission

    async def would_admit(self, principal: Principal, request_id: str, model: str, quote: Quote) -> Admission:
        """The verdict on a request that is not made: nothing is set aside, and nothing to be resolved.

        Raises:
            StoreUnavailable: Redis did not answer.

        """
        return await self._books.admit(principal, request_id, model, quote, {}, Mode.QUOTE)

    async def give_up(self, principal: Principal, request_id: str, identity: Identity = NOBODY) -> None:
        """Leave the queue, and make sure that an admission still under way comes to nothing."""
        try:
            await sheltered(self._release_by_id(principal.team.id, principal.key.id, request_id, identity, _GIVEN_UP))
        except StoreUnavailable:
            await sheltered(self._give_back(principal, request_id, identity))

    async def resolve(self, hold: Hold, resolution: Resolution, ending: Ending = UNWITNESSED) -> None:
        """End a hold, in Redis or, when that is away, in the journal; done even if the caller is cancelled."""
        try:
            await self._resolve(hold, resolution, ending)
        except asyncio.CancelledError:
            # Once more, where nobody can cut it: however far that came, a resolution takes effect at most once.
            await sheltered(self._resolve(hold, resolution, ending))
            raise
        finally:
            self._open.pop(hold.request_id, None)
            self._principals.pop(hold.request_id, None)
            if not self._open:
                self._quiet.set()

    def start(self) -> None:
        """Begin the work beside the requests: leases, sweeping, replay."""
        self._upkeep.start()

    async def aclose(self) -> None:
        """Wait for resolutions under way, stop the work beside them, and let go of the journal."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._quiet.wait(), _QUIET_SECONDS)
        await self._upkeep.stop()
        if self._journal.length:
            told = {"event": "journal_left", "records": self._journal.length}
            log.warning("the journal keeps records for the next start", extra=told)
        self._journal.close()

    async def _resolve(self, hold: Hold, resolution: Resolution, ending: Ending) -> None:
        try:
            with self._patience.limit():
                await self._apply(hold, resolution, ending)
        except (StoreUnavailable, TimeoutError) as error:
            why = error.detail if isinstance(error, StoreUnavailable) else f"Redis took {_BOOKS_SECONDS:g} s"
            log.warning("a resolution goes to the journal", extra={"request_id": hold.request_id, "why": why})
            await sheltered(self._write_down(_record(hold, resolution, ending)), _JOURNAL_SECONDS)
        except Exception:
            log.exception("a resolution failed and goes to the journal", extra={"request_id": hold.request_id})
            await sheltered(self._write_down(_record(hold, resolution, ending)), _JOURNAL_SECONDS)

    async def _give_back(self, principal: Principal, request_id: str, identity: Identity) -> None:
        """Release by id, until that succeeds: the tombstone also stops an admission that has not arrived yet."""
        whose = {"team": principal.team.id, "key": principal.key.id, "request": request_id}
        await self._write_down({"do": "release", **whose, "identity": to_builtins(identity)})

    async def _write_down(self, record: Record) -> None:
        """Journal a record. Where even that fails the hold's lease runs out: charged at the quote, and recorded."""
        try:
            await self._journal.append(record)
        except OSError:
            log.exception("neither Redis nor the journal took a resolution; its hold will expire at the quote")

    async def _release_by_id(
        self, team_id: str, key_id: str, request_id: str, identity: Identity, resolution: Resolution
    ) -> None:
        """Give back what may or may not have been admitted."""
        await self._books.release(team_id, key_id, request_id, resolution, identity)
        whose = {"team": team_id, "key": key_id, "request": request_id}
        self._recent.keep(encode({"do": "release", **whose, "identity": identity, "resolution": resolution}))

    async def _apply_again(self, kept: bytes) -> None:
        """Send a resolution once more after a failover; told when it had been forgotten."""
        record: Record = orjson.loads(kept)
        resolution = _resolution(record["resolution"])
        if record["do"] == "release":
            identity = Identity(**record["identity"])
            await self._books.release(record["team"], record["key"], record["request"], resolution, identity)
            return
        hold, ending = _hold(record["hold"]), Ending(**record["ending"])
        if await self._came_of(hold, resolution, ending) in ("settled", "released", "tombstone"):
            self.restored += 1
            log.warning("a resolution was forgotten and is there again", extra={"request_id": hold.request_id})

    async def _apply(self, hold: Hold, resolution: Resolution, ending: Ending) -> None:
        came = await self._came_of(hold, resolution, ending)
        self._recent.keep(encode({"do": "resolve", "hold": hold, "resolution": resolution, "ending": ending}))
        if came == "corrected":
            log.warning("a hold had expired before its resolution", extra={"request_id": hold.request_id})

    async def _came_of(self, hold: Hold, resolution: Resolution, ending: Ending) -> str:
        if not resolution.charged:
            given_back = replace(resolution, note=hold.note | resolution.note)
            return await self._books.release(
                hold.team_id, hold.key_id, hold.request_id, given_back, hold.identity, ending
            )
        settled = await self._books.settle(hold, resolution, ending)
        principal = self._principals.get(hold.request_id)
        if principal and settled.came == "settled":
            for told in alerts(principal, settled, resolution.cost):
                log.warning("a budget passed one of its alerts", extra={"event": "budget_alert", **told})
        return settled.came

    async def _apply_late(self, record: Record) -> None:
        """Do what a journalled record says, unless the tombstone that keeps it from happening twice may have gone."""
        if record["do"] == "release":
            identity = Identity(**record.get("identity", {}))
            await self._release_by_id(record["team"], record["key"], record["request"], identity, _UNCONFIRMED)
            return
        hold, resolution = _hold(record["hold"]), _resolution(record["resolution"])
        if time.time() * 1000 - hold.admitted_ms > _REPLAY_WITHIN_MS:
            told: dict[str, Any] = {"team": hold.team_id, "request_id": hold.request_id, "outcome": resolution.outcome}
            told |= {"charged": resolution.charged, "cost": resolution.cost}
            log.error("a resolution is too old to be replayed; the expiry of its hold stands", extra=told)
            return
        await self._apply(hold, resolution, Ending(**record.get("ending", {})))


def _record(hold: Hold, resolution: Resolution, ending: Ending) -> Record:
    return {
        "do": "resolve",
        "hold": to_builtins(hold),
        "resolution": to_builtins(resolution),
        "ending": to_builtins(ending),
    }


def _hold(fields: dict[str, Any]) -> Hold:
    return Hold(**{**fields, "identity": Identity(**fields.get("identity", {}))})


def _resolution(fields: dict[str, Any]) -> Resolution:
    return Resolution(**{**fields, "usage": TokenUsage(**fields["usage"]), "flags": tuple(fields["flags"])})
