"""Teams and virtual keys in a real Redis."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

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
    """Of ten that revoke at once one does it, the others find it done or are told to try again."""
    team = a_team()
    key = a_key(team)
    await store.create_team(team)
    await store.create_key(key)

    done = await asyncio.gather(*[store.revoke_key(team.id, key.id) for _ in range(10)], return_exceptions=True)

    revoked = [result for result in done if isinstance(result, VirtualKey)]
    assert revoked
    assert {type(result) for result in done} <= {VirtualKey, Conflict}
    assert Conflict in {type(result) for result in done}
    _, stored = await store.team_and_key(team.id, key.id)
    assert set(revoked) == {stored}
    assert revoked[0].version == 2
