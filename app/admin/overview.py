"""The state of things on one page: money against budgets, pictures, success and speed, from roll-ups."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import reduce
from typing import Any, Final

from msgspec import Struct, field
from pydantic import Field

from app.accounts.models import Team
from app.accounts.store import AccountStore
from app.admin.day_sums import DaySums, Models, TeamDay, Used
from app.admin.documents import Document
from app.admin.live import Replica
from app.admin.standings import BudgetStanding, budget_standing
from app.keyspace import TEAM_SCOPE
from app.ledger.usage import TeamBooks, UsageReader
from app.money import dollars

_DAYS: Final = 30


class Figures(Document):
    """What came of requests over a time."""

    requests: int
    delivered: int
    success_rate: float | None = Field(description="Delivered of all; null where there were none.")
    images: int
    cost: str


class TeamFigures(BudgetStanding):
    """What a team spent, and how it stands with its budget."""

    team: str
    today: str = Field(description="Spent today, in UTC.")
    month: str = Field(description="Spent this month, in UTC.")


class DayFigures(Figures):
    """Of one UTC day."""

    day: date


class ModelFigures(Figures):
    """Of one model; `-` for credits of teams."""

    model: str


class SecondsBody(Document):
    """How long image requests took, of this replica alone, since it started."""

    requests: int
    since: datetime
    p50: float | None = Field(description="Within the buckets of `imagegate_request_seconds`; null without requests.")
    p95: float | None


class Overview(Document):
    """All teams at a glance."""

    at: datetime
    in_flight: int = Field(description="Image requests of this replica.")
    today: Figures
    month: Figures
    request_seconds: SecondsBody
    teams: list[TeamFigures]
    days: list[DayFigures] = Field(description="The last 30 UTC days, today the last.")
    models: list[ModelFigures] = Field(description="Over the same days, the dearest first.")


class _Sums(Struct, frozen=True):
    """Days of teams, added up as the page wants them."""

    days: dict[date, Used] = field(default_factory=lambda: defaultdict(Used))
    models: dict[str, Used] = field(default_factory=lambda: defaultdict(Used))
    spent: dict[str, dict[date, int]] = field(default_factory=lambda: defaultdict(dict))
    """Nano-dollars by team id and day."""

    def since(self, day: date) -> Used:
        """Everything from that day on."""
        return reduce(Used.plus, (used for of, used in self.days.items() if of >= day), Used())

    def spent_since(self, day: date, team_id: str) -> int:
        """Nano-dollars of a team from that day on."""
        return sum(cost for of, cost in self.spent[team_id].items() if of >= day)


async def overview_report(
    replica: Replica, accounts: AccountStore, usage: UsageReader, day_sums: DaySums, now: datetime
) -> Overview:
    """The page at a moment (UTC): the roll-ups of today and yesterday, and what is remembered of the days before."""
    teams = await accounts.teams()
    ids = [team.id for team in teams]
    today = now.date()
    first, month = today - timedelta(days=_DAYS - 1), today.replace(day=1)
    sums = _add_up(await day_sums.read(ids, min(first, month), now), first)
    books = await usage.standings(ids)
    return Overview(
        at=now,
        in_flight=replica.places.number,
        today=Figures(**_figures(sums.since(today))),
        month=Figures(**_figures(sums.since(month))),
        request_seconds=_seconds(replica),
        teams=[_team(team, books[team.id], sums, now) for team in teams],
        days=[
            DayFigures(day=day, **_figures(sums.days.get(day, Used())))
            for day in (first + timedelta(days=number) for number in range(_DAYS))
        ],
        models=[
            ModelFigures(model=model, **_figures(used))
            for model, used in sorted(sums.models.items(), key=lambda of: (-of[1].cost, of[0]))
        ],
    )


def _add_up(team_days: Mapping[TeamDay, Models], models_since: date) -> _Sums:
    sums = _Sums()
    for (team_id, day), models in team_days.items():
        total = reduce(Used.plus, models.values(), Used())
        sums.days[day] = sums.days[day].plus(total)
        sums.spent[team_id][day] = total.cost
        if day >= models_since:
            for model, used in models.items():
                sums.models[model] = sums.models[model].plus(used)
    return sums


def _team(team: Team, books: TeamBooks, sums: _Sums, now: datetime) -> TeamFigures:
    today = now.date()
    return TeamFigures(
        team=team.name,
        today=dollars(sums.spent_since(today, team.id)),
        month=dollars(sums.spent_since(today.replace(day=1), team.id)),
        **budget_standing(TEAM_SCOPE, team.limits.budget, books, now),
    )


def _figures(used: Used) -> dict[str, Any]:
    return {
        "requests": used.requests,
        "delivered": used.delivered,
        "success_rate": round(used.delivered / used.requests, 4) if used.requests else None,
        "images": used.images,
        "cost": dollars(used.cost),
    }


def _seconds(replica: Replica) -> SecondsBody:
    seconds = replica.metrics.request_durations()
    return SecondsBody(
        requests=seconds.number,
        since=replica.started_at,
        p50=seconds.within(0.5),
        p95=seconds.within(0.95),
    )
