"""Usage summed by whatever is asked: team, key, model, day, hour from the roll-ups, user from the ledger entries."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, Literal, get_args

from msgspec import Struct
from pydantic import Field

from app.accounts.models import Team, VirtualKey
from app.accounts.store import AccountStore
from app.admin.documents import Document
from app.admin.sheets import csv_text
from app.admin.times import time_of, unix_ms, whole_hours
from app.errors import InvalidRequest
from app.keyspace import hour_of
from app.ledger.pages import LedgerPages, Wanted, user_of
from app.ledger.usage import UsageReader, measures_of
from app.money import dollars

Dimension = Literal["team", "key", "model", "day", "hour", "user"]
Group = tuple[str, ...]
"""A value for each dimension: a team's and a key's id, a time in ISO 8601, "" for no user."""

_MOST_DIMENSIONS: Final = 2
_MOST_ROLL_UPS: Final = 100_000
"""Read for one answer: a year of eleven teams, a month of 138; some seconds."""
_MOST_ENTRIES: Final = 200_000
"""Read for one answer by user: some seconds."""
_MOST_GROUPS: Final = 20_000
_MEASURES: Final = {
    "requests": "requests",
    "delivered": "delivered",
    "refused": "refused",
    "failed": "failed",
    "unknown": "unknown",
    "images": "images",
    "text_input_tokens": "text_input",
    "image_input_tokens": "image_input",
    "text_output_tokens": "text_output",
    "image_output_tokens": "image_output",
}
"""Counts of a row by their name in the books."""


class GroupRow(Document):
    """What was used by one group; it has a name for what is asked by, and no other."""

    team: str = Field("", description="The team's name; of a key too.")
    key: str = Field("", description="The key's id; `-` for credits of a team.")
    alias: str = Field("", description="Of the key.")
    model: str = ""
    day: date | None = Field(None, description="In UTC.")
    hour: datetime | None = Field(None, description="When it begins.")
    user: str | None = Field(None, description="What requests named as their `user`; null where they named none.")
    requests: int
    delivered: int
    refused: int
    failed: int
    unknown: int
    images: int
    text_input_tokens: int
    image_input_tokens: int
    text_output_tokens: int
    image_output_tokens: int
    cost: str = Field(examples=["0.0412"])


class GroupedUsage(Document):
    """Usage by one or two dimensions: by time where that is one of them, else the dearest first."""

    group_by: list[Dimension]
    since: datetime
    until: datetime
    rows: list[GroupRow]
    cost: str


def read_dimensions(text: str) -> tuple[Dimension, ...]:
    """The dimensions of ``group_by``.

    Raises:
        InvalidRequest: too many, one twice, or one there is not.

    """
    named = [name.strip() for name in text.split(",")]
    known: Mapping[str, Dimension] = {name: name for name in get_args(Dimension)}
    if len(set(named)) < len(named) or len(named) > _MOST_DIMENSIONS or not all(name in known for name in named):
        raise InvalidRequest(f"group_by: one or two of {', '.join(known)}, with a comma between.", param="group_by")
    return tuple(known[name] for name in named)


class GroupedReports(Struct, frozen=True):
    """Puts such reports together."""

    accounts: AccountStore
    usage: UsageReader
    pages: LedgerPages

    async def report(
        self, team: str | None, by: tuple[Dimension, ...], since: datetime | None, until: datetime | None
    ) -> GroupedUsage:
        """Usage over the whole UTC hours that touch [since, until), of one team or all.

        Raises:
            InvalidRequest: no time, one too long, or more than one answer may be put together from.
            NotFound: no such team.

        """
        since, until = whole_hours(since, until)
        teams = [await self.accounts.find_team(team)] if team else await self.accounts.teams()
        groups: dict[Group, Counter[str]] = defaultdict(Counter)
        counted = self._from_entries if "user" in by else self._from_roll_ups
        async for group, measures in counted(teams, by, unix_ms(since), unix_ms(until)):
            groups[group].update(measures)
            if len(groups) > _MOST_GROUPS:
                raise _too_much("rows")
        keys = [key for one in teams for key in await self.accounts.keys(one.id)] if "key" in by else []
        named = _Names({one.id: one.name for one in teams}, {key.id: key for key in keys})
        return GroupedUsage(
            group_by=list(by),
            since=since,
            until=until,
            rows=[named.row(by, group, groups[group]) for group in _in_order(by, groups)],
            cost=dollars(sum(measures["cost"] for measures in groups.values())),
        )

    async def _from_roll_ups(
        self, teams: Sequence[Team], by: tuple[Dimension, ...], from_ms: int, to_ms: int
    ) -> AsyncIterator[tuple[Group, Counter[str]]]:
        hours = range(hour_of(from_ms), hour_of(to_ms))
        if len(hours) * len(teams) > _MOST_ROLL_UPS:
            raise _too_much("hours of teams")
        async for team_id, hour, sums in self.usage.roll_ups([team.id for team in teams], hours):
            for (key, model), measures in sums.items():
                yield _group(by, team_id, key, model, hour), measures

    async def _from_entries(
        self, teams: Sequence[Team], by: tuple[Dimension, ...], from_ms: int, to_ms: int
    ) -> AsyncIterator[tuple[Group, Counter[str]]]:
        wanted, number = Wanted(since_ms=from_ms, until_ms=to_ms), 0
        for team in teams:
            async for entry in self.pages.oldest_first(team.id, wanted):
                number += 1
                if number > _MOST_ENTRIES:
                    raise _too_much("ledger entries")
                user = user_of(entry.note) or ""
                yield (
                    _group(by, team.id, entry.key, entry.model, hour_of(entry.resolved_ms), user),
                    measures_of(entry),
                )


class _Names(Struct, frozen=True):
    """What ids are called."""

    teams: Mapping[str, str]
    keys: Mapping[str, VirtualKey]

    def row(self, by: Sequence[Dimension], group: Group, measures: Counter[str]) -> GroupRow:
        named: dict[str, Any] = dict(zip(by, group, strict=True))
        if "team" in named:
            named["team"] = self.teams[named["team"]]
        if "key" in named:
            key = self.keys.get(named["key"])  # None: nobody's, as credits of a team are
            named["alias"] = key.alias if key else ""
            named.setdefault("team", self.teams[key.team_id] if key else "")
        if "user" in named:
            named["user"] = named["user"] or None
        counts = {name: measures[measure] for name, measure in _MEASURES.items()}
        return GroupRow(**named | counts, cost=dollars(measures["cost"]))


def sheet(report: GroupedUsage) -> str:
    """The rows as CSV."""
    names: list[str] = []
    for dimension in report.group_by:
        names += ["team", "key", "alias"] if dimension == "key" else [dimension]
    columns = [*dict.fromkeys(names), *_MEASURES, "cost"]
    return csv_text([columns, *([getattr(row, name) for name in columns] for row in report.rows)])


def _group(by: Iterable[Dimension], team_id: str, key: str, model: str, hour: int, user: str = "") -> Group:
    moment = time_of(hour * 3_600_000)
    values: dict[Dimension, str] = {"team": team_id, "key": key, "model": model, "user": user}
    values |= {"day": f"{moment:%F}", "hour": f"{moment:%FT%TZ}"}
    return tuple(values[dimension] for dimension in by)


def _in_order(by: Sequence[Dimension], groups: Mapping[Group, Counter[str]]) -> list[Group]:
    times = [place for place, dimension in enumerate(by) if dimension in ("day", "hour")]
    return sorted(groups, key=lambda group: ([group[place] for place in times], -groups[group]["cost"], group))


def _too_much(what: str) -> InvalidRequest:
    return InvalidRequest(f"That would be too many {what} for one answer: ask for less time, or one team.")
