"""A Redis that has lost records of teams and keys: who was let in before hears of our fault, not of their own."""

from datetime import UTC, datetime, timedelta

import pytest

from app.accounts.credentials import new_id, new_secret, virtual_key_text
from app.accounts.keys import KeyRing
from app.accounts.minting import mint, rotated
from app.accounts.models import MOST_PREVIOUS, Limits, Team, VirtualKey
from app.accounts.store import AccountStore
from app.datastore.datastore import Datastore
from app.errors import StoreUnavailable, Unauthenticated
from app.keyspace import TeamKeys
from tests.accounts.test_key_ring import Clock

TEAM, KEY = "team", "key"


class Loss:
    """A team with one key in a Redis that loses what the test says."""

    def __init__(self, datastore: Datastore) -> None:
        self.datastore = datastore
        self.store = AccountStore(datastore)
        self.team = Team(new_id(), "team", datetime.now(UTC), Limits())
        self.key, self.text = mint(self.team.id, "ann", Limits())
        names = TeamKeys(self.team.id)
        self.records = {TEAM: names.record, KEY: names.key(self.key.id)}

    async def knowing_ring(self) -> KeyRing:
        """One that has let the key in."""
        ring = KeyRing(self.store)
        await ring.authenticate(f"Bearer {self.text}")
        return ring

    async def lose(self, what: str) -> None:
        """Lose everything, or a record, or a field of it: by ``<record>`` or ``<record> <field>``."""
        record, _, field = what.partition(" ")
        if not record:
            await self.datastore.command("FLUSHALL")
        elif not field:
            await self.datastore.command("DEL", self.records[record])
        else:
            await self.datastore.command("HDEL", self.records[record], field)

    async def answer(self, ring: KeyRing, text: str) -> str:
        """What the holder of this text gets; "" where it opens the door."""
        try:
            await ring.authenticate(f"Bearer {text}", fresh=True)
        except Unauthenticated as refused:
            return refused.code
        except StoreUnavailable as refused:
            return refused.detail
        return ""


@pytest.fixture
async def loss(datastore: Datastore) -> Loss:
    made = Loss(datastore)
    await made.store.create_team(made.team)
    await made.store.create_key(made.key)
    return made


@pytest.mark.parametrize("what", ["", KEY])
async def test_a_key_that_was_let_in_and_is_gone_is_our_fault(loss: Loss, what: str) -> None:
    """However long ago that was: keys are never deleted, so the log says that Redis has lost it."""
    clock = Clock()
    ring = KeyRing(loss.store, clock)
    await ring.authenticate(f"Bearer {loss.text}")
    await loss.lose(what)
    clock.seconds += 86_400

    for _ in range(2):
        assert "lost the record of key" in await loss.answer(ring, loss.text)


@pytest.mark.parametrize("what", ["", KEY])
async def test_a_key_never_seen_here_is_unknown_then(loss: Loss, what: str) -> None:
    """Nobody can know better; it is not remembered by being tried, so it stays unknown."""
    await loss.lose(what)
    ring = KeyRing(loss.store)

    assert [await loss.answer(ring, loss.text) for _ in range(2)] == ["invalid_api_key"] * 2


async def test_a_guess_is_unknown_whatever_was_lost(loss: Loss) -> None:
    """Another secret, key or team than the one that was let in is a 401 before and after."""
    ring = await loss.knowing_ring()
    secret = loss.text.rpartition("-")[2]
    guesses = [
        virtual_key_text(loss.team.id, loss.key.id, new_secret()),
        virtual_key_text(loss.team.id, new_id(), secret),
        virtual_key_text(new_id(), loss.key.id, secret),
    ]
    for what in (TEAM, KEY, ""):
        assert [await loss.answer(ring, guess) for guess in guesses] == ["invalid_api_key"] * 3
        await loss.lose(what)
    assert [await loss.answer(ring, guess) for guess in guesses] == ["invalid_api_key"] * 3


async def test_a_key_without_its_team_is_our_fault(loss: Loss) -> None:
    """Its secret is proof enough, also where it was never seen."""
    await loss.lose(TEAM)

    assert "lost the record of team" in await loss.answer(KeyRing(loss.store), loss.text)


@pytest.mark.parametrize("record", [TEAM, KEY])
@pytest.mark.parametrize("field", ["document", "version"])
@pytest.mark.parametrize("left", ["", "{", "{}", "[]", '{"created_at": 5}', None])
async def test_a_record_that_nobody_can_read_is_our_fault(
    loss: Loss, record: str, field: str, left: str | None
) -> None:
    """Whatever is left of it, and whoever asks."""
    if left is None:
        await loss.lose(f"{record} {field}")
    else:
        await loss.datastore.command("HSET", loss.records[record], field, left)

    assert (await loss.answer(KeyRing(loss.store), loss.text)).startswith(f"{loss.records[record]} cannot be read: ")


async def test_a_secret_that_was_rotated_away_is_no_loss(loss: Loss) -> None:
    """With its record there the key knows best, whatever is remembered of a secret it has forgotten."""
    ring = await loss.knowing_ring()

    def rotate(key: VirtualKey) -> VirtualKey:
        return rotated(key, new_secret(), datetime.now(UTC), timedelta(hours=1).total_seconds())

    for _ in range(MOST_PREVIOUS):
        await loss.store.change_key(loss.team.id, loss.key.id, rotate)
    assert await loss.answer(ring, loss.text) == ""
    await loss.store.change_key(loss.team.id, loss.key.id, rotate)
    assert await loss.answer(ring, loss.text) == "invalid_api_key"
