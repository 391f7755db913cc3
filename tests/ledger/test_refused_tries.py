"""Retries of tries that bought nothing: they buy, instead of taking what a neighbour waits for."""

import pytest

from app.datastore.datastore import Datastore
from app.ledger.models import Mode, Verdict
from tests.ledger.tries import LEFT_ALONE, ONE_SLOT, SAME, Tries, claim, open_tries, retry

SOON_SECONDS = 120.0


@pytest.fixture
async def tries(datastore: Datastore) -> Tries:
    return await open_tries(datastore)


@pytest.mark.parametrize("why", ["limit", "failed before dispatch"])
async def test_the_retry_of_a_refused_one_buys(datastore: Datastore, why: str) -> None:
    """It takes nobody's picture; each refusal is good for one retry, and none of a client that has gone is missed."""
    tries = await open_tries(datastore, None if why != "limit" else ONE_SLOT)
    neighbour = await tries.buy("neighbour")
    if why == "limit":
        for name in ("b", "c"):
            assert (await tries.ask(name)).verdict is Verdict.REFUSED
    else:
        for name in ("b", "c"):
            await tries.give_back(await tries.buy(name), again=True)
    await tries.leave("neighbour")
    assert await claim(tries, "r1") == "neighbour"
    await tries.settle(neighbour, LEFT_ALONE)
    assert await claim(tries, "r2") == ""
    assert (await tries.claimable())["refused"].endswith("|1")
    if why == "failed before dispatch":
        assert await claim(tries, "r3") == ""
        assert await claim(tries, "r4") in ("r2", "r3")


async def test_a_word_of_refusal_goes_stale(tries: Tries) -> None:
    """After two minutes no SDK tries that one again."""
    await tries.give_back(await tries.buy("refused"), again=True)
    await tries.buy("neighbour")
    await tries.age("refused", SOON_SECONDS + 1)
    assert await claim(tries, "r1") == "neighbour"


async def test_a_retry_in_the_queue_uses_one_word(datastore: Datastore) -> None:
    """It asks again and again, and is one purchase: it joins nobody from there, and is a word of its own meanwhile."""
    tries = await open_tries(datastore, ONE_SLOT)
    await tries.buy("neighbour")
    for name in ("b", "c"):
        assert (await tries.ask(name)).verdict is Verdict.REFUSED
    for _ in range(4):
        assert (await tries.ask("r1", retry(1), mode=Mode.WAIT)).verdict is Verdict.QUEUED
    assert (await tries.claimable())["refused"].endswith("|2")
    await tries.leave("neighbour")
    assert (await tries.ask("r1", retry(1), mode=Mode.WAIT)).verdict is Verdict.QUEUED


async def test_who_gave_up_in_the_queue_buys_by_its_retry(datastore: Datastore) -> None:
    """It has bought nothing: its retry is not given what another client waits for."""
    tries = await open_tries(datastore, ONE_SLOT)
    await tries.buy("neighbour")
    assert (await tries.ask("b", mode=Mode.WAIT)).verdict is Verdict.QUEUED
    await tries.give_up("b", SAME)
    assert (await tries.ask("r1", retry(1), mode=Mode.WAIT)).verdict is Verdict.QUEUED


async def test_who_joined_what_came_to_nothing_buys(tries: Tries) -> None:
    """Its own first try has bought nothing, so it is not given what another client waits for."""
    hold = await tries.buy("left")
    await tries.buy("neighbour")
    await tries.leave("left")
    assert await claim(tries, "r1") == "left"
    await tries.give_back(hold, again=True, attended=False)
    assert await claim(tries, "r1") == ""


async def test_a_retry_that_comes_before_its_first_try_has_left_the_queue_buys(datastore: Datastore) -> None:
    """It takes a moment until a hang-up there is noticed; meanwhile the retry takes nobody's picture, either."""
    tries = await open_tries(datastore, ONE_SLOT)
    await tries.buy("neighbour")
    assert (await tries.ask("b", mode=Mode.WAIT)).verdict is Verdict.QUEUED
    assert (await tries.ask("r1", retry(1), mode=Mode.WAIT)).verdict is Verdict.QUEUED
