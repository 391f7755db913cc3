"""What Redis is filled with for measuring is what the gateway itself would have written."""

from app.accounts.keys import KeyRing
from app.accounts.store import AccountStore
from app.datastore.datastore import Datastore
from app.keyspace import TEAMS, TeamKeys
from app.ledger.books import Books
from app.ledger.usage import UsageReader
from tests.load.scale_books import hold, settle
from tests.load.scale_fill import copies, copy_id, make_team, principal, text_of
from tests.load.scale_growth import KEY, TEAM, fill


async def test_copied_teams_are_teams(datastore: Datastore) -> None:
    """Each has a key that opens the door, a picture on books that agree, and can buy another."""
    await fill(datastore, "teams", 4)
    assert len(await AccountStore(datastore).teams()) == 4
    who = await KeyRing(AccountStore(datastore)).authenticate(f"Bearer {text_of(copy_id(2), KEY)}")
    assert who == await principal(datastore, copy_id(2), KEY)
    books = Books(datastore)
    await settle(books, await hold(books, who))
    assert await datastore.command("XLEN", TeamKeys(copy_id(2)).ledger) == 2
    assert (await UsageReader(datastore).recompute(copy_id(2))).differences == ()


async def test_copied_keys_are_keys_of_their_team(datastore: Datastore) -> None:
    """Each with its spend and its entry, so the team's books still add up but for the team's own sum."""
    callers = await fill(datastore, "keys", 5)
    assert callers == ((TEAM, KEY), *((TEAM, copy_id(number)) for number in range(4)))
    assert len(await AccountStore(datastore).keys(TEAM)) == 5
    books = Books(datastore)
    await settle(books, await hold(books, await principal(datastore, *callers[-1])))
    assert await datastore.command("XLEN", TeamKeys(TEAM).ledger) == 6


async def test_copied_entries_stand_in_the_ledger(datastore: Datastore) -> None:
    """With the tombstones and the records of their requests."""
    await fill(datastore, "entries", 7)
    names = TeamKeys(TEAM)
    assert await datastore.command("XLEN", names.ledger) == 7
    assert await datastore.command("ZCARD", names.named("resolved")) == 7
    assert await datastore.command("HGET", names.request(copy_id(5)), "state") == b"delivered"
    assert await datastore.command("PTTL", names.request(copy_id(5))) > 0


async def test_nothing_is_copied_that_does_not_mention_the_id(datastore: Datastore) -> None:
    """Of a key that is shared only the field of whoever is copied."""
    await make_team(datastore, TEAM, KEY)
    await make_team(datastore, "OTHERONE", KEY)
    await copies(datastore, TEAM, 3, [TEAMS])
    named = await datastore.command("HGETALL", TEAMS)
    assert sorted(named.values()) == [b"00000000", b"00000001", b"00000002", b"OTHERONE", TEAM.encode()]
