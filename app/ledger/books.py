"""The books of a team: admit, settle, release, renew and expire, each one call of one script."""

import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import orjson
from msgspec.structs import astuple

from app.accounts.models import Limits, Principal
from app.catalog.pricing import Quote
from app.datastore.datastore import Argument, Datastore, unavailable
from app.datastore.script import Script
from app.keyspace import NAMELESS, TEAM_SCOPE, Naming, TeamKeys, hour_of, key_scope
from app.ledger.models import (
    NOBODY,
    UNWITNESSED,
    Admission,
    Ending,
    Hold,
    Identity,
    Mode,
    Reason,
    Resolution,
    Settled,
    Standing,
    Verdict,
)
from app.ledger.periods import HOUR_MS, day_window, window
from app.ledger.scripts import ADMIT, EXPIRE, RELEASE, RENEW, SETTLE

_SWEPT_AT_ONCE = 100
_LONGEST_QUEUE = 100
"""Requests of one team that wait for a turn. Each looks at all before it, twice a second."""
_DAY = window(None, 0)
"""Stands in for the day where nobody counts by days."""
_VERDICTS = {verdict.encode(): verdict for verdict in Verdict} | {b"again": Verdict.ADMITTED}
_REMEMBERED_LIMITS = 1024
"""Sets of limits, at about 1 KB each. Keys that were given the same limits share them."""


class Books:
    """The scripts' thin caller: no rule lives here, only the words a script wants and the reply as values."""

    def __init__(self, datastore: Datastore, clock: Callable[[], float] = time.time) -> None:
        self._datastore = datastore
        self._clock = clock
        self._offset_ms = 0
        """Server clock minus ours, learned whenever a script says that our idea of the hour does not fit."""

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
        """Decide every limit and budget of team and key at once, and set the quote aside if all of them agree.

        Raises:
            StoreUnavailable: Redis did not answer. When ``may_have_happened``, the caller must release the id until
                that succeeds, because the admission may stand.

        """
        team, key = principal.team, principal.key
        words: list[Argument] = [
            request_id,
            key.id,
            team.version,
            key.version,
            int(key.expires_at.timestamp() * 1000) if key.expires_at else 0,
            quote.cost,
            quote.images,
            quote.usage.total,
            _without_bar(model),
            orjson.dumps(note),
            mode,
            _LONGEST_QUEUE,
            identity.operation,
            identity.fingerprint,
            identity.retry_count,
            int(bool(identity.idempotency)),
            int(identity.attended),
        ]
        limits = ((TEAM_SCOPE, team.limits), (key_scope(key.id), key.limits))
        reply = await self._run(ADMIT, team.id, key.id, words, identity.naming(request_id), limits)
        hold = None
        if reply[0] in (b"admitted", b"again") and mode is not Mode.QUOTE:
            hold = Hold(
                request_id=request_id,
                team_id=team.id,
                key_id=key.id,
                model=model,
                quote=quote.cost,
                images=quote.images,
                team_period=_word(reply[2]),
                key_period=_word(reply[3]),
                admitted_ms=int(reply[1]),
                note=note,
                identity=identity,
            )
        return _read_admission(reply, hold)

    async def settle(self, hold: Hold, resolution: Resolution, ending: Ending = UNWITNESSED) -> Settled:
        """Turn a hold into spend and a ledger entry, at most once."""
        usage = resolution.usage
        is_known = "at_quote" not in resolution.flags
        words: list[Argument] = [
            hold.request_id,
            hold.key_id,
            _without_bar(hold.model),
            resolution.outcome,
            resolution.cost,
            hold.quote,
            resolution.delivered,
            usage.text_input,
            usage.image_input,
            usage.text_output,
            usage.image_output,
            hold.team_period,
            hold.key_period,
            hold.admitted_ms,
            ",".join(resolution.flags),
            orjson.dumps(hold.note | resolution.note),
            int(is_known),
            hold.identity.operation,
            ending.result,
            int(ending.attended),
            _json(ending.error),
            _json(ending.about),
        ]
        naming = hold.identity.naming(hold.request_id)
        came, _, team_spent, key_spent = await self._run(SETTLE, hold.team_id, hold.key_id, words, naming)
        if not team_spent:
            return Settled(_word(came))
        return Settled(_word(came), int(team_spent), int(key_spent))

    async def release(
        self,
        team_id: str,
        key_id: str,
        request_id: str,
        resolution: Resolution,
        identity: Identity = NOBODY,
        ending: Ending = UNWITNESSED,
    ) -> str:
        """Give a hold back, or leave a tombstone for an admission that may still come; what came of it."""
        words: list[Argument] = [request_id, key_id, resolution.outcome, ",".join(resolution.flags)]
        words += [_json(resolution.note), int(resolution.again), identity.operation, int(ending.attended)]
        words += [_json(ending.error), _json(ending.about)]
        return _word((await self._run(RELEASE, team_id, key_id, words, identity.naming(request_id)))[0])

    async def renew(self, team_id: str, request_ids: Sequence[str]) -> int:
        """Make the leases of a team's holds whole again; how many still stood."""
        return int((await self._run(RENEW, team_id, "", request_ids))[0])

    async def with_holds(self, team_ids: Sequence[str]) -> list[str]:
        """Those of these teams that have any; asked in one write, at a tenth of what `expire` costs."""
        counts = await self._datastore.commands([("ZCARD", TeamKeys(team_id).holds) for team_id in team_ids])
        return [team_id for team_id, count in zip(team_ids, counts, strict=True) if count]

    async def expire(self, team_id: str) -> int:
        """Resolve up to 100 overdue holds of a team; how many there were."""
        return int((await self._run(EXPIRE, team_id, "", [_SWEPT_AT_ONCE]))[0])

    async def _run(
        self,
        script: Script,
        team_id: str,
        key_id: str,
        words: Sequence[Argument],
        naming: Naming = NAMELESS,
        limits: Sequence[tuple[str, Limits]] = (),
    ) -> list[Any]:
        """Run a script on a team's books; once more by the server's clock where ours is off by more than a period.

        Behind the words stand those of ``limits``, by scope.
        """
        names = TeamKeys(team_id)
        for _ in range(2):
            now_ms = int(self._clock() * 1000) + self._offset_ms
            arguments: list[Argument] = [hour_of(now_ms), *words]
            for scope, limited in limits:
                arguments += _limit_words(limited, hour_of(now_ms))
                arguments.append(scope)
            reply: list[Any] = await self._datastore.run(script, names.books(key_id, now_ms, naming), arguments)
            if reply[0] != b"clock":
                return reply
            # From our own clock, not from what was sent: of several calls at once each sets the same.
            self._offset_ms = int(reply[1]) - int(self._clock() * 1000)
        # A script that says so has done nothing.
        raise unavailable(f"{script.name}: the server's clock moved between two calls", may_have_happened=False)


