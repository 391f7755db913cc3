"""An Idempotency-Key stands for one purchase, at whichever of two gateways it is sent again."""

import asyncio

from app.simulator.scenario import Scenario
from tests.faults.accounting import BOAT, GENERATIONS
from tests.paid_once.impatient import charges, connected
from tests.paid_once.pickup import REQUESTS, kept_answer
from tests.support.gateway import Gateway

Replicas = tuple[Gateway, Gateway]
NAMED = {"Idempotency-Key": "order-17"}


async def test_one_key_at_both_replicas_is_one_purchase(replicas: Replicas) -> None:
    """The same Idempotency-Key and body at both at once: one picture, both have it, and one is told that it is old."""
    one, two = replicas
    one.simulator.default = Scenario(withhold=True)
    team = await one.new_team()
    key = await one.new_key(team)
    async with one.http(key) as client, two.http(key) as other:
        both = [asyncio.create_task(each.post(GENERATIONS, json=BOAT, headers=NAMED)) for each in (client, other)]
        await one.simulator.waiting(1)
        await connected(one, 1)
        await connected(two, 1)
        one.simulator.release()
        answers = await asyncio.gather(*both)
        later = await other.post(GENERATIONS, json=BOAT, headers=NAMED)

    assert [answer.status_code for answer in (*answers, later)] == [200] * 3
    assert answers[0].content == answers[1].content == later.content
    replayed = [answer.headers.get("idempotent-replayed") for answer in answers]
    assert sorted(replayed, key=str) == [None, "true"]
    assert later.headers["idempotent-replayed"] == "true"
    assert one.simulator.exchanges == 1
    assert await charges(one, team, 1) == ["delivered"]


async def test_one_key_is_not_for_two_bodies(replicas: Replicas) -> None:
    """Another body under the same Idempotency-Key is refused by either gateway, in flight and after."""
    one, two = replicas
    one.simulator.default = Scenario(withhold=True)
    team = await one.new_team()
    key = await one.new_key(team)
    other_body = BOAT | {"prompt": "a paper ship"}
    async with one.http(key) as client, two.http(key) as other:
        first = asyncio.create_task(client.post(GENERATIONS, json=BOAT, headers=NAMED))
        await one.simulator.waiting(1)
        refused = [await each.post(GENERATIONS, json=other_body, headers=NAMED) for each in (client, other)]
        one.simulator.release()
        await first
        refused += [await each.post(GENERATIONS, json=other_body, headers=NAMED) for each in (client, other)]

    assert [(answer.status_code, answer.headers["x-should-retry"]) for answer in refused] == [(409, "false")] * 4
    assert one.simulator.exchanges == 1
    assert await charges(one, team, 1) == ["delivered"]


async def test_a_forgotten_picture_is_never_bought_again(replicas: Replicas) -> None:
    """After DELETE at one gateway, the same Idempotency-Key at either is answered 410, and nothing is bought."""
    one, two = replicas
    team = await one.new_team()
    key = await one.new_key(team)
    async with one.http(key) as client, two.http(key) as other:
        first = await client.post(GENERATIONS, json=BOAT, headers=NAMED)
        request_id = first.headers["x-request-id"]
        await kept_answer(other, request_id)
        await other.delete(f"{REQUESTS}/{request_id}")
        again = [await each.post(GENERATIONS, json=BOAT, headers=NAMED) for each in (client, other)]

    assert [(answer.status_code, answer.json()["error"]["code"]) for answer in again] == [(410, "result_expired")] * 2
    assert [answer.headers.get("x-should-retry") for answer in again] != ["true"] * 2
    assert one.simulator.exchanges == 1
    assert await charges(one, team, 1) == ["delivered"]


async def test_what_was_refused_before_it_was_bought_may_run_again(replicas: Replicas) -> None:
    """An Idempotency-Key whose request the upstream never took stands for nothing yet: the next one buys."""
    one, two = replicas
    team = await one.new_team()
    key = await one.new_key(team, models=("gpt-image-2",))
    async with one.http(key) as client, two.http(key) as other:
        refused = await client.post(GENERATIONS, json=BOAT | {"size": "7x7"}, headers=NAMED)
        made = await other.post(GENERATIONS, json=BOAT, headers=NAMED)

    assert (refused.status_code, made.status_code) == (400, 200)
    assert "idempotent-replayed" not in made.headers
    assert await charges(one, team, 1) == ["delivered"]
