"""Retries without a key: which earlier request a retry of an SDK claims, how often, and which of them buy."""

import asyncio
from collections import Counter

import pytest
from msgspec.structs import replace

from app.datastore.datastore import Datastore
from app.ledger.models import Ending, Verdict
from tests.ledger.tries import FOR_LATER, LEFT_ALONE, NAMED, OTHER, SAME, Tries, claim, open_tries, retry

TOLD_ITS_ERROR = Ending(attended=True, error={"status": 502, "envelope": {"error": {}}})
AN_HOUR_SECONDS = 3600.0
SOON_SECONDS = 120.0
GIVEN_SECONDS = 30.0


@pytest.fixture
async def tries(datastore: Datastore) -> Tries:
    return await open_tries(datastore)


async def test_first_tries_never_join(tries: Tries) -> None:
    """However many the same are in flight, left or failed."""
    for name in "abc":
        await tries.buy(name)
        await tries.leave(name)
    assert await tries.scene.held() == 300


async def test_the_order_of_claims(tries: Tries) -> None:
    """One whose client has gone, before one that is waited for, before one whose failure was told; then it buys."""
    await tries.lose(await tries.buy("told"), TOLD_ITS_ERROR)
    for name in ("waited for", "left"):
        await tries.buy(name)
    await tries.leave("left")

    assert [await claim(tries, f"r{number}") for number in range(4)] == ["left", "waited for", "told", ""]


async def test_of_equals_the_newest_is_claimed(tries: Tries) -> None:
    """It is hardly ever somebody else's of long ago."""
    for number, name in enumerate(("oldest", "newest", "older")):
        await tries.buy(name)
        await tries.leave(name)
        await tries.age(name, [30, 10, 20][number])
    assert [await claim(tries, f"r{number}") for number in range(4)] == ["newest", "older", "oldest", ""]


async def test_each_is_claimed_once_per_retry_count(tries: Tries) -> None:
    """The second retry of its client gets it again, and no two of the same count do."""
    await tries.buy("a")
    await tries.leave("a")
    assert await claim(tries, "r1") == "a"
    await tries.leave("a")
    assert [await claim(tries, "r2", 2), await claim(tries, "r11", 11)] == ["a", "a"]
    assert [await claim(tries, "again 1", 1), await claim(tries, "again 2", 2)] == ["", "again 1"]


async def test_nothing_of_others_is_claimed(tries: Tries) -> None:
    """Not of another virtual key or another body, nor what is fetched later by who waits, or the other way round."""
    await tries.buy("of another key", key=1)
    await tries.buy("of another body", OTHER)
    await tries.buy("for later", FOR_LATER)
    await tries.buy("r1", retry(1))
    await tries.leave("r1")
    assert (await tries.ask("r2", retry(1, FOR_LATER))).earlier == "for later"
    assert (await tries.ask("r3", retry(1, NAMED))).verdict is Verdict.ADMITTED


async def test_what_somebody_was_given_comes_late(tries: Tries) -> None:
    """What left for its client half a minute ago, or less, may not have arrived: before that goes what nobody had."""
    await tries.settle(await tries.buy("served"))
    await tries.settle(await tries.buy("left"), LEFT_ALONE)
    await tries.buy("waited for")
    assert [await claim(tries, f"r{number}") for number in (1, 2, 3)] == ["left", "waited for", "served"]
    await tries.age("served", GIVEN_SECONDS + 1)
    assert await claim(tries, "r4", 2) in ("left", "waited for")
    for name in ("left", "waited for"):
        await tries.fetch(name)
    assert await claim(tries, "r5", 2) == ""


async def test_a_client_that_left_with_the_last_bytes_finds_it_again(tries: Tries) -> None:
    """Its departure is noted behind its settlement: it goes first again."""
    await tries.settle(await tries.buy("a"))
    await tries.buy("waited for")
    await tries.leave("a")
    assert await claim(tries, "r1") == "a"


async def test_its_claims_are_not_forgotten_with_it(tries: Tries) -> None:
    """Whoever left with the last bytes, or joined and left: it is promised to no other retry of the same count."""
    hold = await tries.buy("a")
    assert await claim(tries, "r1") == "a"
    await tries.settle(hold)
    await tries.leave("a")
    await tries.leave("a")
    assert await claim(tries, "another r1") == ""
    assert await claim(tries, "r2", 2) == "a"


async def test_a_joiner_that_leaves_takes_nobody_s_place(tries: Tries) -> None:
    """Its own client still waits: what another client left goes first."""
    await tries.buy("left")
    await tries.age("left", 1)
    await tries.buy("a")
    assert await claim(tries, "r1") == "a"
    await tries.leave("a")
    await tries.leave("left")
    assert await claim(tries, "r2", 2) == "left"


async def test_what_is_long_over_is_pruned(tries: Tries) -> None:
    """Two minutes after its end no retry claims anything, delivered or lost, and it goes; what is under way stays."""
    await tries.lose(await tries.buy("told"), TOLD_ITS_ERROR)
    await tries.settle(await tries.buy("left"), LEFT_ALONE)
    await tries.buy("under way")
    await tries.leave("under way")
    await tries.age("under way", AN_HOUR_SECONDS + 1)
    for name in ("told", "left"):
        await tries.end_long_ago(name, SOON_SECONDS + 1)
    assert await claim(tries, "r1") == "under way"
    assert await claim(tries, "r2") == ""
    assert set(await tries.claimable()) == {"under way", "r2"}


async def test_the_forgotten_ones_go_with_those_that_come(tries: Tries) -> None:
    """Of a prompt that is asked for all the time two are looked at for each that comes."""
    await tries.settle(await tries.buy("left"), LEFT_ALONE)
    await tries.end_long_ago("left", SOON_SECONDS + 1)
    await tries.buy("another")
    assert set(await tries.claimable()) == {"another"}


async def test_what_was_told_of_failures(tries: Tries) -> None:
    """One at no cost is tried anew by the retry it was told to; one whose end nobody knows answers each retry."""
    await tries.give_back(await tries.buy("failed"), again=False)
    assert await claim(tries, "r1") == ""
    await tries.lose(await tries.buy("unknown"), TOLD_ITS_ERROR)
    await tries.settle(await tries.buy("served"))
    assert [await claim(tries, "r2", 2), await claim(tries, "r3", 3), await claim(tries, "r4", 2)] == [
        "r1",  # which is under way, and goes first
        "r1",
        "served",  # which may not have arrived
    ]
    assert await claim(tries, "r5", 2) == "unknown"


async def test_fifty_retries_of_fifty(tries: Tries) -> None:
    """All at once: each is claimed exactly once for each count, and what is too many buys."""
    names = [f"a{number}" for number in range(50)]
    await asyncio.gather(*(tries.buy(name) for name in names))
    await asyncio.gather(*(tries.leave(name) for name in names[::2]))
    for count in (1, 2):
        claimed = await asyncio.gather(*(claim(tries, f"r{count}-{number}", count) for number in range(50)))
        assert Counter(claimed) == Counter(names)
    last = replace(retry(2), fingerprint=SAME.fingerprint)
    assert [(await tries.ask(f"extra{number}", last)).verdict for number in range(2)] == [
        Verdict.ADMITTED,
        Verdict.JOIN,  # the one before it, which is in flight
    ]
