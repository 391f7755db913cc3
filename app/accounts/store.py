"""Teams and virtual keys in Redis: create, read, list, change."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import TypeVar

from msgspec.structs import replace

from app.accounts.credentials import without_secret
from app.accounts.models import Team, VirtualKey
from app.accounts.total_budget import BudgetLock, check_total
from app.datastore.datastore import Datastore, unavailable
from app.datastore.script import Script
from app.errors import Conflict, NotFound
from app.keyspace import TEAMS, TeamKeys
from app.money import Money

_REPLACE = Script(
    "replace_record",
    """-- KEYS 1 the record; ARGV 1 the version it was read at, 2 the new document
-- Reply 1 when replaced, 0 when it changed meanwhile; the version grows by one with every change
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'document', ARGV[2], 'version', string.format('%.0f', ARGV[1] + 1))
return 1
""",
)

_ADD_KEY = Script(
    "add_key",
    """-- KEYS 1 the ids of the team's keys, 2 the record; ARGV 1 how many ids there were, 2 the new id, 3 the document
-- Reply 1 when added, 0 when other keys were made meanwhile: ids are never taken away, so their number tells
if redis.call('SCARD', KEYS[1]) ~= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[2], 'version', 1, 'document', ARGV[3])
return redis.call('SADD', KEYS[1], ARGV[2])
""",
)

_Value = TypeVar("_Value")

_FIELDS = ("version", "document")
_ATTEMPTS = 5  # at a record that others change at the same moment; operators are few
_MAKERS = 32  # programs that make keys of one team at the same moment


class AccountStore:
    """Reads and writes the records of teams and virtual keys."""

    def __init__(self, datastore: Datastore, total_budget: Money | None = None) -> None:
        self._datastore = datastore
        self._total_budget = total_budget
        self._budget_lock = BudgetLock(datastore)

    async def create_team(self, team: Team) -> None:
        """Keep a new team; its name must be free and its budget fit under the total, if there is one.

        Raises:
            Conflict: a team of that name exists, or too little of the total is left.
            InvalidRequest: the team has no budget although there is a total.

        """
        if self._total_budget is None:
            await self._write_team(team)
            return
        async with self._budget_lock.held():
            check_total(self._total_budget, await self.teams(), team)
            await self._write_team(team)

    async def _write_team(self, team: Team) -> None:
        # The record first: a crash between the two leaves a record nobody can name, never a name without a record.
        await self._datastore.command("HSET", TeamKeys(team.id).record, "version", 1, "document", team.document())
        if not await self._datastore.command("HSETNX", TEAMS, team.name, team.id):
            await self._datastore.command("DEL", TeamKeys(team.id).record)
            raise Conflict(f"A team named {team.name!r} exists already.", param="name")

    async def create_key(self, key: VirtualKey, check: Callable[[list[VirtualKey]], None] = lambda _keys: None) -> None:
        """Keep a new virtual key of an existing team, unless ``check`` raises for the keys there are by then.

        Raises:
            Conflict: others keep making keys.

        """
        names = TeamKeys(key.team_id)
        for _ in range(_MAKERS):
            number: int = await self._datastore.command("SCARD", names.keys)
            check(await self.keys(key.team_id))
            record = names.key(key.id)
            if await self._datastore.run(_ADD_KEY, [names.keys, record], [number, key.id, key.document()]):
                return
        raise Conflict("Other keys of this team are being made at this moment; try again.")

    async def team_ids(self) -> list[str]:
        """The ids of every team."""
        ids: list[bytes] = await self._datastore.command("HVALS", TEAMS)
        return [team_id.decode() for team_id in ids]

    async def has_teams(self) -> bool:
        """Whether there is any team yet."""
        return bool(await self._datastore.command("HLEN", TEAMS))

    async def teams(self, most: int | None = None) -> list[Team]:
        """Every team, by name; of more than ``most`` those that come first."""
        named: dict[bytes, bytes] = await self._datastore.command("HGETALL", TEAMS)
        ids = [team_id.decode() for _, team_id in sorted(named.items())[:most]]
        records = await self._datastore.commands([("HMGET", TeamKeys(team_id).record, *_FIELDS) for team_id in ids])
        teams = [Team.from_document(document, int(version)) for version, document in records if document]
        return sorted(teams, key=lambda team: team.name)

    async def find_team(self, name_or_id: str) -> Team:
        """A team by its id, else by its name.

        Raises:
            NotFound: no such team.

        """
        team = await self.team(name_or_id)  # before the names: somebody may call a team by the id of another
        if team is None and (team_id := await self._datastore.command("HGET", TEAMS, name_or_id)):
            team = await self.team(team_id.decode())
        if team is None:
            raise NotFound(f"There is no team {without_secret(name_or_id)!r}.", param="team")
        return team

    async def team(self, team_id: str) -> Team | None:
        """A team by its id."""
        version, document = await self._datastore.command("HMGET", TeamKeys(team_id).record, *_FIELDS)
        return Team.from_document(document, int(version)) if document else None

    async def team_and_key(self, team_id: str, key_id: str) -> tuple[Team | None, VirtualKey | None]:
        """Both records a principal is made of, in one write to Redis.

        Raises:
            StoreUnavailable: Redis does not answer, or has a record that nobody can read.

        """
        names = TeamKeys(team_id)
        records = [names.record, names.key(key_id)]
        team, key = await self._datastore.commands([("HMGET", record, *_FIELDS) for record in records])
        return (
            _read(Team.from_document, records[0], team),
            _read(VirtualKey.from_document, records[1], key),
        )

    async def keys(self, team_id: str) -> list[VirtualKey]:
        """The team's virtual keys, oldest first."""
        names = TeamKeys(team_id)
        ids: set[bytes] = await self._datastore.command("SMEMBERS", names.keys)
        records = await self._datastore.commands([("HMGET", names.key(key.decode()), *_FIELDS) for key in ids])
        keys = [VirtualKey.from_document(document, int(version)) for version, document in records if document]
        return sorted(keys, key=lambda key: (key.created_at, key.id))

    async def find_key(self, team: Team, name: str) -> VirtualKey:
        """A virtual key of a team by its id, its public id, or the alias of one that is not revoked.

        Raises:
            NotFound: no such key.
            Conflict: several keys have that alias.

        """
        keys = await self.keys(team.id)
        named = [key for key in keys if name in (key.id, key.public_id)]
        named = named or [key for key in keys if key.alias == name and key.revoked_at is None]
        if not named:
            raise NotFound(f"Team {team.name!r} has no key {without_secret(name)!r}.", param="key")
        if len(named) > 1:
            raise Conflict(f"Team {team.name!r} has {len(named)} keys called {name!r}; use the id.", param="key")
        return named[0]

    async def change_team(self, team_id: str, change: Callable[[Team], Team]) -> Team:
        """Replace a team by what ``change`` makes of it; every replica goes by that from the next request on.

        ``change`` is asked again where another change came first: both stand, unless they are about the same.

        Raises:
            NotFound: no such team.
            Conflict: too little of the total budget is left, or others keep changing it.
            InvalidRequest: it would have no budget although there is a total.

        """
        total, record = self._total_budget, TeamKeys(team_id).record
        async with self._budget_lock.held() if total is not None else nullcontext():
            for _ in range(_ATTEMPTS):
                team = await self.team(team_id)
                if team is None:
                    raise NotFound(f"There is no team {team_id!r}.", param="team")
                changed = replace(change(team), version=team.version + 1)
                if replace(changed, version=team.version) == team:
                    return team
                if total is not None:
                    check_total(total, await self.teams(), changed, team)
                if await self._datastore.run(_REPLACE, [record], [team.version, changed.document()]):
                    return changed
        raise Conflict(f"The team {team_id!r} is being changed at this moment; try again.")

    async def change_key(self, team_id: str, key_id: str, change: Callable[[VirtualKey], VirtualKey]) -> VirtualKey:
        """Replace a virtual key by what ``change`` makes of it (as `change_team`).

        Raises:
            NotFound: no such key.
            Conflict: others keep changing it.

        """
        for _ in range(_ATTEMPTS):
            _, key = await self.team_and_key(team_id, key_id)
            if key is None:
                raise NotFound(f"There is no key {key_id!r} in this team.", param="key")
            changed = replace(change(key), version=key.version + 1)
            if replace(changed, version=key.version) == key:
                return key
            record = TeamKeys(team_id).key(key_id)
            if await self._datastore.run(_REPLACE, [record], [key.version, changed.document()]):
                return changed
        raise Conflict(f"The key {key_id!r} is being changed at this moment; try again.")

    async def revoke_key(self, team_id: str, key_id: str) -> VirtualKey:
        """Close a virtual key for ever; every replica refuses it from the next request on.

        Raises:
            NotFound: no such key.
            Conflict: others keep changing it.

        """
        now = datetime.now(UTC)
        return await self.change_key(team_id, key_id, lambda key: replace(key, revoked_at=key.revoked_at or now))


def _read(read: Callable[[bytes, int], _Value], name: str, fields: Sequence[bytes | None]) -> _Value | None:
    """What the record of this name holds; None where there is no such record."""
    version, document = fields
    if version is None and document is None:
        return None
    try:
        return read(document or b"", int(version or b""))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise unavailable(f"{name} cannot be read: {error!r}", may_have_happened=False) from error
