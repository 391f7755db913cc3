"""Two gateways on one Redis that keep answers in one place: what was bought at one is had at the other."""

import asyncio
from collections.abc import Mapping

from app.simulator.scenario import Content, Scenario
from tests.faults.accounting import BOAT, GENERATIONS
from tests.paid_once.impatient import charges, connected, nobody_waits
from tests.paid_once.pickup import come_to, kept_answer, recent
from tests.support.gateway import Gateway

Replicas = tuple[Gateway, Gateway]
FIRST_TRY = {"x-stainless-lang": "python", "x-stainless-retry-count": "0"}
RETRY = FIRST_TRY | {"x-stainless-retry-count": "1"}


async def test_a_retry_is_joined_at_the_other_replica(replicas: Replicas) -> None:
    """The first try is left at one gateway; its retry waits at the other, and gets the picture of the first."""
    one, two = replicas
    one.simulator.default = Scenario(withhold=True)
    team = await one.new_team()
    key = await one.new_key(team)
    async with two.http(key) as other:
        await _leave(one, key, FIRST_TRY)
        retry = asyncio.create_task(other.post(GENERATIONS, json=BOAT, headers=RETRY))
        await connected(two, 1)
        one.simulator.release()
        answer = await retry
        (request,) = await recent(other)
        kept = await kept_answer(other, request["id"])

    assert answer.status_code == 200
    assert answer.json() == kept.json()
    assert one.simulator.exchanges == one.simulator.pictures == 1
    assert await charges(one, team, 1) == ["delivered"]


async def test_a_retry_finds_at_the_other_replica_what_is_finished(replicas: Replicas) -> None:
    """The picture was finished while nobody waited: the other gateway reads it out of the store they share."""
    one, two = replicas
    one.simulator.default = Scenario(withhold=True)
    team = await one.new_team()
    key = await one.new_key(team)
    await _leave(one, key, FIRST_TRY)
    one.simulator.release()
    assert await charges(one, team, 1) == ["delivered"]
    async with two.http(key) as other:
        answer = await other.post(GENERATIONS, json=BOAT, headers=RETRY)
        once_more = asyncio.create_task(other.post(GENERATIONS, json=BOAT, headers=RETRY))
        await one.simulator.waiting(1)
        one.simulator.release()
        another = await once_more

    assert (answer.status_code, another.status_code) == (200, 200)
    assert another.json()["data"] != answer.json()["data"]
    assert await charges(one, team, 2) == ["delivered"] * 2
    assert one.simulator.exchanges == 2


async def test_a_retry_is_told_at_the_other_replica_what_failed(replicas: Replicas) -> None:
    """Left, then of unknown outcome: the retry gets the stored error with its status, and the word to stop."""
    one, two = replicas
    one.simulator.default = Scenario(withhold=True, content=Content.HTML)
    team = await one.new_team()
    key = await one.new_key(team)
    await _leave(one, key, FIRST_TRY)
    one.simulator.release()
    assert await charges(one, team, 1) == ["unknown"]
    async with two.http(key) as other:
        answer = await other.post(GENERATIONS, json=BOAT, headers=RETRY)

    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "upstream_timeout")
    assert answer.headers["x-should-retry"] == "false"
    assert one.simulator.exchanges == 1


async def test_what_one_took_the_other_fetches(replicas: Replicas) -> None:
    """`Prefer: respond-async` at one gateway: the other tells how it stands, waits for it and gives the picture."""
    one, two = replicas
    one.simulator.default = Scenario(withhold=True)
    team = await one.new_team()
    key = await one.new_key(team)
    async with one.http(key) as client, two.http(key) as other:
        taken = await client.post(GENERATIONS, json=BOAT, headers={"Prefer": "respond-async"})
        await one.simulator.waiting(1)
        await come_to(other, taken.headers["x-request-id"], "in_progress")
        patient = asyncio.create_task(other.get(taken.headers["location"], params={"wait": 30}))
        one.simulator.release()
        answer = await patient

    assert len(answer.json()["data"]) == 1
    assert one.simulator.exchanges == 1
    assert await charges(one, team, 1) == ["delivered"]


async def _leave(gateway: Gateway, key: str, headers: Mapping[str, str]) -> None:
    """Ask for a boat, and hang up when the upstream is at work."""
    async with gateway.http(key) as client:
        asked = asyncio.create_task(client.post(GENERATIONS, json=BOAT, headers=headers))
        await gateway.simulator.waiting(1)
        asked.cancel()
        await asyncio.wait([asked])
    await nobody_waits(gateway)
