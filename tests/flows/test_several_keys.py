"""A gateway with several upstream keys, given between commas."""

import asyncio
from pathlib import Path

from app.simulator.scenario import Scenario
from app.simulator.server import Simulator
from tests.support.gateway import running_gateway
from tests.support.waiting import until

BOAT = {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x1024", "quality": "low"}


async def test_the_next_key_takes_over(redis_url: str, tmp_path: Path) -> None:
    """The first key is refused: the client gets its picture with the second, at one charge, and so do all after it."""
    async with (
        Simulator(accepts_key=lambda key: key == "sk-good") as simulator,
        running_gateway(redis_url, tmp_path, simulator, cometapi_key="sk-bad,sk-good") as gateway,
    ):
        team = await gateway.new_team()
        async with gateway.http(await gateway.new_key(team)) as client:
            answers = [await client.post("/v1/images/generations", json=BOAT) for _ in range(3)]
        entries = await gateway.entries(team.id)

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [(entry.outcome, entry.images) for entry in entries] == [("delivered", 1)] * 3
    assert (simulator.exchanges, simulator.pictures) == (4, 3)


async def test_a_gateway_stopped_between_two_attempts_charges_nothing(
    redis_url: str, tmp_path: Path, simulator: Simulator
) -> None:
    """The refused request waits for its next attempt when the gateway stops: nothing can have been made of it."""
    simulator.default = Scenario(status=429, code="rate_limited", retry_after_seconds=9)
    async with running_gateway(redis_url, tmp_path, simulator, drain_seconds=1) as gateway:
        team = await gateway.new_team()
        client = gateway.http(await gateway.new_key(team))
        asked = asyncio.create_task(client.post("/v1/images/generations", json=BOAT))

        async def is_refused() -> bool:
            return simulator.exchanges == 1 and simulator.in_flight == 0

        await until(is_refused)
    answer = await asked
    await client.aclose()
    async with running_gateway(redis_url, tmp_path, simulator) as next_one:
        (entry,) = await next_one.entries(team.id)

    assert answer.status_code >= 500
    assert (entry.outcome, entry.cost, simulator.exchanges) == ("failed", 0, 1)
