"""A replica killed in mid-exchange: whoever comes for what it was buying is told so, and nothing is bought."""

import asyncio
from pathlib import Path

import httpx
import pytest

from app.simulator.scenario import Scenario
from app.simulator.server import Simulator
from tests.faults.accounting import BOAT, GENERATIONS, WITHIN_SECONDS, accounting, quoted, replica
from tests.paid_once.pickup import come_to, recent
from tests.paid_once.processes import expect_in_books, sharing
from tests.support.redis_server import RedisServer

ALIKE = 5
PATIENT = httpx.Timeout(3 * WITHIN_SECONDS)
TRY = {"x-stainless-lang": "python", "x-stainless-retry-count": "0"}
NAMED = {"Idempotency-Key": "order-17"}
LATER = {"Prefer": "respond-async"}


@pytest.mark.slow
async def test_nothing_of_a_killed_replica_is_bought_again(
    own_redis: RedisServer, simulator: Simulator, tmp_path: Path
) -> None:
    """Kill -9 under five first tries alike, an Idempotency-Key and one to be fetched later: all of them are unknown.

    The retries and the repeated key, already waiting at the other replica, get a stored error each within the minute
    that the lease takes, and are told to stop.
    """
    simulator.default = Scenario(withhold=True)
    killed, other = sharing(tmp_path, simulator, own_redis.url, "one", "two")
    tried, named, later = ({**BOAT, "prompt": f"a paper {thing}"} for thing in ("boat", "hat", "crane"))
    async with accounting(own_redis.url) as books, replica(other) as (_, elsewhere):
        team = await books.new_team()
        key = await books.new_key(team)
        elsewhere.headers.update(key)
        async with replica(killed) as (process, client):
            client.headers.update(key)
            asked = [
                asyncio.create_task(client.post(GENERATIONS, json=body, headers=headers))
                for body, headers in (*[(tried, TRY)] * ALIKE, (named, NAMED))
            ]
            taken = await client.post(GENERATIONS, json=later, headers=LATER)
            await simulator.waiting(ALIKE + 2)
            process.kill()
            await asyncio.wait(asked)
        joined = [
            asyncio.create_task(elsewhere.post(GENERATIONS, json=body, headers=headers, timeout=PATIENT))
            for body, headers in (*[(tried, TRY | {"x-stainless-retry-count": "1"})] * ALIKE, (named, NAMED))
        ]
        answers = await asyncio.gather(*joined)
        await come_to(elsewhere, taken.headers["x-request-id"], "unknown", WITHIN_SECONDS)
        told = await elsewhere.get(f"/v1/images/requests/{taken.headers['x-request-id']}")
        states = [request["status"] for request in await recent(elsewhere)]
        again = await elsewhere.post(GENERATIONS, json=named, headers=NAMED)
        await expect_in_books(books, team, ["unknown"] * (ALIKE + 2))
        spent = await books.spent(team)

    for answer in (*answers, again):
        assert answer.status_code in {502, 504}, answer.text
        assert answer.json()["error"]["code"] in {"upstream_outcome_unknown", "upstream_timeout"}
        assert answer.headers["x-should-retry"] == "false"
    assert told.json()["error"]["code"] == "upstream_outcome_unknown"
    assert states == ["unknown"] * (ALIKE + 2)
    assert simulator.exchanges == ALIKE + 2
    assert spent == (ALIKE + 2) * quoted(BOAT)
