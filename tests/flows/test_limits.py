"""Limits as a client meets them: headers, waiting for a turn, quotes that buy nothing."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.accounts.models import Budget, Limits
from app.money import parse_dollars
from app.simulator.scenario import Scenario
from app.simulator.server import Simulator
from tests.support.gateway import ADMIN_TOKEN, Gateway, running_gateway
from tests.support.waiting import until

BOAT: dict[str, Any] = {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x1024", "quality": "low"}
ROUTE = "/v1/images/generations"
ADMIN = {"Authorization": f"Bearer {ADMIN_TOKEN}"}


@pytest.fixture
async def patient_gateway(redis_url: str, tmp_path: Path, simulator: Simulator) -> AsyncIterator[Gateway]:
    """A gateway that lets requests wait for their turn."""
    async with running_gateway(redis_url, tmp_path, simulator, queue_seconds=60) as running:
        yield running


async def test_tokens_are_taken_as_quoted_and_given_back_to_the_true_count(gateway: Gateway) -> None:
    """The header tells what is left behind the quote; after the settlement only the true tokens are gone."""
    key = await gateway.new_key(await gateway.new_team())
    async with gateway.http(key) as client:
        highest = (await client.post("/v1/images/quote", json=BOAT)).json()["highest_tokens"]
    team = await gateway.new_team(Limits(tokens_per_minute=highest + 10))
    async with gateway.http(await gateway.new_key(team)) as client:
        first = await client.post(ROUTE, json=BOAT)
        quoted = await client.post("/v1/images/quote", json=BOAT)
        (limit,) = (await client.get("/v1/usage")).json()["limits"]

    assert first.headers["x-ratelimit-limit-tokens"] == str(highest + 10)
    assert first.headers["x-ratelimit-remaining-tokens"] == "10"
    (left,) = [found for found in quoted.json()["left"] if found["what"] == "tokens"]
    assert left["left"] >= highest + 10 - first.json()["usage"]["total_tokens"]
    assert quoted.headers["x-ratelimit-remaining-tokens"] == str(left["left"])
    assert left.keys() == limit.keys() == {"what", "scope", "limit", "left", "resets_at"}


async def test_a_request_larger_than_the_bucket_names_the_maximum(gateway: Gateway) -> None:
    """No waiting helps it, so the SDK is told not to try again."""
    key = await gateway.new_key(await gateway.new_team(Limits(tokens_per_minute=10)))
    async with gateway.http(key) as client:
        answer = await client.post(ROUTE, json=BOAT)

    assert answer.status_code == 429
    assert answer.headers["x-should-retry"] == "false"
    assert "10 tokens per minute" in answer.json()["error"]["message"]


async def test_images_per_day_come_back_when_they_were_not_made(gateway: Gateway) -> None:
    """A day's pictures are counted at admission; a refused prompt gives its own back, a delivered one does not."""
    budget = Budget(parse_dollars("1"), "total", timezone=_zone_of_noon())
    key = await gateway.new_key(await gateway.new_team(Limits(images_per_day=2, budget=budget)))
    gateway.simulator.next(Scenario(code="moderation_blocked"))
    async with gateway.http(key) as client:
        answers = [await client.post(ROUTE, json=BOAT) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [400, 200, 200, 429]
    assert "2 images per day" in answers[3].json()["error"]["message"]
    assert answers[3].headers["x-should-retry"] == "false"


def _zone_of_noon() -> str:
    """A time zone in which no day ends while a test runs: days are those of the budget's zone."""
    east = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-east:+d}"  # the signs of these names are the other way round


async def test_a_budget_says_when_it_resets(gateway: Gateway) -> None:
    """A refusal for money tells the day from which there is some again."""
    key = await gateway.new_key(await gateway.new_team(Limits(budget=Budget(parse_dollars("0.001"), "month"))))
    async with gateway.http(key) as client:
        answer = await client.post(ROUTE, json=BOAT)

    assert answer.json()["error"]["code"] == "insufficient_quota"
    assert "It resets at 20" in answer.json()["error"]["message"]


