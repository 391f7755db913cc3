"""Authentication: who is let in, what the others hear, and what is remembered of whom."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from app.accounts.credentials import hash_secret, new_id, new_secret, virtual_key_text
from app.accounts.keys import KeyRing
from app.accounts.models import Limits, Principal, Team, VirtualKey
from app.accounts.store import AccountStore
from app.datastore.datastore import Datastore
from app.errors import StoreUnavailable, Unauthenticated
from app.keyspace import TeamKeys


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Door:
    """A key ring over one team with one key, and the header of its holder."""

    def __init__(self, datastore: Datastore) -> None:
        self.datastore = datastore
        self.clock = Clock()
        self.store = AccountStore(datastore)
        self.ring = KeyRing(self.store, self.clock)
        born = datetime.now(UTC)
        self.team = Team(new_id(), "team", born, Limits())
        self.secret = new_secret()
        self.key = VirtualKey(new_id(), self.team.id, "ann", hash_secret(self.secret), born, Limits())

    @property
    def header(self) -> str:
        return f"Bearer {virtual_key_text(self.team.id, self.key.id, self.secret)}"

    async def forget(self) -> None:
        """Remove everything from Redis behind the ring's back."""
        await self.datastore.command("FLUSHALL")


@pytest.fixture
async def door(datastore: Datastore) -> Door:
    opened = Door(datastore)
    await opened.store.create_team(opened.team)
    await opened.store.create_key(opened.key)
    return opened


async def refused(door: Door, header: str | None, *, fresh: bool = False) -> Unauthenticated:
    with pytest.raises(Unauthenticated) as told:
        await door.ring.authenticate(header, fresh=fresh)
    return told.value


async def test_a_good_key_opens_the_door(door: Door) -> None:
    """The principal is the key and its team; the scheme may be written in any case."""
    expected = Principal(door.team, door.key)
    assert await door.ring.authenticate(door.header) == expected
    assert await door.ring.authenticate(door.header.replace("Bearer ", "bearer   ")) == expected


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (None, "No virtual key"),
        ("", "No virtual key"),
        ("Basic abc", "must read 'Bearer"),
        ("Bearer", "must read 'Bearer"),
        ("Bearer   ", "must read 'Bearer"),
        ("Bearer sk-proj-the-real-openai-key", "not a virtual key of imagegate"),
        ("Bearer sk-ig-team-key-wrong", "not known here"),
    ],
)
async def test_a_bad_header_is_told_what_is_wrong_with_it(door: Door, header: str | None, says: str) -> None:
    """Each of the usual mistakes has its words; none of them repeats what was sent."""
    told = await refused(door, header)
    assert says in told.message
    assert told.code == "invalid_api_key"
    assert "openai" not in told.message + told.detail
    assert "wrong" not in told.message + told.detail


async def test_a_wrong_secret_is_as_unknown_as_a_wrong_id(door: Door) -> None:
    """Who does not hold the secret learns nothing: unknown team, unknown key and wrong secret sound the same."""
    right = virtual_key_text(door.team.id, door.key.id, door.secret)
    wrong = [
        virtual_key_text(door.team.id, door.key.id, new_secret()),
        virtual_key_text(door.team.id, new_id(), door.secret),
        virtual_key_text(new_id(), door.key.id, door.secret),
        right[:-1],
    ]
    assert len({(await refused(door, f"Bearer {text}")).message for text in wrong}) == 1


async def test_a_revoked_key_hears_so_and_only_with_its_secret(door: Door) -> None:
    """The owner of a closed key is told that it is closed; a guesser is told nothing."""
    await door.store.revoke_key(door.team.id, door.key.id)
    assert (await refused(door, door.header)).code == "revoked_api_key"
    assert (await refused(door, door.header[:-4] + "0000")).code == "invalid_api_key"


