"""Admin tokens: who is let in, what the others hear, and how long a revoked one is remembered."""

import pytest

from app.accounts.admin_tokens import CACHE_SECONDS, Actor, AdminTokens
from app.accounts.credentials import read_credential
from app.datastore.datastore import Datastore
from app.errors import Conflict, NotFound, Unauthenticated
from app.keyspace import ADMIN_TOKENS

FIRST = "the-token-of-the-settings"


class Clock:
    """A clock that the test sets."""

    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(datastore: Datastore, clock: Clock) -> AdminTokens:
    return AdminTokens(datastore, FIRST, clock)


async def refused(tokens: AdminTokens, header: str | None) -> Unauthenticated:
    with pytest.raises(Unauthenticated) as told:
        await tokens.authenticate(header)
    assert told.value.code == "invalid_admin_token"
    return told.value


async def test_the_token_of_the_settings_is_an_owner(tokens: AdminTokens) -> None:
    """It is called bootstrap; the scheme may be written in any case."""
    for header in (f"Bearer {FIRST}", f"bearer  {FIRST}"):
        assert await tokens.authenticate(header) == Actor("bootstrap", "bootstrap", "owner")


async def test_a_made_token_opens_as_what_it_was_made(tokens: AdminTokens) -> None:
    """By its text, with its name and role; of the secret only a hash is kept."""
    made, text = await tokens.create("ana", "viewer")
    assert text.startswith(f"{made.public_id}-")
    assert await tokens.authenticate(f"Bearer {text}") == Actor(made.id, "ana", "viewer")
    assert await tokens.all() == [made]
    credential = read_credential(text)
    assert credential is not None
    assert made.secret_sha256 == credential.secret_sha256


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", f"Basic {FIRST}", FIRST, f"Bearer {FIRST}x", "Bearer sk-ig-team-key-s"]
)
async def test_anything_else_is_refused(tokens: AdminTokens, header: str | None) -> None:
    """No header, another scheme, another text, a virtual key."""
    await tokens.create("ana", "owner")
    await refused(tokens, header)


async def test_a_wrong_secret_is_refused(tokens: AdminTokens) -> None:
    """Whether the right one is remembered or not; and it drives out no memory of the right one."""
    made, text = await tokens.create("ana", "owner")
    wrong = f"Bearer {made.public_id}-{'0' * 32}"
    await refused(tokens, wrong)
    await tokens.authenticate(f"Bearer {text}")
    await refused(tokens, wrong)
    assert (await tokens.authenticate(f"Bearer {text}")).id == made.id


@pytest.mark.parametrize("name", ["ana", "bootstrap"])
async def test_a_name_is_given_once(tokens: AdminTokens, name: str) -> None:
    """Else the audit log would name two people alike; a revoked one's is free again."""
    await tokens.create("ana", "owner")
    with pytest.raises(Conflict):
        await tokens.create(name, "viewer")
    await tokens.revoke("ana")
    await tokens.create("ana", "viewer")


async def test_a_revoked_token_is_forgotten_here_at_once_and_elsewhere_soon(
    datastore: Datastore, tokens: AdminTokens, clock: Clock
) -> None:
    """Another replica may take it for as long as it remembers, and no longer."""
    elsewhere = AdminTokens(datastore, FIRST, clock)
    made, text = await tokens.create("ana", "owner")
    for door in (tokens, elsewhere):
        await door.authenticate(f"Bearer {text}")
    assert await tokens.revoke(made.public_id) == made
    await refused(tokens, f"Bearer {text}")
    clock.seconds += CACHE_SECONDS
    await elsewhere.authenticate(f"Bearer {text}")
    clock.seconds += 0.001
    await refused(elsewhere, f"Bearer {text}")
    assert await datastore.command("HLEN", ADMIN_TOKENS) == 0


async def test_only_what_is_there_is_revoked(tokens: AdminTokens) -> None:
    """By id, public id or name; once."""
    made, _ = await tokens.create("ana", "owner")
    other, _ = await tokens.create(made.id, "owner")
    assert await tokens.revoke(made.id) == made
    assert await tokens.revoke(made.id) == other
    with pytest.raises(NotFound):
        await tokens.revoke(made.id)