async def test_an_alert_is_told_once(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    """The settlement that crosses a threshold says so, the one before and the one after do not."""
    limits = Limits(budget=Budget(parse_dollars("0.02"), "month", alerts=(30, 90)))
    key = await gateway.new_key(await gateway.new_team(limits))
    told = []
    async with gateway.http(key) as client:
        for _ in range(3):
            caplog.clear()
            assert (await client.post(ROUTE, json=BOAT)).status_code == 200
            told.append([record.percent for record in caplog.records if hasattr(record, "percent")])

    assert told == [[], [30], []]


async def test_who_lacks_a_slot_waits_and_is_served_in_order(patient_gateway: Gateway) -> None:
    """One slot, four requests: none is refused, and they are bought in the order in which they came."""
    gateway = patient_gateway
    gateway.simulator.default = Scenario(withhold=True)
    team = await gateway.new_team(Limits(concurrent_images=1))
    key = await gateway.new_key(team)
    async with gateway.http(key) as client:
        asked = []
        for number in range(4):
            body = BOAT | {"prompt": f"boat {number}"}
            asked.append(asyncio.create_task(client.post(ROUTE, json=body)))
            if number == 0:
                await gateway.simulator.waiting(1)
            else:
                await until(lambda number=number: queued(gateway, team.id, number))  # type: ignore[misc] # bound now
        for _ in range(4):
            await gateway.simulator.waiting(1)
            gateway.simulator.release()
        answers = await asyncio.gather(*asked)

    assert [answer.status_code for answer in answers] == [200] * 4
    assert [f"boat {number}".encode() in request.body for number, request in enumerate(gateway.simulator.received)] == [
        True
    ] * 4


async def test_a_client_that_leaves_the_queue_buys_nothing(patient_gateway: Gateway) -> None:
    """Its place is free at once, its request is never sent, nothing is held."""
    gateway = patient_gateway
    gateway.simulator.default = Scenario(withhold=True)
    team = await gateway.new_team(Limits(concurrent_images=1))
    key = await gateway.new_key(team)
    async with gateway.http(key) as client:
        first = asyncio.create_task(client.post(ROUTE, json=BOAT))
        await gateway.simulator.waiting(1)
        second = asyncio.create_task(client.post(ROUTE, json=BOAT))
        await until(lambda: queued(gateway, team.id, 1))
        second.cancel()
        await until(lambda: queued(gateway, team.id, 0))
        gateway.simulator.release()
        answer = await first

    assert answer.status_code == 200
    assert gateway.simulator.exchanges == 1
    assert [entry.outcome for entry in await gateway.entries(team.id)] == ["delivered"]


async def test_a_quote_buys_nothing_and_tells_everything(gateway: Gateway) -> None:
    """Normalised request, costs from low to high, every limit in the way and what is left; no entry, no exchange."""
    limits = Limits(requests_per_minute=10, images_per_minute=1, budget=Budget(parse_dollars("0.01")))
    team = await gateway.new_team(limits)
    key = await gateway.new_key(team)
    async with gateway.http(key) as client:
        small = (await client.post("/v1/images/quote", json=BOAT | {"style": "vivid"})).json()
        large = (await client.post("/v1/images/quote", json=BOAT | {"n": 4})).json()
        bought = await client.post(ROUTE, json=BOAT)

    assert small["normalized"] == ["style;dropped"]
    assert small["request"] == {"model": "gpt-image-2", "quality": "low", "size": "1024x1024"}
    low, high = parse_dollars(small["cost"]["lowest_estimate"]), parse_dollars(small["cost"]["highest"])
    assert bought.status_code == 200
    (entry,) = await gateway.entries(team.id)
    assert low <= entry.cost <= high == entry.quote
    assert small["would_be_refused"] == []
    assert [refused["reason"] for refused in large["would_be_refused"]] == ["too_many_images", "budget"]
    assert {left["what"] for left in small["left"]} == {"requests", "images", "budget"}
    assert gateway.simulator.exchanges == 1


async def queued(gateway: Gateway, team_id: str, number: int) -> bool:
    """Whether so many wait for their turn now."""
    length = await gateway.services.datastore.command("ZCARD", f"ig:{{{team_id}}}:queue")
    return bool(length == number)


async def test_a_change_while_waiting_costs_nobody_its_place(patient_gateway: Gateway) -> None:
    """The team is changed three times while a request waits for its turn: it is served all the same."""
    gateway = patient_gateway
    gateway.simulator.default = Scenario(withhold=True)
    limits = Limits(concurrent_images=1)
    team = await gateway.new_team(limits)
    key = await gateway.new_key(team)
    async with gateway.http(key) as client:
        first = asyncio.create_task(client.post(ROUTE, json=BOAT))
        await gateway.simulator.waiting(1)
        second = asyncio.create_task(client.post(ROUTE, json=BOAT))
        await until(lambda: queued(gateway, team.id, 1))
        for number in range(3):
            body = {"limits": {"requests_per_minute": 100 + number}}
            changed = await client.patch(f"/admin/v1/teams/{team.name}", json=body, headers=ADMIN)
            assert changed.status_code == 200
        gateway.simulator.release()
        await gateway.simulator.waiting(1)
        gateway.simulator.release()
        answers = await asyncio.gather(first, second)

    assert [answer.status_code for answer in answers] == [200, 200]


async def test_a_key_revoked_while_it_waits_is_told_so_and_holds_up_nobody(patient_gateway: Gateway) -> None:
    """It gets a 401, and its place is free at once for the next."""
    gateway = patient_gateway
    gateway.simulator.default = Scenario(withhold=True)
    team = await gateway.new_team(Limits(concurrent_images=1))
    key, other = await gateway.new_key(team), await gateway.new_key(team)
    async with gateway.http(other) as client:
        first = asyncio.create_task(client.post(ROUTE, json=BOAT))
        await gateway.simulator.waiting(1)
        waiting = {"Authorization": f"Bearer {key}"}
        second = asyncio.create_task(client.post(ROUTE, json=BOAT, headers=waiting))
        await until(lambda: queued(gateway, team.id, 1))
        await client.post(f"/admin/v1/teams/{team.name}/keys/{key.split('-')[3]}/revoke", headers=ADMIN)
        refused = await second
        left = await queued(gateway, team.id, 0)
        gateway.simulator.release()
        await first

    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "revoked_api_key")
    assert left


