"""Giving money back: an operator's credit on a request or on a team, written once as a correction (``credit.lua``)."""

import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
from msgspec import Struct
from msgspec.structs import astuple, replace

from app.accounts.models import Team
from app.datastore.datastore import Argument, Datastore, unavailable
from app.errors import Conflict, InvalidRequest, NotFound
from app.keyspace import TeamKeys, hour_of
from app.ledger.brought_forward import read_brought_forward
from app.ledger.models import Entry
from app.ledger.periods import Window, window
from app.ledger.scripts import CREDIT
from app.money import Money, format_dollars

NOBODY = "-"
"""Stands for key and model in an entry that is about neither."""

_PAGE = 1000
_PAGES = 200  # 200,000 entries, some seconds: who looks for older ones knows the team and can credit that
_ATTEMPTS = 3

Came = Literal["credited", "already"]


class Credit(Struct, frozen=True):
    """What is to be given back. The same ``id`` twice is one credit, for the 7 days that a tombstone lives."""

    id: str
    amount: Money
    reason: str


class Charge(Struct, frozen=True):
    """What a request was charged, as its entries tell it: ``cost`` is their sum, ``first`` the one that resolved it."""

    first: Entry
    cost: int
    newest_id: str
    """The newest entry of the whole ledger when it was read."""


class _About(Struct, frozen=True):
    """What a credit is about, in the order in which ``credit.lua`` wants it."""

    request: str = ""
    key: str = NOBODY
    model: str = NOBODY
    quote: int = 0
    key_period: str = ""
    admitted_ms: int = 0
    charged: int = 0
    newest_id: str = "0-0"


_OF_TEAM = _About()


class Credits:
    """Finds what was charged and gives it back; no more than that, whoever else does so at the same moment."""

    def __init__(self, datastore: Datastore, clock: Callable[[], float] = time.time) -> None:
        self._datastore = datastore
        self._clock = clock

    async def find_charge(self, team_id: str, request_id: str) -> Charge | None:
        """What a request of this team was charged; None when it is not among the newest 200,000 entries in Redis."""
        cost, newest_id = 0, ""
        async for entry_id, fields in self._newest_first(team_id):
            newest_id = newest_id or entry_id.decode()
            if fields[b"request"] != request_id.encode():
                continue
            entry = Entry.from_stream(entry_id, fields)
            cost += entry.cost
            if entry.kind != "correction":  # what resolved it first; corrections come after that
                return Charge(entry, cost, newest_id)
        return None

    async def credit_request(self, team: Team, request_id: str, credit: Credit) -> Came:
        """Give back some of what a request was charged, in the budget periods it belongs to.

        Raises:
            NotFound: no such request, or it is archived.
            InvalidRequest: more than it was charged, earlier credits taken off.

        """
        for _ in range(_ATTEMPTS):
            charge = await self.find_charge(team.id, request_id)
            if charge is None:
                raise NotFound(await self._why_not_found(team, request_id), param="request")
            reply = await self._run(
                team.id, charge.first.key, credit, _of_request(charge), _only(charge.first.team_period)
            )
            if reply[0] == b"already":
                await self._expect_same(team.id, credit, request_id)
            if reply[0] != b"moved":
                return _read(reply, f"what request {request_id} was charged, earlier credits taken off")
        raise Conflict("The ledger grows faster than it can be read; try again when less is being bought.")

    async def credit_team(self, team: Team, credit: Credit) -> Came:
        """Give a team back some of what it spent in the current period of its budget.

        Raises:
            InvalidRequest: more than it has spent in that.

        """
        reply = await self._run(team.id, NOBODY, credit, _OF_TEAM, lambda now_ms: window(team.limits.budget, now_ms))
        if reply[0] == b"already":
            await self._expect_same(team.id, credit, "")
        return _read(reply, f"what team {team.name!r} has spent in the current period of its budget")

    async def _why_not_found(self, team: Team, request_id: str) -> str:
        """What to tell of a request that is not there: it may be archived, and what is cannot be credited any more."""
        forward = await read_brought_forward(self._datastore, team.id)
        told = f"Team {team.name!r} has no request {request_id!r} in its ledger"
        if not forward.until:
            return f"{told}."
        day = datetime.fromtimestamp(forward.until_ms / 1000, UTC)
        return (
            f"{told} since {day:%Y-%m-%d}. Older requests are archived (`imagegate ledger archived`), and what is "
            "archived cannot be credited any more; credit the team instead."
        )

    async def _expect_same(self, team_id: str, credit: Credit, request_id: str) -> None:
        """A repeated id must stand for the same credit, or somebody believes in one that was never given.

        Raises:
            Conflict: it stands for another one.

        """
        async for entry_id, fields in self._newest_first(team_id):
            if fields[b"flags"] == b"credit" and orjson.loads(fields[b"note"])["credit"] == credit.id:
                entry = Entry.from_stream(entry_id, fields)
                if (entry.request, -entry.cost) == (request_id, credit.amount):
                    return
                raise Conflict(f"The id {credit.id!r} was used for another credit; take a new one.", param="id")

    async def _newest_first(self, team_id: str) -> AsyncIterator[tuple[bytes, dict[bytes, bytes]]]:
        ledger, cursor = TeamKeys(team_id).ledger, "+"
        for _ in range(_PAGES):
            page = await self._datastore.command("XREVRANGE", ledger, cursor, "-", "COUNT", _PAGE)
            for entry_id, fields in page:
                yield entry_id, fields
            if len(page) < _PAGE:
                return
            cursor = f"({page[-1][0].decode()}"

    async def _run(
        self, team_id: str, key_id: str, credit: Credit, about: _About, span: Callable[[int], Window]
    ) -> list[Any]:
        """Run ``credit.lua``; once more by the server's clock where ours is off by more than a period."""
        now_ms = int(self._clock() * 1000)
        for _ in range(2):
            period = span(now_ms)
            words: list[Argument] = [hour_of(now_ms), credit.id, credit.amount, *astuple(about)]
            words += [orjson.dumps({"credit": credit.id, "reason": credit.reason})]
            words += [period.id, period.starts_ms, period.ends_ms, period.next_id, period.next_ends_ms]
            reply: list[Any] = await self._datastore.run(CREDIT, TeamKeys(team_id).books(key_id, now_ms), words)
            if reply[0] != b"clock":
                return reply
            now_ms = int(reply[1])
        raise unavailable(f"{CREDIT.name}: the server's clock moved between two calls", may_have_happened=False)


def _of_request(charge: Charge) -> _About:
    first = charge.first
    return _About(
        request=first.request,
        key=first.key,
        model=first.model,
        quote=first.quote,
        key_period=first.key_period,
        admitted_ms=first.admitted_ms,
        charged=charge.cost,
        newest_id=charge.newest_id,
    )


def _only(period: str) -> Callable[[int], Window]:
    """The period of a request, which no clock changes any more."""
    return lambda _: replace(window(None, 0), id=period, next_id=period)


def _read(reply: list[Any], bound: str) -> Came:
    came = reply[0].decode()
    if came == "too_much":
        raise InvalidRequest(f"At most {format_dollars(int(reply[2]))} can be credited: {bound}.", param="amount")
    return "already" if came == "already" else "credited"
