"""Identical requests at once on one key are so many purchases; no retry is given a picture that somebody else has."""

import asyncio
from collections.abc import Sequence

import pytest

from app.simulator.scenario import Scenario
from tests.faults.accounting import BOAT, GENERATIONS
from tests.paid_once.impatient import Impatient, charges, connected, serial_of
from tests.support.gateway import Gateway

NUMBER = 10
PATIENT_SECONDS = 60
IMPATIENT_SECONDS = 1.5
"""Long enough that ten first tries reach the upstream on a busy machine."""


async def test_ten_identical_prompts_get_ten_pictures(gateway: Gateway) -> None:
    """Every client times out and tries again: ten different pictures, ten charges, each client has its own."""
    serials = await _ask(gateway, [IMPATIENT_SECONDS] * NUMBER, last_try=1)

    assert sorted(serials) == list(range(1, NUMBER + 1))


@pytest.mark.slow
async def test_so_they_do_when_both_retries_are_needed(gateway: Gateway) -> None:
    """The second retries claim what the first retries had claimed, each one picture."""
    serials = await _ask(gateway, [IMPATIENT_SECONDS] * NUMBER, last_try=2)

    assert sorted(serials) == list(range(1, NUMBER + 1))


async def test_retries_leave_the_pictures_of_patient_clients_alone(gateway: Gateway) -> None:
    """Half of the clients wait on: a retry claims what a client has left, never what is still waited for."""
    serials = await _ask(gateway, [IMPATIENT_SECONDS, PATIENT_SECONDS] * (NUMBER // 2), last_try=1)

    assert sorted(serials) == list(range(1, NUMBER + 1))


async def test_a_client_that_seems_to_wait_is_no_hindrance(gateway: Gateway) -> None:
    """A proxy may hold the first try's connection open: its retries are joined all the same, and all are answered."""
    gateway.simulator.default = Scenario(withhold=True)
    team = await gateway.new_team()
    async with gateway.http(await gateway.new_key(team)) as client:
        tries = []
        for count in "012":
            headers = {"x-stainless-lang": "python", "x-stainless-retry-count": count}
            tries.append(asyncio.create_task(client.post(GENERATIONS, json=BOAT, headers=headers)))
            await gateway.simulator.waiting(1)
        await connected(gateway, len(tries))
        gateway.simulator.release()
        answers = await asyncio.gather(*tries)

    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({answer.content for answer in answers}) == 1
    assert gateway.simulator.exchanges == 1
    assert await charges(gateway, team, 1) == ["delivered"]


async def test_first_tries_are_never_joined(gateway: Gateway) -> None:
    """Somebody who asks for the same again, while the first is in flight or kept for whoever left it, buys another."""
    gateway.simulator.default = Scenario(withhold=True)
    team = await gateway.new_team()
    key = await gateway.new_key(team)
    async with gateway.http(key) as client:
        left = asyncio.create_task(client.post(GENERATIONS, json=BOAT))
        await gateway.simulator.waiting(1)
        left.cancel()
        await asyncio.wait([left])
        again = [asyncio.create_task(client.post(GENERATIONS, json=BOAT)) for _ in range(2)]
        await gateway.simulator.waiting(3)
        gateway.simulator.release()
        answers = await asyncio.gather(*again)

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json()["data"] != answers[1].json()["data"]
    assert await charges(gateway, team, 3) == ["delivered"] * 3
    assert gateway.simulator.pictures == 3


async def _ask(gateway: Gateway, timeouts: Sequence[float], last_try: int) -> list[int]:
    """Clients of one key ask for the same, which comes when the impatient make this try; the pictures they hold."""
    gateway.simulator.default = Scenario(withhold=True)
    team = await gateway.new_team()
    key = await gateway.new_key(team)
    clients = [Impatient(gateway, key, seconds) for seconds in timeouts]
    asked = [asyncio.create_task(client.images.generate(**BOAT)) for client in clients]
    await gateway.simulator.waiting(len(clients))
    for client, seconds in zip(clients, timeouts, strict=True):
        if seconds != PATIENT_SECONDS:
            await client.tried(last_try)
    gateway.simulator.release()
    serials = [serial_of(made) for made in await asyncio.gather(*asked)]
    assert gateway.simulator.pictures == gateway.simulator.exchanges == len(clients)
    assert await charges(gateway, team, len(clients)) == ["delivered"] * len(clients)
    return serials