@pytest.mark.parametrize("body", [BOAT, BOAT | {"size": "odd"}], ids=["good", "bad"])
async def test_a_quote_for_a_revoked_key_is_refused_at_once(gateway: Gateway, body: dict[str, Any]) -> None:
    """The route admits nothing, so it never judges by what it remembers of a key."""
    team = await gateway.new_team()
    key = await gateway.new_key(team)
    async with gateway.http(key) as client:
        await client.post("/v1/images/quote", json=body)
        await gateway.services.accounts.revoke_key(team.id, key.split("-")[3])
        answer = await client.post("/v1/images/quote", json=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "revoked_api_key")


async def test_who_waits_when_the_gateway_stops_is_told_to_come_back(patient_gateway: Gateway) -> None:
    """Nothing is bought for it that the stopping gateway could not wait for; what is under way is finished."""
    gateway = patient_gateway
    gateway.simulator.default = Scenario(withhold=True)
    team = await gateway.new_team(Limits(concurrent_images=1))
    key = await gateway.new_key(team)
    async with gateway.http(key) as client:
        first = asyncio.create_task(client.post(ROUTE, json=BOAT))
        await gateway.simulator.waiting(1)
        second = asyncio.create_task(client.post(ROUTE, json=BOAT))
        await until(lambda: queued(gateway, team.id, 1))
        gateway.services.turnstile.close()
        refused = await second
        gateway.simulator.release()
        answer = await first

    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "overloaded")
    assert refused.headers["retry-after"] == "2"
    assert answer.status_code == 200
    assert gateway.simulator.exchanges == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"prompt": "x", "size": "odd"}, 400),
        ({"prompt": "x", "model": "nobody-s"}, 404),
        ({"prompt": "x" * 2_000_000}, 413),
    ],
    ids=["bad size", "no such model", "too large"],
)
async def test_refusals_before_any_limit_tell_how_the_limits_stand(
    gateway: Gateway, body: dict[str, Any], status: int
) -> None:
    """A faulty request takes nothing, and its answer has the same headers as a good one's."""
    key = await gateway.new_key(await gateway.new_team(Limits(requests_per_minute=7, images_per_minute=3)))
    async with gateway.http(key) as client:
        answers = [await client.post(ROUTE, json=body) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [status] * 2
    for answer in answers:
        assert answer.headers["x-ratelimit-remaining-requests"] == "7"
        assert answer.headers["x-ratelimit-limit-images"] == "3"
