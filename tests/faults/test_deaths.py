"""A gateway is killed at every moment of a request: its books balance within a minute of its restart."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from app.accounts.models import KeyOptions, Limits
from app.simulator.server import Simulator
from tests.faults.accounting import (
    BOAT,
    GENERATIONS,
    WITHIN_SECONDS,
    accounting,
    priced_catalog,
    replica,
)
from tests.faults.moments import MOMENTS, Moment, Scene
from tests.support.process import environment
from tests.support.redis_server import RedisServer

AT_ONCE = 2
"""Gateways that start or die at the same moment; those that wait for a lease to run out cost nothing."""


@pytest.mark.slow
async def test_whenever_it_dies_the_books_balance(tmp_path: Path) -> None:
    """Kill -9 at each moment, restart: nothing held, no difference, at most the quote, and whatever was delivered."""
    turns = asyncio.Semaphore(AT_ONCE)
    folders = [tmp_path / str(number) for number in range(len(MOMENTS))]
    deaths = [_die_and_return(moment, folder, turns) for moment, folder in zip(MOMENTS, folders, strict=True)]
    results = await asyncio.gather(*deaths, return_exceptions=True)

    failures = []
    for moment, failure in zip(MOMENTS, results, strict=True):
        if isinstance(failure, Exception):
            failure.add_note(f"killed at: {moment.name}")
            failures.append(failure)
    if failures:
        raise ExceptionGroup("the books", failures)


async def _die_and_return(moment: Moment, folder: Path, turns: asyncio.Semaphore) -> None:
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(Simulator())
        redis = stack.enter_context(RedisServer({"appendonly": "yes", "appendfsync": "no"}))  # outlives a kill
        books = await stack.enter_async_context(accounting(redis.url))
        # One at once, so that a second waits for its turn; a fan-out needs as many as it has pictures.
        team = await books.new_team(Limits(concurrent_images=3 if "fan-out" in moment.name else 1))
        key = await books.new_key(team, options=KeyOptions(fan_out=True))
        given = environment(
            folder / "data",
            simulator,
            IMAGEGATE_REDIS_URL=redis.url,
            IMAGEGATE_CATALOG_DIR=str(priced_catalog(folder / "catalog")),
            IMAGEGATE_REDIS_TIMEOUT_SECONDS="3",
            IMAGEGATE_QUEUE_SECONDS="60",
            IMAGEGATE_DRAIN_SECONDS="5",
        )
        around = moment.around(folder / "data") if moment.around else None
        given |= await stack.enter_async_context(around) if around else {}
        async with turns:
            async with replica(given) as (process, client):
                scene = Scene(books, team, key, client, simulator, redis, folder / "data")
                stack.push_async_callback(scene.close)
                await moment.reach(scene)
                process.kill()
                await process.wait()
            if redis.is_running:
                redis.resume()
            else:
                redis.start()
            simulator.reset()
            given["COMETAPI_BASE_URL"] = simulator.url
            _, client = await stack.enter_async_context(replica(given))
        async with asyncio.timeout(WITHIN_SECONDS):
            await _expect(moment, scene)
        again = await client.post(GENERATIONS, json=BOAT, headers=key)

        assert again.status_code == 200
        assert (await books.entries(team))[-1].outcome == "delivered"
        assert await books.differences(team) == []


async def _expect(moment: Moment, scene: Scene) -> None:
    """The books say what they should of the requests that the dead gateway had."""
    books, team = scene.books, scene.team
    await books.resolved(team, len(moment.outcomes))
    await books.nothing_held(team)
    entries = await books.entries(team)
    assert tuple(entry.outcome for entry in entries if entry.cost) == moment.outcomes
    for entry in entries:
        match entry.outcome:
            case "unknown":
                assert entry.cost == entry.quote > 0
            case "delivered":
                assert 0 < entry.cost < entry.quote
                assert entry.images == 1
            case _:
                assert entry.outcome == "failed"
    assert await books.spent(team) == sum(entry.cost for entry in entries)
    assert await books.differences(team) == []
