"""A bound for all, a fair share for each key, and a short wait for who finds no place."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Overloaded
from app.gateway.places import Place, Places


@asynccontextmanager
async def taken(places: Places, key: str) -> AsyncIterator[Place]:
    """A request of this key, as long as it lasts."""
    with places.one() as place:
        await place.take_for(key)
        yield place


async def crowd(places: Places, key: str, number: int) -> AsyncExitStack:
    """So many requests of one key; they go when the stack is closed."""
    stack = AsyncExitStack()
    for _ in range(number):
        await stack.enter_async_context(taken(places, key))
    return stack


async def test_a_key_alone_leaves_some_free() -> None:
    """One key has nine tenths of the places at most, and another finds one at once."""
    places = Places(100)
    async with await crowd(places, "greedy", 90):
        with pytest.raises(Overloaded, match="as is its share") as refused:
            await crowd(places, "greedy", 1)
        async with taken(places, "modest"):
            assert places.number == 91
    assert refused.value.retry_after_seconds == 2
    assert (places.number, places.waiting, places.peak) == (0, 0, 91)


async def test_who_finds_none_waits_for_the_next() -> None:
    """A place that is left is given to who waits for it."""
    places = Places(1)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(taken(places, "first"))
        second = asyncio.ensure_future(crowd(places, "second", 1))
        await asyncio.sleep(0)
        assert (places.number, places.waiting) == (1, 1)
        await stack.aclose()
        async with await second:
            assert (places.number, places.waiting) == (1, 0)


async def test_no_more_of_a_key_wait_than_there_are_places() -> None:
    """Who comes behind them is refused at once; another key's are not."""
    places = Places(1)
    async with taken(places, "first"):
        asked = [asyncio.ensure_future(crowd(places, key, 1)) for key in ("many", "one")]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded, match="as it may carry"):
            await places.take("many")
        assert places.waiting == 2
        for waits in asked:
            waits.cancel()
        await asyncio.wait(asked)


async def test_keys_take_turns() -> None:
    """Of those who wait, one key's many do not stand before another's one."""
    places, order = Places(3), list[str]()

    async def ask(key: str) -> None:
        async with taken(places, key):
            order.append(key)

    async with taken(places, "x"), taken(places, "y"):
        async with taken(places, "z"):
            asked = [asyncio.ensure_future(ask(key)) for key in ("many", "many", "one")]
            await asyncio.sleep(0)
            assert places.waiting == 3
        await asyncio.gather(*asked)
    assert order == ["many", "one", "many"]


async def test_who_leaves_while_waiting_takes_nothing() -> None:
    """A request that is cancelled in front of a place, or in the moment it is given one, leaves it to others."""
    places = Places(1)
    async with taken(places, "first"):
        waits = asyncio.ensure_future(crowd(places, "second", 1))
        await asyncio.sleep(0)
        waits.cancel()
        await asyncio.wait([waits])
        assert places.waiting == 0
        struck = asyncio.ensure_future(crowd(places, "third", 1))
        await asyncio.sleep(0)
    struck.cancel()  # its place is given, and it does not know yet
    await asyncio.wait([struck])
    assert (places.number, places.waiting) == (0, 0)
    async with taken(places, "fourth"):
        assert places.number == 1


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["comes", "goes", "gives up"])), max_size=60))
async def test_no_place_is_lost_or_made(steps: list[tuple[str, str]]) -> None:
    """Whoever comes, goes or gives up waiting in whatever order: never more than there are, in the end all are free."""
    places = Places(5)
    coming: dict[str, list[asyncio.Future[AsyncExitStack]]] = {"a": [], "b": [], "c": []}
    for key, step in steps:
        here = [one for one in coming[key] if one.done()]
        if step == "comes":
            coming[key].append(asyncio.ensure_future(crowd(places, key, 1)))
        elif step == "goes" and here:
            coming[key].remove(here[0])
            await here[0].result().aclose()
        elif step == "gives up" and len(here) < len(coming[key]):
            gone = coming[key].pop()  # without a pause: it may just have been given a place
            gone.cancel()
            if isinstance(left := (await asyncio.gather(gone, return_exceptions=True))[0], AsyncExitStack):
                await left.aclose()
        if step == "comes":
            await asyncio.sleep(0)
        assert places.number <= 5
    for waits in (one for ones in coming.values() for one in ones):
        waits.cancel()
        if isinstance(left := (await asyncio.gather(waits, return_exceptions=True))[0], AsyncExitStack):
            await left.aclose()
    assert (places.number, places.waiting) == (0, 0)
