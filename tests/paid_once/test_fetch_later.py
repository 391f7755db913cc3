"""Ask now, fetch later: `Prefer: respond-async` is answered at once with where the picture will be."""

import asyncio
from pathlib import Path

import httpx
import pytest

from app.accounts.models import Budget, Limits
from app.money import Money
from app.simulator.scenario import Content, Scenario
from app.simulator.server import Simulator
from tests.faults.accounting import BOAT, GENERATIONS
from tests.faults.traffic import PICTURE
from tests.paid_once.impatient import charges
from tests.paid_once.pickup import REQUESTS, come_to, kept_answer, recent
from tests.support.gateway import Gateway, running_gateway

LATER = {"Prefer": "respond-async"}


async def test_the_picture_is_fetched_where_the_answer_says(gateway: Gateway) -> None:
    """202 with a Location while the upstream still works; who asks there, and waits, gets the answer when it comes."""
    gateway.simulator.default = Scenario(withhold=True)
    team = await gateway.new_team()
    async with gateway.http(await gateway.new_key(team)) as client:
        taken = await client.post(GENERATIONS, json=BOAT, headers=LATER)
        await gateway.simulator.waiting(1)
        soon = await client.get(taken.headers["location"], params={"wait": 1})
        patient = asyncio.create_task(client.get(taken.headers["location"], params={"wait": 30}))
        gateway.simulator.release()
        answer = await patient

    assert taken.status_code == 202
    assert httpx.URL(taken.headers["location"]).path == f"{REQUESTS}/{taken.headers['x-request-id']}"
    assert soon.json()["status"] == "in_progress"
    assert answer.status_code == 200
    assert len(answer.json()["data"]) == 1
    assert gateway.simulator.exchanges == 1
    assert await charges(gateway, team, 1) == ["delivered"]


async def test_an_edit_is_fetched_later_too(gateway: Gateway) -> None:
    """The pictures that came with the request outlive its connection."""
    gateway.simulator.default = Scenario(withhold=True)
    team = await gateway.new_team()
    key = await gateway.new_key(team)
    async with gateway.http(key) as client:
        files = {"image": ("boat.png", PICTURE, "image/png")}
        taken = await client.post("/v1/images/edits", data=BOAT, files=files, headers=LATER)
    async with gateway.http(key) as client:
        await gateway.simulator.waiting(1)
        gateway.simulator.release()
        await come_to(client, taken.headers["x-request-id"], "delivered")
        await kept_answer(client, taken.headers["x-request-id"])

    assert taken.status_code == 202
    assert await charges(gateway, team, 1) == ["delivered"]


async def test_a_refusal_is_told_at_once(gateway: Gateway) -> None:
    """What the door or the admission refuses has its true status, and no place to fetch anything from."""
    team = await gateway.new_team()
    broke = await gateway.new_team(Limits(budget=Budget(Money(1))))
    tried = [
        (None, BOAT),
        (await gateway.new_key(team), BOAT | {"size": "7x7"}),
        (await gateway.new_key(team), BOAT | {"model": "nobody"}),
        (await gateway.new_key(broke), BOAT),
    ]
    answers = []
    for key, body in tried:
        async with gateway.http(key) as client:
            answers.append(await client.post(GENERATIONS, json=body, headers=LATER))

    assert [answer.status_code for answer in answers] == [401, 400, 404, 429]
    assert answers[-1].json()["error"]["code"] == "insufficient_quota"
    assert not any("location" in answer.headers for answer in answers)
    assert gateway.simulator.exchanges == 0


async def test_who_waits_for_a_turn_is_told_so(redis_url: str, simulator: Simulator, tmp_path: Path) -> None:
    """A request in the queue has its 202 already, is waiting, then in progress, then delivered."""
    simulator.default = Scenario(withhold=True)
    async with running_gateway(redis_url, tmp_path, simulator, queue_seconds=60) as gateway:
        team = await gateway.new_team(Limits(concurrent_images=1))
        async with gateway.http(await gateway.new_key(team)) as client:
            first, second = [await client.post(GENERATIONS, json=BOAT, headers=LATER) for _ in range(2)]
            await simulator.waiting(1)
            waiting = second.headers["x-request-id"]
            await come_to(client, waiting, "waiting")
            simulator.release()
            await come_to(client, waiting, "in_progress")
            await simulator.waiting(1)
            simulator.release()
            answers = [await client.get(each.headers["location"], params={"wait": 30}) for each in (first, second)]
        assert await charges(gateway, team, 2) == ["delivered"] * 2

    assert (first.status_code, second.status_code) == (202, 202)
    assert len({answer.json()["data"][0]["b64_json"] for answer in answers}) == 2


@pytest.mark.parametrize(
    ("scenario", "state", "code"),
    [
        (Scenario(withhold=True, status=502, code="bad_response"), "failed", "upstream_failed"),
        (Scenario(withhold=True, content=Content.HTML), "unknown", "upstream_timeout"),
    ],
)
async def test_a_failure_is_the_state_it_comes_to(gateway: Gateway, scenario: Scenario, state: str, code: str) -> None:
    """What failed upstream is told where the picture would have been, and is not bought again."""
    gateway.simulator.default = scenario
    team = await gateway.new_team()
    async with gateway.http(await gateway.new_key(team)) as client:
        taken = await client.post(GENERATIONS, json=BOAT, headers=LATER)
        await gateway.simulator.waiting(1)
        gateway.simulator.release()
        await come_to(client, taken.headers["x-request-id"], state)
        told = await client.get(taken.headers["location"])
        (listed,) = await recent(client)

    assert told.json()["error"]["code"] == code
    assert (listed["id"], listed["status"]) == (taken.headers["x-request-id"], state)
    assert gateway.simulator.exchanges == 1
    assert [entry.outcome for entry in await gateway.entries(team.id)] == [state]
