"""What docs/operations/upgrading.md promises of a rolling restart: nothing is lost, nothing is bought twice."""

import asyncio
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import openai
import pytest

from app.simulator.scenario import Scenario
from app.simulator.server import Simulator
from tests.deploy.shipped_nginx import shipped_nginx, trust
from tests.faults.accounting import BOAT, accounting, billed
from tests.support.process import environment, serving
from tests.support.redis_server import RedisServer

BUYERS = 4


@pytest.mark.slow
async def test_a_rolling_restart_under_load_loses_nothing(own_redis: RedisServer, tmp_path: Path) -> None:
    """Two replicas behind nginx as shipped, made anew one by one: every request gets its picture, and is paid once."""
    async with Simulator() as simulator, AsyncExitStack() as stack:
        simulator.default = Scenario(latency_seconds=0.2)
        given = [
            environment(tmp_path / name, simulator, IMAGEGATE_REDIS_URL=own_redis.url, IMAGEGATE_REPLICAS="1")
            for name in ("one", "two")
        ]
        books = await stack.enter_async_context(accounting(own_redis.url))
        team = await books.new_team()
        key = (await books.new_key(team))["Authorization"].removeprefix("Bearer ")
        running = [await stack.enter_async_context(serving(settings)) for settings in given]
        addresses = [f"http://127.0.0.1:{settings['IMAGEGATE_PORT']}" for settings in given]
        proxy = await stack.enter_async_context(shipped_nginx(tmp_path / "nginx", addresses))
        is_over = asyncio.Event()

        async def buy(who: int) -> int:
            pictures = 0
            http = openai.DefaultAsyncHttpxClient(verify=trust())
            async with openai.AsyncOpenAI(base_url=f"{proxy.https}/v1", api_key=key, http_client=http) as client:
                while not is_over.is_set():
                    # Each asks for something else: a retry whose first try never arrived would get its neighbour's.
                    words = f"a paper boat for {who}, the {pictures + 1}."
                    answer = await client.images.generate(**BOAT | {"prompt": words})
                    pictures += len(answer.data or ())
            return pictures

        buyers = [asyncio.create_task(buy(who)) for who in range(BUYERS)]
        for old, settings in zip(running, given, strict=True):
            before = simulator.logbook.tally.pictures
            old.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(old.wait(), 30) == 0
            await stack.enter_async_context(serving(settings))
            assert simulator.logbook.tally.pictures > before
        is_over.set()
        pictures = sum(await asyncio.gather(*buyers))
        entries = await books.entries(team)

        assert [entry.outcome for entry in entries] == ["delivered"] * pictures
        assert await books.spent(team) == billed(simulator)
        assert await books.differences(team) == []
