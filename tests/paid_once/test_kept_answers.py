"""An answer is kept as it was first given, whatever way it took through the gateway."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from app.accounts.models import KeyOptions
from app.simulator.scenario import Scenario
from app.simulator.server import Simulator
from tests.faults.accounting import BOAT, GENERATIONS, priced_catalog
from tests.paid_once.impatient import charges, nobody_waits
from tests.paid_once.pickup import REQUESTS, come_to, kept_answer, recent
from tests.support.gateway import Gateway, running_gateway


@pytest.mark.parametrize("kind", ["link", "three pictures", "fan-out", "fan-out as a stream"])
async def test_an_answer_of_any_kind_is_kept(redis_url: str, simulator: Simulator, tmp_path: Path, kind: str) -> None:
    """What was left is kept as its client would have had it, and a retry gets the same, to the byte."""
    fan_out = {"model": "qwen-image", "prompt": "a paper boat", "n": 2}
    body, exchanges = {
        "link": (BOAT | {"response_format": "url"}, 1),
        "three pictures": (BOAT | {"n": 3}, 1),
        "fan-out": (fan_out, 2),
        "fan-out as a stream": (fan_out | {"stream": True}, 2),
    }[kind]
    simulator.default = Scenario(withhold=True)
    given: dict[str, Any] = {
        "catalog_dir": priced_catalog(tmp_path / "catalog"),
        "fetch_networks": "127.0.0.0/8",
        "image_url_hosts": "127.0.0.1",
    }
    async with running_gateway(redis_url, tmp_path / "gateway", simulator, **given) as gateway:
        team = await gateway.new_team()
        key = await gateway.new_key(team, options=KeyOptions(fan_out=True))
        async with gateway.http(key) as client:
            left = asyncio.create_task(client.post(GENERATIONS, json=body))
            await simulator.waiting(exchanges)
            left.cancel()
            await asyncio.wait([left])
        async with gateway.http(key) as client:
            simulator.release()
            (request,) = await recent(client)
            await come_to(client, request["id"], "delivered")
            retry = await client.post(GENERATIONS, json=body, headers={"x-stainless-retry-count": "1"})
            kept = await client.get(f"{REQUESTS}/{request['id']}")
        assert await charges(gateway, team, 1) == ["delivered"]

    assert (kept.status_code, retry.status_code) == (200, 200)
    assert retry.content == kept.content
    assert retry.headers["content-type"] == kept.headers["content-type"]
    assert sum(request.method == "POST" for request in simulator.received) == exchanges


async def test_a_stream_that_was_left_is_kept_whole(gateway: Gateway) -> None:
    """Whoever hangs up in the middle of a stream can have all of its events again."""
    gateway.simulator.default = Scenario(event_pause_seconds=0.2)
    team = await gateway.new_team()
    body = BOAT | {"stream": True, "partial_images": 2}
    async with gateway.http(await gateway.new_key(team)) as client:
        async with client.stream("POST", GENERATIONS, json=body) as answer:
            request_id = answer.headers["x-request-id"]
            async for line in answer.aiter_lines():
                if line.startswith("event:"):
                    break
        await nobody_waits(gateway)
        await come_to(client, request_id, "delivered")
        kept = await client.get(f"{REQUESTS}/{request_id}")

    assert kept.headers["content-type"].startswith("text/event-stream")
    events = [line.removeprefix("event: ") for line in kept.text.splitlines() if line.startswith("event:")]
    assert events == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
    assert await charges(gateway, team, 1) == ["delivered"]


async def test_what_was_delivered_can_be_had_again(gateway: Gateway) -> None:
    """The answer that a client had is kept as it was, to the byte."""
    team = await gateway.new_team()
    async with gateway.http(await gateway.new_key(team)) as client:
        first = await client.post(GENERATIONS, json=BOAT)
        again = await kept_answer(client, first.headers["x-request-id"])

    assert again.content == first.content
    assert again.headers["content-type"] == first.headers["content-type"]
    assert await charges(gateway, team, 1) == ["delivered"]
