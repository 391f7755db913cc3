"""What has to be asked of Redis before a scrape can tell it: how full it is, and how teams stand with their budgets."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from app.accounts.models import Team
from app.accounts.store import AccountStore
from app.datastore.datastore import Datastore
from app.datastore.memory import Memory
from app.errors import StoreUnavailable
from app.ledger.budget_use import BudgetUse, read_budget_uses
from app.money import NANOS_PER_DOLLAR

MOST_TEAMS: Final = 1_000
"""Told of by name: two series for each. Of more teams those are told of that come first by name; the ledger has all."""
_FRESH_SECONDS: Final = 10.0
"""Scrapes within that share an answer: two Prometheus servers cost Redis no more than one."""


class Told(Struct, frozen=True):
    """What Redis told: its memory, and teams with how they stand."""

    memory: Memory
    teams: Sequence[tuple[Team, BudgetUse]]

    def held_dollars(self) -> dict[str, float]:
        """Money held for requests under way, by team."""
        return {team.name: use.held / NANOS_PER_DOLLAR for team, use in self.teams}

    def budgets_used(self) -> dict[str, float]:
        """Spent and held of the current budget, 1 is all, by team; of teams with a budget."""
        return {
            team.name: (use.spent + use.held) / budget.limit
            for team, use in self.teams
            if (budget := team.limits.budget) is not None and budget.limit
        }


class Scrape:
    """Asks Redis at most every ten seconds; while it does not answer, nothing is told rather than something old."""

    def __init__(
        self,
        accounts: AccountStore,
        datastore: Datastore,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._accounts = accounts
        self._datastore = datastore
        self._clock = clock
        self._told: Told | None = None
        self._asked_at = float("-inf")
        self._one_at_a_time = asyncio.Lock()

    @property
    def told(self) -> Told | None:
        """The last answer; None while Redis does not answer."""
        return self._told

    async def refresh(self) -> None:
        """Ask, if the last answer is not fresh any more; raises nothing."""
        async with self._one_at_a_time:
            if self._clock() - self._asked_at < _FRESH_SECONDS:
                return
            try:
                self._told = await self._ask()
                self._asked_at = self._clock()
            except StoreUnavailable:
                self._told = None

    async def _ask(self) -> Told:
        memory, teams = await asyncio.gather(self._datastore.memory(), self._accounts.teams(MOST_TEAMS))
        uses = await read_budget_uses(self._datastore, teams, int(self._clock() * 1000))
        return Told(memory, list(zip(teams, uses, strict=True)))
