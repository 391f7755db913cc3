"""Teams and virtual keys in a real Redis."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from msgspec.structs import replace

from app.accounts.credentials import new_id
from app.accounts.models import Budget, Limits, Team, VirtualKey
from app.accounts.store import AccountStore
from app.datastore.datastore import Datastore
from app.errors import Conflict, NotFound
from app.keyspace import TEAMS, TeamKeys
from app.money import Money

BORN = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def store(datastore: Datastore) -> AccountStore:
    return AccountStore(datastore)


def a_team(name: str = "design") -> Team:
    return Team(new_id(), name, BORN, Limits(images_per_minute=5, budget=Budget(Money(100), "day", "Asia/Kolkata")))


def a_key(team: Team, minutes: int = 0) -> VirtualKey:
    born = BORN + timedelta(minutes=minutes)
    return VirtualKey(new_id(), team.id, "ann", "0" * 64, born, Limits(concurrent_images=2), models=("gpt-image-2",))


async def test_a_team_is_found_by_name_and_by_id(store: AccountStore) -> None:
    """As it was created; a name that looks like nothing we know is not found."""
    team = a_team("Größe & Ästhetik")
    await store.create_team(team)
    assert await store.find_team(team.name) == team
    assert await store.find_team(team.id) == team
    assert await store.team_ids() == [team.id]
    with pytest.raises(NotFound, match="no team 'other'"):
        await store.find_team("other")


async def test_two_teams_cannot_have_one_name(store: AccountStore, datastore: Datastore) -> None:
    """The second is told, changes nothing of the first and leaves nothing of its own."""
    first, second = a_team(), a_team()
    await store.create_team(first)
    with pytest.raises(Conflict) as told:
        await store.create_team(second)
    assert told.value.param == "name"
    assert await store.find_team("design") == first
    assert await store.team(second.id) is None
    assert set(await datastore.command("KEYS", "*")) == {TEAMS.encode(), TeamKeys(first.id).record.encode()}


async def test_of_teams_created_at_once_under_one_name_one_remains(store: AccountStore) -> None:
    """However they interleave, the name belongs to a team that exists."""
    teams = [a_team() for _ in range(10)]
    done = await asyncio.gather(*[store.create_team(team) for team in teams], return_exceptions=True)
    assert [type(result) for result in done if result is not None] == [Conflict] * 9
    assert await store.find_team("design") in teams


async def test_keys_belong_to_their_team_oldest_first(store: AccountStore) -> None:
    """Each is read back as it was created; another team has none of them."""
    team, other = a_team(), a_team("other")
    await store.create_team(team)
    await store.create_team(other)
    keys = [a_key(team, minutes) for minutes in (3, 1, 2)]
    for key in keys:
        await store.create_key(key)
    assert await store.keys(team.id) == [keys[1], keys[2], keys[0]]
    assert await store.keys(other.id) == []
    assert await store.team_and_key(team.id, keys[0].id) == (team, keys[0])
    assert await store.team_and_key(other.id, keys[0].id) == (other, None)
    assert await store.team_and_key("nobody", keys[0].id) == (None, None)


async def test_revoking_closes_a_key_and_moves_its_version(store: AccountStore) -> None:
    """The version tells every replica that its cached principal is old; revoking again changes nothing."""
    team = a_team()
    key = a_key(team)
    await store.create_team(team)
    await store.create_key(key)

    revoked = await store.revoke_key(team.id, key.id)

    assert revoked.state(datetime.now(UTC)) == "revoked"
    assert revoked == replace(key, revoked_at=revoked.revoked_at, version=2)
    assert await store.team_and_key(team.id, key.id) == (team, revoked)
    assert await store.revoke_key(team.id, key.id) == revoked
    with pytest.raises(NotFound):
        await store.revoke_key(team.id, "none")


async def test_changes_at_one_moment_never_overwrite_each_other(store: AccountStore) -> None:
    """Of ten that revoke at once one does it, and the others find it done."""
    team = a_team()
    key = a_key(team)
    await store.create_team(team)
    await store.create_key(key)

    revoked = await asyncio.gather(*[store.revoke_key(team.id, key.id) for _ in range(10)])

    _, stored = await store.team_and_key(team.id, key.id)
    assert set(revoked) == {stored}
    assert revoked[0].version == 2


async def test_changes_of_different_things_all_stand(store: AccountStore) -> None:
    """Whoever is overtaken makes the change again on what stands by then; the version counts them."""
    team = a_team()
    key = a_key(team)
    await store.create_team(team)
    await store.create_key(key)
    sevens: dict[str, Any] = dict.fromkeys(("requests_per_minute", "tokens_per_minute", "images_per_day"), 7)

    def setting(**counts: Any) -> Callable[[Team], Team]:
        return lambda found: replace(found, limits=replace(found.limits, **counts))

    await asyncio.gather(*[store.change_team(team.id, setting(**{name: 7})) for name in sevens])
    await asyncio.gather(
        store.change_key(team.id, key.id, lambda found: replace(found, alias="ben")),
        store.change_key(team.id, key.id, lambda found: replace(found, models=None)),
    )

    assert await store.team(team.id) == replace(team, limits=replace(team.limits, **sevens), version=4)
    _, changed = await store.team_and_key(team.id, key.id)
    assert changed == replace(key, alias="ben", models=None, version=3)


async def test_a_change_that_changes_nothing_writes_nothing(store: AccountStore) -> None:
    """The version stays, so that no cached principal is thrown away for it."""
    team = a_team()
    key = a_key(team)
    await store.create_team(team)
    await store.create_key(key)
    assert await store.change_team(team.id, lambda found: found) == team
    assert await store.change_key(team.id, key.id, lambda found: found) == key
    assert await store.team_and_key(team.id, key.id) == (team, key)


async def test_only_what_exists_can_be_changed(store: AccountStore) -> None:
    """A team or key that is not there is said to be missing, and none comes about."""
    team = a_team()
    await store.create_team(team)
    with pytest.raises(NotFound, match="no team 'none'"):
        await store.change_team("none", lambda found: found)
    with pytest.raises(NotFound, match="no key 'none'"):
        await store.change_key(team.id, "none", lambda found: found)
    assert await store.team_and_key("none", "none") == (None, None)


async def test_who_is_overtaken_again_and_again_is_told(store: AccountStore, redis_url: str) -> None:
    """A record that others never stop changing is left as they have it."""
    team = a_team()
    key = a_key(team)
    await store.create_team(team)
    await store.create_key(key)
    names, others = TeamKeys(team.id), redis.Redis.from_url(redis_url)

    def rename(found: Team) -> Team:
        others.hincrby(names.record, "version", 1)
        return replace(found, name="mine")

    def realias(found: VirtualKey) -> VirtualKey:
        others.hincrby(names.key(key.id), "version", 1)
        return replace(found, alias="mine")

    with pytest.raises(Conflict, match=r"team .* is being changed at this moment"):
        await store.change_team(team.id, rename)
    with pytest.raises(Conflict, match=r"key .* is being changed at this moment"):
        await store.change_key(team.id, key.id, realias)
    others.close()

    standing, kept = await store.team_and_key(team.id, key.id)
    assert standing is not None
    assert kept is not None
    assert (standing.name, kept.alias) == (team.name, key.alias)
