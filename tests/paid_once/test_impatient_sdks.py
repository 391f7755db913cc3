"""An SDK whose timeout is shorter than a generation gets, by its own retries, the picture that it paid for."""

import asyncio
from pathlib import Path

import pytest

from app.simulator.pictures import read_serial
from app.simulator.scenario import Scenario
from app.simulator.server import Simulator
from tests.contract.sdk_run import SDKS
from tests.faults.accounting import BOAT
from tests.faults.traffic import PICTURE
from tests.paid_once.impatient import Impatient, charges, nobody_waits, serial_of
from tests.paid_once.sdk_program import sdk_program
from tests.support.gateway import Gateway


async def test_a_retry_returns_the_picture_of_the_first_try(gateway: Gateway) -> None:
    """The first try times out, its retry waits for the same purchase: one picture, one charge, one call."""
    gateway.simulator.default = Scenario(withhold=True)
    team = await gateway.new_team()
    client = Impatient(gateway, await gateway.new_key(team), timeout_seconds=1)
    asked = asyncio.create_task(client.images.generate(**BOAT))
    await gateway.simulator.waiting(1)
    await client.tried(1)
    gateway.simulator.release()

    assert serial_of(await asked) == 1
    assert gateway.simulator.exchanges == gateway.simulator.pictures == 1
    assert await charges(gateway, team, 1) == ["delivered"]


async def test_a_retry_returns_a_picture_that_was_finished_before_it_came(gateway: Gateway) -> None:
    """The picture comes while nobody waits for it, between two tries: the retry finds it kept."""
    gateway.simulator.default = Scenario(withhold=True)
    team = await gateway.new_team()
    client = Impatient(gateway, await gateway.new_key(team), timeout_seconds=1)
    asked = asyncio.create_task(client.images.generate(**BOAT))
    await gateway.simulator.waiting(1)
    await nobody_waits(gateway)
    gateway.simulator.release()
    assert await charges(gateway, team, 1) == ["delivered"]

    assert serial_of(await asked) == 1
    assert gateway.simulator.exchanges == 1


async def test_an_edit_is_known_again_by_its_picture(gateway: Gateway) -> None:
    """A retry sends its form anew, with another boundary: the same file and words are the same purchase."""
    gateway.simulator.default = Scenario(withhold=True)
    team = await gateway.new_team()
    client = Impatient(gateway, await gateway.new_key(team), timeout_seconds=1)
    asked = asyncio.create_task(client.images.edit(image=("boat.png", PICTURE, "image/png"), **BOAT))
    await gateway.simulator.waiting(1)
    await client.tried(1)
    gateway.simulator.release()

    assert serial_of(await asked) == 1
    assert gateway.simulator.exchanges == 1
    assert await charges(gateway, team, 1) == ["delivered"]


async def test_a_stream_is_joined_too(gateway: Gateway) -> None:
    """A stream that does not begin in time is tried again, and all of its events come with the retry."""
    gateway.simulator.default = Scenario(withhold=True)
    team = await gateway.new_team()
    client = Impatient(gateway, await gateway.new_key(team), timeout_seconds=1)

    async def read() -> list[str]:
        return [event.type async for event in await client.images.generate(**BOAT, stream=True, partial_images=1)]

    asked = asyncio.create_task(read())
    await gateway.simulator.waiting(1)
    await client.tried(1)
    gateway.simulator.release()

    assert await asked == ["image_generation.partial_image", "image_generation.completed"]
    assert gateway.simulator.exchanges == 1
    assert await charges(gateway, team, 1) == ["delivered"]


async def test_an_idempotency_key_joins_them_as_well(gateway: Gateway) -> None:
    """A program that sends an Idempotency-Key with the SDK gets the one picture, by retries and later calls alike."""
    gateway.simulator.default = Scenario(withhold=True)
    team = await gateway.new_team()
    client = Impatient(gateway, await gateway.new_key(team), timeout_seconds=1)
    named = {"Idempotency-Key": "order-17"}
    asked = asyncio.create_task(client.images.generate(**BOAT, extra_headers=named))
    await gateway.simulator.waiting(1)
    await client.tried(1)
    gateway.simulator.release()
    again = await client.images.generate(**BOAT, extra_headers=named)

    assert serial_of(await asked) == serial_of(again) == 1
    assert gateway.simulator.exchanges == 1
    assert await charges(gateway, team, 1) == ["delivered"]


@pytest.mark.slow
async def test_both_retries_may_be_needed(gateway: Gateway) -> None:
    """Two tries time out, the third returns the one picture."""
    gateway.simulator.default = Scenario(withhold=True)
    team = await gateway.new_team()
    client = Impatient(gateway, await gateway.new_key(team), timeout_seconds=1)
    asked = asyncio.create_task(client.images.generate(**BOAT))
    await client.tried(2)
    gateway.simulator.release()

    assert serial_of(await asked) == 1
    assert client.tries == {0: 1, 1: 1, 2: 1}
    assert gateway.simulator.exchanges == 1
    assert await charges(gateway, team, 1) == ["delivered"]


@pytest.mark.slow
@pytest.mark.parametrize("last_try", [1, 2])
@pytest.mark.parametrize("sdk", SDKS)
async def test_every_sdk_pays_once(
    gateway: Gateway, simulator: Simulator, tmp_path: Path, sdk: str, last_try: int
) -> None:
    """Python's SDK in all versions and Node's, default retries: whatever try it takes, the one picture is returned."""
    simulator.default = Scenario(withhold=True)
    team = await gateway.new_team()
    key = await gateway.new_key(team)
    async with sdk_program(sdk, tmp_path, gateway.base_url, key, timeout_seconds=1) as program:
        await program.tried(last_try)
        simulator.release()
        picture = await program.picture()

    assert program.tries == list(range(last_try + 1))
    assert read_serial(picture) == 1
    assert simulator.exchanges == simulator.pictures == 1
    assert await charges(gateway, team, 1) == ["delivered"]
