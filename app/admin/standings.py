"""How a team and each of its keys stand with their budgets at this moment: spent, held, left."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import Field

from app.accounts.models import Budget, Team, VirtualKey
from app.accounts.store import AccountStore
from app.admin.documents import Document
from app.admin.limits import BudgetBody
from app.admin.times import time_of, unix_ms
from app.keyspace import TEAM_SCOPE, key_scope
from app.ledger.periods import LAST_MS, window
from app.ledger.usage import TeamBooks, UsageReader
from app.money import dollars


class BudgetStanding(Document):
    """How a team or a key stands with its budget."""

    budget: BudgetBody | None
    spent: str = Field(description="In the current period of its budget; without one since it was made.")
    held: str = Field(description="Set aside for requests under way.")
    left: str | None = Field(description="null without a budget.")
    resets_at: datetime | None = Field(description="null where nothing resets.")


class StandingBody(BudgetStanding):
    """A team's or a key's."""

    scope: Literal["team", "key"]
    key: str | None = Field(description="The id of the key; null for the team.")
    alias: str | None
    images: int = Field(description="The pictures of requests under way.")


class StandingsBody(Document):
    """A team's first, then those of its keys, the oldest first."""

    team: str
    standings: list[StandingBody]


def add_standings(router: APIRouter, accounts: AccountStore, usage: UsageReader) -> None:
    """Put the route on the operator's router."""

    @router.get("/teams/{team}/standing")
    async def show_standing(team: str) -> StandingsBody:
        """How a team and each of its keys stand with their budgets: spent, held, left."""
        found = await accounts.find_team(team)
        keys = await accounts.keys(found.id)
        return standings_report(found, keys, await usage.standing(found.id), datetime.now(UTC))


def standings_report(team: Team, keys: Sequence[VirtualKey], books: TeamBooks, now: datetime) -> StandingsBody:
    """Of the books as they were read at a moment (UTC)."""
    own = StandingBody(
        scope="team",
        key=None,
        alias=None,
        images=books.held_images(TEAM_SCOPE),
        **budget_standing(TEAM_SCOPE, team.limits.budget, books, now),
    )
    of_keys = [
        StandingBody(
            scope="key",
            key=key.id,
            alias=key.alias,
            images=books.held_images(key_scope(key.id)),
            **budget_standing(key_scope(key.id), key.limits.budget, books, now),
        )
        for key in keys
    ]
    return StandingsBody(team=team.name, standings=[own, *of_keys])


def budget_standing(scope: str, budget: Budget | None, books: TeamBooks, now: datetime) -> dict[str, Any]:
    """The members of a `BudgetStanding`: how one scope of a team's books stands at a moment (UTC)."""
    period = window(budget, unix_ms(now))
    spent, held = books.spent(scope, period.id), books.held_cost(scope)
    return {
        "budget": BudgetBody.of(budget) if budget else None,
        "spent": dollars(spent),
        "held": dollars(held),
        "left": dollars(budget.limit - spent - held) if budget else None,
        "resets_at": time_of(period.ends_ms) if period.ends_ms < LAST_MS else None,
    }
