"""Reading the books: usage by key and model over a time, what is left, and whether everything adds up."""

import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import islice, product

from msgspec import Struct

from app.datastore.datastore import Datastore
from app.errors import Conflict
from app.keyspace import TEAM_SCOPE, TeamKeys, hour_of, key_scope, spend_field
from app.ledger.brought_forward import BroughtForward, read_brought_forward
from app.ledger.models import Entry
from app.ledger.pages import LedgerPages

_ATTEMPTS = 3
_ROLL_UPS_AT_ONCE = 1000
_ROLL_UP_HOURS = 399 * 24
"""A day less than a roll-up is kept (``books.lua``)."""

Sums = dict[tuple[str, str], Counter[str]]
"""(key id, model) → measure → sum: requests by outcome, images, tokens by modality, ``cost`` in nano-dollars."""


class TeamBooks(Struct, frozen=True):
    """Spend and holds of a team as they are, by field name (`app/keyspace.py`)."""

    spend: dict[str, int]
    held: dict[str, int]

    def spent(self, scope: str, period: str) -> int:
        """Nano-dollars a scope has spent in a period."""
        return self.spend.get(spend_field(scope, period), 0)

    def held_cost(self, scope: str) -> int:
        """Nano-dollars set aside for a scope's requests under way."""
        return self.held.get(f"{scope}:cost", 0)

    def held_images(self, scope: str) -> int:
        """Pictures that requests under way are for."""
        return self.held.get(f"{scope}:images", 0)


class Difference(Struct, frozen=True):
    """Two figures that should be equal and are not."""

    what: str
    expected: int
    found: int


class Recomputed(Struct, frozen=True):
    """What came of verifying the books of a team."""

    brought_forward: BroughtForward
    entries: int
    """Read from Redis, behind what was brought forward."""
    differences: tuple[Difference, ...]


class UsageReader:
    """Reads roll-ups, standings and ledgers; changes nothing."""

    def __init__(self, datastore: Datastore) -> None:
        self._datastore = datastore

    async def sums(self, team_id: str, from_ms: int, to_ms: int) -> Sums:
        """Roll-ups of the UTC hours that touch [from, to), summed."""
        return await self._sum(team_id, range(hour_of(from_ms), hour_of(to_ms - 1) + 1))

    async def roll_ups(self, team_ids: Iterable[str], hours: Sequence[int]) -> AsyncIterator[tuple[str, int, Sums]]:
        """Team id, UTC hour (since 1970) and sums of every roll-up that holds anything.

        A thousand are asked for in one write, and only those are in memory.
        """
        wanted = product(team_ids, hours)
        while part := list(islice(wanted, _ROLL_UPS_AT_ONCE)):
            replies = await self._datastore.commands([("HGETALL", TeamKeys(team).usage(hour)) for team, hour in part])
            for (team_id, hour), fields in zip(part, replies, strict=True):
                if fields:
                    yield team_id, hour, _read_roll_up(fields)

    async def standing(self, team_id: str) -> TeamBooks:
        """Spend and holds as they are."""
        return (await self.standings([team_id]))[team_id]

    async def standings(self, team_ids: Sequence[str]) -> dict[str, TeamBooks]:
        """Spend and holds of several teams by their ids, in one write."""
        names = [TeamKeys(team_id) for team_id in team_ids]
        spend = [("HGETALL", of.spend) for of in names]
        replies = await self._datastore.commands(spend + [("HGETALL", of.held) for of in names])
        told = map(_integers, replies)
        spends = list(islice(told, len(names)))
        return {team_id: TeamBooks(spent, held) for team_id, spent, held in zip(team_ids, spends, told, strict=True)}

    async def recompute(self, team_id: str) -> Recomputed:
        """Recompute everything from the balance brought forward and the entries behind it.

        Together they are the spend; entries sum to the roll-ups, where all of an hour's are in Redis; holds are what is
        held. Run it while nothing is being bought: what settles during the walk shows as a difference.

        Raises:
            Conflict: entries were archived while they were read, again and again.

        """
        for _ in range(_ATTEMPTS):
            forward = await read_brought_forward(self._datastore, team_id)
            number, differences = await self._recompute_from(team_id, forward)
            if (await read_brought_forward(self._datastore, team_id)).until == forward.until:
                return Recomputed(forward, number, tuple(differences))
        raise Conflict("Entries of this team are being archived; verify when that is done.")

    async def _recompute_from(self, team_id: str, forward: BroughtForward) -> tuple[int, list[Difference]]:
        spend: Counter[str] = Counter(forward.spend)
        usage: Sums = defaultdict(Counter)
        hours: set[int] = set()
        # Of hours before this either the roll-up is gone, or about to go, or some of the entries.
        oldest = max(hour_of(int(time.time() * 1000)) - _ROLL_UP_HOURS, hour_of(forward.until_ms) + 1)
        number = 0
        async for entry in LedgerPages(self._datastore).oldest_first(team_id):
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
        total: Sums = defaultdict(Counter)
        async for _, _, sums in self.roll_ups([team_id], hours):
            for of, measures in sums.items():
                total[of].update(measures)
        return total

    async def _verify_holds(self, team_id: str, standing: TeamBooks) -> list[Difference]:
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
    """What one entry adds to its roll-up (`entries.lua`: write_entry)."""
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


def _read_roll_up(fields: dict[bytes, bytes]) -> Sums:
    sums: Sums = defaultdict(Counter)
    for field, amount in fields.items():
        key, model, measure = field.decode().split("|")
        sums[key, model][measure] = int(amount)
    return sums


def _integers(fields: dict[bytes, bytes]) -> dict[str, int]:
    return {name.decode(): int(value) for name, value in fields.items()}