async def test_an_expired_key_hears_so(door: Door) -> None:
    """The time counts at each request, so a cached principal does not outlive its key."""
    key = replace(door.key, id=new_id(), expires_at=datetime.now(UTC) - timedelta(seconds=1))
    await door.store.create_key(key)
    header = f"Bearer {virtual_key_text(door.team.id, key.id, door.secret)}"
    for _ in range(2):
        told = await refused(door, header)
        assert (told.code, "expired" in told.message) == ("expired_api_key", True)


async def test_a_good_key_is_remembered_for_half_a_minute(door: Door) -> None:
    """No second look at Redis until then; admission compares the version, so this cannot let a closed key buy."""
    await door.ring.authenticate(door.header)
    await door.forget()
    door.clock.seconds += 30
    assert (await door.ring.authenticate(door.header)).key == door.key
    door.clock.seconds += 0.1
    with pytest.raises(StoreUnavailable):  # it was looked up
        await door.ring.authenticate(door.header)


async def test_a_fresh_look_goes_past_the_memory(door: Door) -> None:
    """After a `stale` verdict, and on routes that do not admit, Redis is asked; the answer is then remembered."""
    await door.ring.authenticate(door.header)
    await door.store.revoke_key(door.team.id, door.key.id)
    assert (await door.ring.authenticate(door.header)).key.version == 1
    assert (await refused(door, door.header, fresh=True)).code == "revoked_api_key"
    assert (await refused(door, door.header)).code == "revoked_api_key"


async def test_an_expired_key_that_is_given_more_time_opens_at_once(door: Door) -> None:
    """What is remembered of it does not keep it out; its end is looked up each time."""
    key = replace(door.key, id=new_id(), expires_at=datetime.now(UTC) - timedelta(seconds=1))
    await door.store.create_key(key)
    header = f"Bearer {virtual_key_text(door.team.id, key.id, door.secret)}"
    await refused(door, header)
    await door.store.change_key(door.team.id, key.id, lambda found: replace(found, expires_at=None))
    assert (await door.ring.authenticate(header)).key.expires_at is None


async def test_whether_a_remembered_principal_is_current_can_be_asked(door: Door) -> None:
    """It is until team or key change; where Redis does not say, nothing speaks against it."""
    principal = await door.ring.authenticate(door.header)
    assert await door.ring.is_current(principal)
    await door.store.change_key(door.team.id, door.key.id, lambda key: replace(key, models=()))
    assert not await door.ring.is_current(principal)
    principal = await door.ring.authenticate(door.header, fresh=True)
    assert await door.ring.is_current(principal)
    await door.store.change_team(door.team.id, lambda team: replace(team, limits=Limits(images_per_day=1)))
    assert not await door.ring.is_current(principal)
    await door.datastore.command("DEL", TeamKeys(door.team.id).record)
    assert not await door.ring.is_current(principal)
    await door.datastore.command("SET", TeamKeys(door.team.id).record, "not a record")
    assert await door.ring.is_current(principal)


async def test_unknown_keys_are_never_remembered(door: Door) -> None:
    """A key that is minted a moment after it was tried works at once."""
    key = replace(door.key, id=new_id())
    header = f"Bearer {virtual_key_text(door.team.id, key.id, door.secret)}"
    await refused(door, header)
    await door.store.create_key(key)
    assert (await door.ring.authenticate(header)).key == key


async def test_one_secret_remembered_does_not_let_another_in(door: Door) -> None:
    """The memory is by secret, not by key: a wrong one is looked up, and refused."""
    await door.ring.authenticate(door.header)
    await refused(door, f"Bearer {virtual_key_text(door.team.id, door.key.id, new_secret())}")


async def test_a_redis_that_is_away_is_not_the_callers_fault(door: Door) -> None:
    """What Redis cannot answer is a 503, never a 401."""
    await door.datastore.command("DEL", TeamKeys(door.team.id).record)
    await door.datastore.command("SET", TeamKeys(door.team.id).record, "not a record")
    with pytest.raises(StoreUnavailable):
        await door.ring.authenticate(door.header)
