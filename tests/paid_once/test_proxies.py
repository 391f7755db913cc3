"""Behind a real nginx that gives up on a silent answer, nobody loses a picture."""

import asyncio
from pathlib import Path

import pytest

from app.simulator.pictures import read_serial
from app.simulator.scenario import Content, Scenario
from app.simulator.server import Simulator
from tests.contract.sdk_run import SDKS
from tests.faults.accounting import BOAT, GENERATIONS
from tests.paid_once.impatient import Impatient, charges, serial_of
from tests.paid_once.sdk_program import OUR_OWN, sdk_program
from tests.support.gateway import Gateway, running_gateway
from tests.support.nginx import running_nginx

pytestmark = pytest.mark.slow

NGINX_SECONDS = 5
"""How long nginx puts up with silence."""
GENERATION_SECONDS = 20


async def test_a_heartbeat_outlasts_the_proxy(gateway: Gateway, tmp_path: Path) -> None:
    """A sign of life every two seconds: nginx waits on, and the first try returns the picture."""
    gateway.simulator.default = Scenario(latency_seconds=GENERATION_SECONDS)
    team = await gateway.new_team()
    key = await gateway.new_key(team)
    beat = {"x-imagegate-heartbeat": "2"}
    async with (
        running_nginx(tmp_path, [gateway.address], read_timeout_seconds=NGINX_SECONDS) as address,
        sdk_program(OUR_OWN, tmp_path, f"{address}/v1", key, timeout_seconds=60, headers=beat) as program,
    ):
        picture = await program.picture()

    assert program.tries == [0]
    assert read_serial(picture) == 1
    assert await charges(gateway, team, 1) == ["delivered"]


async def test_what_is_fetched_later_outlasts_the_proxy(gateway: Gateway, tmp_path: Path) -> None:
    """Asked for at once, fetched by waits shorter than nginx's: no connection is silent for longer than it allows."""
    gateway.simulator.default = Scenario(latency_seconds=GENERATION_SECONDS)
    team = await gateway.new_team()
    async with (
        running_nginx(tmp_path, [gateway.address], read_timeout_seconds=NGINX_SECONDS) as address,
        gateway.http(await gateway.new_key(team)) as client,
    ):
        taken = await client.post(f"{address}{GENERATIONS}", json=BOAT, headers={"Prefer": "respond-async"})
        place = f"{address}{taken.headers['location']}"
        answers = [await client.get(place, params={"wait": NGINX_SECONDS - 2})]
        while "data" not in answers[-1].json():
            assert answers[-1].json()["status"] == "in_progress"
            answers.append(await client.get(place, params={"wait": NGINX_SECONDS - 2}))

    assert taken.status_code == 202
    assert len(answers) >= 3
    assert await charges(gateway, team, 1) == ["delivered"]


async def test_a_failure_behind_a_heartbeat_passes_the_proxy(gateway: Gateway, tmp_path: Path) -> None:
    """A body that is cut stays cut on its way through nginx: the SDK tries again and raises the true error."""
    gateway.simulator.default = Scenario(latency_seconds=2.5, content=Content.HTML)
    team = await gateway.new_team()
    key = await gateway.new_key(team)
    beat = {"x-imagegate-heartbeat": "1"}
    async with (
        running_nginx(tmp_path, [gateway.address], read_timeout_seconds=NGINX_SECONDS) as address,
        sdk_program(OUR_OWN, tmp_path, f"{address}/v1", key, timeout_seconds=60, headers=beat) as program,
    ):
        error = await program.error()

    assert error == {"error": "InternalServerError", "status": 504, "code": "upstream_timeout"}
    assert program.tries == [0, 1]
    assert gateway.simulator.exchanges == 1
    assert await charges(gateway, team, 1) == ["unknown"]


@pytest.mark.parametrize("sdk", SDKS)
async def test_without_either_the_retry_behind_a_504_is_joined(gateway: Gateway, tmp_path: Path, sdk: str) -> None:
    """Nginx gives up and answers 504, the SDK tries again as it always does, and gets the one picture."""
    gateway.simulator.default = Scenario(withhold=True)
    team = await gateway.new_team()
    key = await gateway.new_key(team)
    async with (
        running_nginx(tmp_path, [gateway.address], read_timeout_seconds=1) as address,
        sdk_program(sdk, tmp_path, f"{address}/v1", key, timeout_seconds=60) as program,
    ):
        await program.tried(1)
        gateway.simulator.release()
        picture = await program.picture()

    assert read_serial(picture) == 1
    assert gateway.simulator.exchanges == 1
    assert await charges(gateway, team, 1) == ["delivered"]