@lru_cache(maxsize=_REMEMBERED_LIMITS)
def _limit_words(limits: Limits, hour: int) -> tuple[bytes, ...]:
    """What ``admit.lua`` is told of a scope before its name, in the order in which that names it.

    Remembered by the limits themselves, so a changed one counts at once; and right until the hour is over, since the
    period that may begin meanwhile stands there too, and the script chooses by its own clock.
    """
    begin_ms = hour * HOUR_MS
    budget = limits.budget
    counts = (
        limits.requests_per_minute,
        limits.images_per_minute,
        limits.tokens_per_minute,
        limits.concurrent_images,
        limits.images_per_day,
        budget.limit if budget else None,
    )
    day = _DAY if limits.images_per_day is None else day_window(budget, begin_ms)
    words = [-1 if count is None else count for count in counts]
    return tuple(str(word).encode() for word in (*words, *astuple(window(budget, begin_ms)), *astuple(day)))


def _without_bar(model: str) -> str:
    """A model's name as the books keep it: a bar separates their fields."""
    return model.replace("|", "_")


def _word(reply: bytes) -> str:
    return reply.decode()


def _json(value: dict[str, Any] | None) -> bytes:
    return orjson.dumps(value) if value else b""


def _read_admission(reply: list[Any], hold: Hold | None) -> Admission:
    word, now, _, _, _, _, place, reasons, standings, earlier = reply
    return Admission(
        verdict=_VERDICTS[word],
        now_ms=int(now),
        hold=hold,
        reasons=tuple(Reason(_word(code), _word(scope), *map(int, numbers)) for code, scope, *numbers in reasons),
        standings=tuple(Standing(_word(what), _word(scope), *map(int, numbers)) for what, scope, *numbers in standings),
        place=int(place),
        earlier=_word(earlier),
    )
