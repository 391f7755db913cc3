"""What each team used on each UTC day, by model: read from the roll-ups, finished days once."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import product
from typing import Final, NamedTuple

from app.admin.times import unix_ms
from app.keyspace import hour_of
from app.ledger.usage import UsageReader

MOST_REMEMBERED: Final = 10_000
"""Days of teams: a month of 320 teams, some 10 MB. What is beyond that is read every time."""
_OPEN_DAYS: Final = 2
"""Today and yesterday are not finished.

Whatever is booked, however late, is booked into the hour in which it is (``entries.lua``: write_entry), so a roll-up of
an hour that is over never changes. The day between is for clocks that differ, and for a failover that forgot a moment.
"""
_HOURS: Final = 24
_EPOCH: Final = date(1970, 1, 1).toordinal()

TeamDay = tuple[str, date]
"""A team's id and a UTC day."""


class Used(NamedTuple):
    """What came of requests; ``cost`` in nano-dollars."""

    requests: int = 0
    delivered: int = 0
    images: int = 0
    cost: int = 0

    def plus(self, other: "Used") -> "Used":
        """Both together."""
        return Used(*map(sum, zip(self, other, strict=True)))


Models = Mapping[str, Used]
"""By model; `-` for credits of a team."""
_NOTHING: Final[Models] = {}


class DaySums:
    """Reads such days, and remembers those that cannot change any more, while they are asked for.

    ``replication_ids`` tells when Redis may hold other books than before: after a failover, or restored from a backup.
    """

    def __init__(
        self,
        usage: UsageReader,
        replication_ids: Callable[[], Awaitable[frozenset[str]]],
        most_remembered: int = MOST_REMEMBERED,
    ) -> None:
        self._usage = usage
        self._replication_ids = replication_ids
        self._most_remembered = most_remembered
        self._one_at_a_time = asyncio.Lock()
        self._finished: dict[TeamDay, Models] = {}
        self._source: frozenset[str] = frozenset()

    @property
    def remembered(self) -> int:
        """How many days of teams are remembered."""
        return len(self._finished)

    async def read(self, team_ids: Sequence[str], since: date, now: datetime) -> dict[TeamDay, Models]:
        """Every day of every team from ``since`` until the hour of ``now`` (UTC).

        Raises:
            StoreUnavailable: Redis does not answer.

        """
        first_open = max(since, now.date() - timedelta(days=_OPEN_DAYS - 1))
        # Who asks meanwhile waits, and finds remembered what the first has read.
        async with self._one_at_a_time:
            days = await self._read_finished(team_ids, since, first_open)
        return days | await self._read(team_ids, list(_days(first_open, now.date() + timedelta(days=1))), now)

    async def _read_finished(self, team_ids: Sequence[str], since: date, until: date) -> dict[TeamDay, Models]:
        source = await self._replication_ids()
        if source != self._source:
            self._finished, self._source = {}, source
        self._finished = {of: models for of, models in self._finished.items() if of[1] >= since}
        wanted = list(_days(since, until))
        missing: dict[tuple[date, ...], list[str]] = defaultdict(list)
        for team_id in team_ids:
            missing[tuple(day for day in wanted if (team_id, day) not in self._finished)].append(team_id)
        found: dict[TeamDay, Models] = {}
        for days, of_teams in missing.items():
            found |= await self._read(of_teams, days)
        for of, models in found.items():
            if len(self._finished) < self._most_remembered:
                self._finished[of] = models
        return {of: found[of] if of in found else self._finished[of] for of in product(team_ids, wanted)}

    async def _read(
        self, team_ids: Sequence[str], days: Sequence[date], until: datetime | None = None
    ) -> dict[TeamDay, Models]:
        """Days out of Redis, without what lies after the hour of ``until``."""
        last = None if until is None else hour_of(unix_ms(until))
        hours = [hour for day in days for hour in _hours(day) if last is None or hour <= last]
        sums: dict[TeamDay, dict[str, Used]] = {}
        async for team_id, hour, roll_up in self._usage.roll_ups(team_ids, hours):
            models = sums.setdefault((team_id, date.fromordinal(_EPOCH + hour // _HOURS)), {})
            for (_, model), measures in roll_up.items():
                used = Used(*[measures.get(name, 0) for name in Used._fields])
                models[model] = models[model].plus(used) if model in models else used
        return {of: sums.get(of, _NOTHING) for of in product(team_ids, days)}


def _days(since: date, until: date) -> Iterator[date]:
    """From one to before another."""
    return (since + timedelta(days=number) for number in range((until - since).days))


def _hours(day: date) -> range:
    first = (day.toordinal() - _EPOCH) * _HOURS
    return range(first, first + _HOURS)
