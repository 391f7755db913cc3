"""The teams, keys and limits of a soak run, and what its books say at the end."""

import asyncio
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.accounts.models import Budget, KeyOptions, Limits, Team
from app.errors import StoreUnavailable
from app.ledger.models import Entry
from app.money import Money, parse_dollars
from tests.faults.accounting import Accounting
from tests.soak.errands import number_in
from tests.soak.facts import Books, Purchase, Spending

BUDGET_PER_SECOND = "0.015"
"""Dollars: less than such a team would spend by itself, so that its budget runs out on the way."""
_WATCHED_SECONDS = 2.0
_VERIFY_SECONDS = 300


@dataclass(slots=True)
class Accounts:
    """Who asks, and what they may spend."""

    books: Accounting
    teams: list[Team] = field(default_factory=list)
    keys: list[Mapping[str, str]] = field(default_factory=list)
    limits: dict[tuple[str, str], int] = field(default_factory=dict)
    """Team id and scope (as in `app.keyspace`) of each budget, and its limit in nano-dollars."""
    most: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    """The most that was seen spent and held of each, at one moment."""

    async def open(self, seconds: float) -> None:
        """Make teams and keys whose budgets suit a run of so many seconds."""
        budget = Money(round(seconds * parse_dollars(BUDGET_PER_SECOND)))
        for limits in _teams(budget):
            team = await self.books.new_team(limits)
            self.teams.append(team)
            self._note(team, "team", limits)
            for key_limits in (Limits(), Limits(budget=Budget(Money(budget // 2), "month"), requests_per_minute=400)):
                key = await self.books.new_key(team, key_limits, options=KeyOptions(fan_out=True))
                self.keys.append(key)
                key_id = key["Authorization"].split("-")[3]
                self._note(team, f"key:{key_id}", key_limits)

    async def watch(self) -> None:
        """Note what is spent and held every few seconds, until cancelled; not while Redis is away."""
        while True:
            await asyncio.sleep(_WATCHED_SECONDS)
            try:
                found = await self.books.usage.standings([team.id for team in self.teams])
            except StoreUnavailable:
                continue
            for team_id, scope in self.limits:
                books = found[team_id]
                used = _spent(books.spend, scope) + books.held_cost(scope)
                self.most[team_id, scope] = max(self.most[team_id, scope], used)

    async def held(self) -> int:
        """How many teams have anything held."""
        found = await self.books.usage.standings([team.id for team in self.teams])
        return sum(books.held != {} for books in found.values())

    async def read(self, given: Mapping[str, str]) -> Books:
        """Everything, with the verdict of the command; ``given`` is the environment of a replica."""
        purchases: list[Purchase] = []
        spendings, differences = [], 0
        for team in self.teams:
            entries = await self.books.entries(team)
            purchases += _purchases(entries)
            spend = (await self.books.usage.standing(team.id)).spend
            differences += abs(_spent(spend, "team") - sum(entry.cost for entry in entries))
            for (team_id, scope), limit in self.limits.items():
                if team_id == team.id:
                    name = team.name if scope == "team" else f"{scope} of {team.name}"
                    spendings.append(Spending(name, limit, _spent(spend, scope), self.most[team_id, scope]))
        status, said = await asyncio.to_thread(_verify, given)
        return Books(tuple(purchases), tuple(spendings), differences, said, status, await self.held())

    def _note(self, team: Team, scope: str, limits: Limits) -> None:
        if limits.budget is not None:
            self.limits[team.id, scope] = limits.budget.limit


def _teams(budget: Money) -> Sequence[Limits]:
    return (
        Limits(),
        Limits(requests_per_minute=300, tokens_per_minute=1_000_000),
        Limits(budget=Budget(budget, "total")),
        Limits(concurrent_images=4),
        Limits(budget=Budget(budget, "month"), concurrent_images=40, images_per_minute=600),
    )


def _spent(spend: Mapping[str, int], scope: str) -> int:
    """In all periods together: a run sees one of each, but at a month's end."""
    return sum(amount for name, amount in spend.items() if name.startswith(f"{scope}:"))


def _purchases(entries: Sequence[Entry]) -> list[Purchase]:
    """The entries by request, corrections included; the newest says what came of it."""
    by_request: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_request[entry.request].append(entry)
    return [_purchase(request, found) for request, found in by_request.items()]


def _purchase(request: str, entries: Sequence[Entry]) -> Purchase:
    last = entries[-1]
    user = str(next((entry.note["user"] for entry in entries if "user" in entry.note), ""))
    number = number_in(user.encode())
    return Purchase(
        request,
        -1 if number is None else number,
        last.outcome,
        sum(entry.cost for entry in entries),
        sum(entry.images for entry in entries),
        " ".join(entry.flags for entry in entries if entry.flags),
    )


def _verify(given: Mapping[str, str]) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "app", "ledger", "verify"],
        env=dict(given),
        capture_output=True,
        text=True,
        timeout=_VERIFY_SECONDS,
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr).strip()
