"""Rotated and disabled virtual keys at the key ring: which secret opens when, and what its holder hears."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from app.accounts.credentials import new_id, new_secret, virtual_key_text
from app.accounts.keys import KeyRing
from app.accounts.minting import mint, rotated
from app.accounts.models import Limits, Team, VirtualKey
from app.accounts.store import AccountStore
from app.datastore.datastore import Datastore
from app.errors import Unauthenticated


class Holder:
    """A key ring that remembers a key, and what the key's holder has."""

    def __init__(self, datastore: Datastore) -> None:
        self.store = AccountStore(datastore)
        self.ring = KeyRing(self.store)
        self.team = Team(new_id(), "team", datetime.now(UTC), Limits())
        self.key, self.text = mint(self.team.id, "ann", Limits())

    async def rotate(self, grace: timedelta, *, ago: timedelta = timedelta(0)) -> str:
        """Give the key a new secret; its text."""
        secret, now = new_secret(), datetime.now(UTC) - ago
        await self.change(lambda key: rotated(key, secret, now, grace.total_seconds()))
        return virtual_key_text(self.team.id, self.key.id, secret)

    async def change(self, how: Callable[[VirtualKey], VirtualKey]) -> None:
        """Change the key."""
        await self.store.change_key(self.team.id, self.key.id, how)

    async def opens(self, text: str, *, fresh: bool = True) -> str:
        """The code that the holder of a text hears; "" where it opens the door."""
        try:
            await self.ring.authenticate(f"Bearer {text}", fresh=fresh)
        except Unauthenticated as refused:
            return refused.code
        return ""


@pytest.fixture
async def holder(datastore: Datastore) -> Holder:
    made = Holder(datastore)
    await made.store.create_team(made.team)
    await made.store.create_key(made.key)
    assert await made.opens(made.text) == ""
    return made


async def test_both_secrets_open_during_the_grace(holder: Holder) -> None:
    """And are the same principal, whose limits and books go on."""
    text = await holder.rotate(timedelta(hours=1))
    assert [await holder.opens(one) for one in (holder.text, text)] == ["", ""]
    old, new = [await holder.ring.authenticate(f"Bearer {one}") for one in (holder.text, text)]
    assert old == new
    assert old.key.id == holder.key.id


async def test_the_old_secret_ends_with_the_grace(holder: Holder) -> None:
    """Its holder hears why, also where it is remembered; whoever has another one hears nothing of it."""
    text = await holder.rotate(timedelta(hours=1), ago=timedelta(hours=1))
    assert [await holder.opens(one) for one in (holder.text, text)] == ["rotated_api_key", ""]
    other = virtual_key_text(holder.team.id, holder.key.id, new_secret())
    assert await holder.opens(other) == "invalid_api_key"


async def test_a_remembered_grace_ends_by_itself(holder: Holder) -> None:
    """Nothing changes in Redis at that moment, so no admission would notice: the ring itself looks at the time."""
    await holder.rotate(timedelta(microseconds=1))
    ring = KeyRing(holder.store)
    holder.ring = ring
    assert await holder.opens(holder.text) == "rotated_api_key"
    assert await holder.opens(holder.text, fresh=False) == "rotated_api_key"


async def test_a_second_rotation_keeps_the_first_one_s_promise(holder: Holder) -> None:
    """Who rotates once more, because no answer came, takes nothing from those who use the first secret."""
    second = await holder.rotate(timedelta(hours=1))
    third = await holder.rotate(timedelta(hours=1))
    assert [await holder.opens(text) for text in (holder.text, second, third)] == ["", "", ""]


async def test_a_rotation_without_a_grace_ends_all_before(holder: Holder) -> None:
    """After a leak only the new secret opens the door, and the holders of the others hear why."""
    second = await holder.rotate(timedelta(hours=1))
    third = await holder.rotate(timedelta(0))
    codes = [await holder.opens(text) for text in (holder.text, second, third)]
    assert codes == ["rotated_api_key", "rotated_api_key", ""]


async def test_a_closed_key_is_closed_for_both_secrets(holder: Holder) -> None:
    """No grace keeps a key open that the operator has closed; one that is enabled again opens to both."""
    now = datetime.now(UTC)
    text = await holder.rotate(timedelta(hours=1))
    await holder.change(lambda key: replace(key, disabled_at=now))
    assert [await holder.opens(one) for one in (holder.text, text)] == ["disabled_api_key"] * 2
    await holder.change(lambda key: replace(key, disabled_at=None))
    assert [await holder.opens(one) for one in (holder.text, text)] == ["", ""]
    await holder.change(lambda key: replace(key, revoked_at=now))
    assert [await holder.opens(one) for one in (holder.text, text)] == ["revoked_api_key"] * 2