async def test_a_stream_is_kept_alive_by_its_comments(redis_url: str, simulator: Simulator, tmp_path: Path) -> None:
    """Comments of a stream reach the client through nginx, and so does the event that comes after its patience."""
    simulator.default = Scenario(latency_seconds=GENERATION_SECONDS)
    async with running_gateway(redis_url, tmp_path / "gateway", simulator, keepalive_seconds=2) as gateway:
        await _stream_through_nginx(gateway, tmp_path)


async def test_nginx_sends_a_retry_to_the_other_replica(replicas: tuple[Gateway, Gateway], tmp_path: Path) -> None:
    """The first try reaches one gateway and times out; its retry reaches the other one and gets the same picture."""
    one, two = replicas
    one.simulator.default = Scenario(withhold=True)
    team = await one.new_team()
    key = await one.new_key(team)
    async with running_nginx(tmp_path, [one.address, two.address], by_try=True) as address:
        client = Impatient(one, key, timeout_seconds=1, address=address)
        asked = asyncio.create_task(client.images.generate(**BOAT))
        await client.tried(1)
        one.simulator.release()
        made = await asked

    assert serial_of(made) == 1
    assert one.simulator.exchanges == 1
    assert await charges(one, team, 1) == ["delivered"]


async def test_nginx_as_it_comes_buys_nothing_by_itself(replicas: tuple[Gateway, Gateway], tmp_path: Path) -> None:
    """With its own retries on, and two gateways to choose from, nginx gives up on one and the SDK's retry is joined."""
    one, two = replicas
    one.simulator.default = Scenario(withhold=True)
    team = await one.new_team()
    key = await one.new_key(team)
    both = [one.address, two.address]
    async with running_nginx(tmp_path, both, read_timeout_seconds=1, next_upstream=True) as address:
        client = Impatient(one, key, timeout_seconds=30, address=address)
        asked = asyncio.create_task(client.images.generate(**BOAT))
        await client.tried(1)
        one.simulator.release()
        made = await asked

    assert serial_of(made) == 1
    assert client.tries == {0: 1, 1: 1}
    assert one.simulator.exchanges == 1
    assert await charges(one, team, 1) == ["delivered"]


async def test_ten_identical_prompts_over_two_replicas(replicas: tuple[Gateway, Gateway], tmp_path: Path) -> None:
    """Ten clients time out and try again at whichever gateway nginx chooses: ten different pictures, ten charges."""
    one, two = replicas
    one.simulator.default = Scenario(withhold=True)
    team = await one.new_team()
    key = await one.new_key(team)
    async with running_nginx(tmp_path, [one.address, two.address]) as address:
        clients = [Impatient(one, key, timeout_seconds=2, address=address) for _ in range(10)]
        asked = [asyncio.create_task(client.images.generate(**BOAT)) for client in clients]
        await one.simulator.waiting(10)
        for client in clients:
            await client.tried(1)
        one.simulator.release()
        serials = [serial_of(made) for made in await asyncio.gather(*asked)]

    assert sorted(serials) == list(range(1, 11))
    assert one.simulator.exchanges == 10
    assert await charges(one, team, 10) == ["delivered"] * 10


async def _stream_through_nginx(gateway: Gateway, folder: Path) -> None:
    team = await gateway.new_team()
    async with (
        running_nginx(folder, [gateway.address], read_timeout_seconds=NGINX_SECONDS) as address,
        gateway.http(await gateway.new_key(team)) as client,
        client.stream("POST", f"{address}{GENERATIONS}", json=BOAT | {"stream": True}, timeout=60) as answer,
    ):
        lines = [line async for line in answer.aiter_lines()]

    assert any(line.startswith(":") for line in lines)
    assert [line for line in lines if line.startswith("event:")] == ["event: image_generation.completed"]
    assert await charges(gateway, team, 1) == ["delivered"]
