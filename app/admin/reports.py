"""What the operator reads: usage rows and standing, put together from the books."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from app.accounts.models import Team
from app.accounts.store import AccountStore
from app.admin.book_schemas import DayBody, UsageBody, UsageRow
from app.admin.limits import BudgetBody
from app.errors import InvalidRequest
from app.keyspace import TEAM_SCOPE
from app.ledger.periods import window
from app.ledger.usage import UsageReader
from app.money import dollars

_USAGE_DAYS = 30
_ALMOST_AN_HOUR = timedelta(hours=1) - timedelta(microseconds=1)
_FIRST_YEAR = 2000  # before anything was sold here, and far from where dates end
_LAST_YEAR = 9998
_MOST_USAGE_DAYS = 400  # roll-ups live that long
MOST_DAYS = 92
"""Told day by day at once: a quarter."""


async def usage_report(
    team: Team, accounts: AccountStore, usage: UsageReader, since: datetime | None, until: datetime | None
) -> UsageBody:
    """The usage of a team over [since, until) and its standing now.

    Raises:
        InvalidRequest: an empty time, or one longer than the roll-ups are kept.

    """
    until = until or datetime.now(UTC)
    if min(until, since or until).year < _FIRST_YEAR:
        raise InvalidRequest(f"since and until must lie after {_FIRST_YEAR}", param="since")
    since = since or until - timedelta(days=_USAGE_DAYS)
    since, until = _whole_hour(since), _whole_hour(until + _ALMOST_AN_HOUR)
    if not timedelta(0) < until - since <= timedelta(days=_MOST_USAGE_DAYS):
        raise InvalidRequest(f"since must lie before until, by at most {_MOST_USAGE_DAYS} days", param="since")
    sums = await usage.sums(team.id, _ms(since), _ms(until))
    standing = await usage.standing(team.id)
    aliases = {key.id: key.alias for key in await accounts.keys(team.id)}
    dearest_first = sorted(sums, key=lambda of: (-sums[of]["cost"], of))
    rows = [_row(key, aliases.get(key, key), model, sums[key, model]) for key, model in dearest_first]
    period = window(team.limits.budget, _ms(datetime.now(UTC))).id
    return UsageBody(
        team=team.name,
        since=since,
        until=until,
        rows=rows,
        cost=dollars(sum(measures["cost"] for measures in sums.values())),
        budget=BudgetBody.of(team.limits.budget) if team.limits.budget else None,
        spent=dollars(standing.spent(TEAM_SCOPE, period)),
        held=dollars(standing.held_cost(TEAM_SCOPE)),
    )


async def day_report(team_ids: Sequence[str], usage: UsageReader, since: date, until: date) -> list[DayBody]:
    """What these teams were charged on each UTC day from ``since`` to ``until``, both included.

    Raises:
        InvalidRequest: no day, or more than can be summed up at once.

    """
    if not 0 <= (until - since).days < MOST_DAYS or since.year < _FIRST_YEAR or until.year > _LAST_YEAR:
        raise InvalidRequest(f"since must not lie after until, and at most {MOST_DAYS} days are told", param="since")
    days = []
    for day in (since + timedelta(days=number) for number in range((until - since).days + 1)):
        begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
        from_ms, to_ms = _ms(begin), _ms(begin + timedelta(days=1))
        sums = await asyncio.gather(*[usage.sums(team_id, from_ms, to_ms) for team_id in team_ids])
        measured = [measures for by_key in sums for measures in by_key.values()]
        requests, cost = (sum(measures[name] for measures in measured) for name in ("requests", "cost"))
        days.append(DayBody(day=day, requests=requests, cost=dollars(cost)))
    return days


def _row(key: str, alias: str, model: str, measures: Mapping[str, int]) -> UsageRow:
    return UsageRow(
        key=key,
        alias=alias,
        model=model,
        requests=measures["requests"],
        delivered=measures["delivered"],
        refused=measures["refused"],
        failed=measures["failed"],
        unknown=measures["unknown"],
        images=measures["images"],
        text_input_tokens=measures["text_input"],
        image_input_tokens=measures["image_input"],
        text_output_tokens=measures["text_output"],
        image_output_tokens=measures["image_output"],
        cost=dollars(measures["cost"]),
    )


def _whole_hour(moment: datetime) -> datetime:
    """The hour a moment is in: roll-ups are by the hour, and a report says what it counted."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
