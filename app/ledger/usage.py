"""Reading the books: usage by key and model over a time, what is left, and whether everything adds up."""

import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from app.datastore.datastore import Datastore
from app.keyspace import TEAM_SCOPE, TeamKeys, hour_of, key_scope, spend_field
from app.ledger.models import Entry

_PAGE = 1000
_ROLL_UP_HOURS = 399 * 24
"""A day less than a roll-up is kept (``books.lua``)."""

Sums = dict[tuple[str, str], Counter[str]]
"""(key id, model) → measure → sum: requests by outcome, images, tokens by modality, ``cost`` in nano-dollars."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands on the books of a team now, by field name (`app/keyspace.py`)."""

    spend: dict[str, int]
    held: dict[str, int]

    def spent(self, scope: str, period: str) -> int:
        """Nano-dollars a scope has spent in a period."""
        return self.spend.get(spend_field(scope, period), 0)

    def held_cost(self, scope: str) -> int:
        """Nano-dollars set aside for a scope's requests under way."""
        return self.held.get(f"{scope}:cost", 0)


@dataclass(frozen=True, slots=True)
class Difference:
    """Two figures that should be equal and are not."""

    what: str
    expected: int
    found: int


class UsageReader:
    """Reads roll-ups and ledger of one team at a time; changes nothing."""

    def __init__(self, datastore: Datastore) -> None:
        self._datastore = datastore

    async def sums(self, team_id: str, from_ms: int, to_ms: int) -> Sums:
        """Roll-ups of the UTC hours that touch [from, to), summed."""
        return await self._sum(team_id, range(hour_of(from_ms), hour_of(to_ms - 1) + 1))

    async def standing(self, team_id: str) -> Standing:
        """Spend and holds as they are."""
        names = TeamKeys(team_id)
        spend, held = await self._datastore.commands([("HGETALL", names.spend), ("HGETALL", names.held)])
        return Standing(_integers(spend), _integers(held))

    async def entries(self, team_id: str) -> AsyncIterator[Entry]:
        """Every ledger entry, oldest first, a page in memory at a time."""
        names, cursor = TeamKeys(team_id), "-"
        while True:
            page = await self._datastore.command("XRANGE", names.ledger, cursor, "+", "COUNT", _PAGE)
            for entry_id, fields in page:
                yield Entry.from_stream(entry_id, fields)
            if len(page) < _PAGE:
                return
            cursor = f"({page[-1][0].decode()}"

    async def verify(self, team_id: str) -> tuple[int, list[Difference]]:
        """Recompute everything from the entries: they sum to spend and to the roll-ups, and holds to what is held.

        Run it while nothing is being bought: what settles during the walk shows as a difference.

        Returns:
            The number of entries read, and every figure that does not agree.

        """
        spend: Counter[str] = Counter()
        usage: Sums = defaultdict(Counter)
        hours: set[int] = set()
        # Roll-ups of hours before this are gone, or about to go; the entries stay.
        oldest = hour_of(int(time.time() * 1000)) - _ROLL_UP_HOURS
        number = 0
        async for entry in self.entries(team_id):
            number += 1
            spend[spend_field(TEAM_SCOPE, entry.team_period)] += entry.cost
            spend[spend_field(key_scope(entry.key), entry.key_period)] += entry.cost
            if hour_of(entry.resolved_ms) >= oldest:
                hours.add(hour_of(entry.resolved_ms))
                usage[entry.key, entry.model].update(measures_of(entry))
        standing = await self.standing(team_id)
        found = await self._sum(team_id, sorted(hours))
        differences = _compare("spend", spend, Counter(standing.spend))
        for key, model in sorted(usage.keys() | found.keys()):
            differences += _compare(f"usage {key} {model}", usage[key, model], found[key, model])
        return number, differences + await self._verify_holds(team_id, standing)

    async def _sum(self, team_id: str, hours: Sequence[int]) -> Sums:
        names = TeamKeys(team_id)
        total: Sums = defaultdict(Counter)
        for start in range(0, len(hours), _PAGE):
            part = hours[start : start + _PAGE]
            for fields in await self._datastore.commands([("HGETALL", names.usage(hour)) for hour in part]):
                for field, amount in _integers(fields).items():
                    key, model, measure = field.split("|")
                    total[key, model][measure] += amount
        return total

    async def _verify_holds(self, team_id: str, standing: Standing) -> list[Difference]:
        """Every hold has a lease and what is held is the sum of the holds."""
        names = TeamKeys(team_id)
        reservations, leases = await self._datastore.commands(
            [("HGETALL", names.reservations), ("ZRANGE", names.holds, 0, -1)]
        )
        held: Counter[str] = Counter()
        ids = set()
        for request_id, text in reservations.items():
            cost, images, _, key_id = text.decode().split("|")[:4]
            ids.add(request_id)
            for scope in (TEAM_SCOPE, key_scope(key_id)):
                held[f"{scope}:cost"] += int(cost)
                held[f"{scope}:images"] += int(images)
        differences = _compare("held", held, Counter(standing.held))
        without = len(ids ^ set(leases))
        return differences + (
            [Difference("holds without a lease or leases without a hold", 0, without)] if without else []
        )


def measures_of(entry: Entry) -> Counter[str]:
    """What one entry adds to its roll-up (`books.lua`: write_entry)."""
    measures = Counter(
        requests=1,
        cost=entry.cost,
        images=entry.images,
        text_input=entry.text_input,
        image_input=entry.image_input,
        text_output=entry.text_output,
        image_output=entry.image_output,
    )
    if entry.kind == "correction":
        measures["requests"], measures["unknown"] = 0, -1
    measures[entry.outcome] += 1
    return measures


def _compare(what: str, expected: Counter[str], found: Counter[str]) -> list[Difference]:
    return [
        Difference(f"{what} {name}", expected[name], found[name])
        for name in sorted(expected.keys() | found.keys())
        if expected[name] != found[name]
    ]


def _integers(fields: dict[bytes, bytes]) -> dict[str, int]:
    return {name.decode(): int(value) for name, value in fields.items()}
