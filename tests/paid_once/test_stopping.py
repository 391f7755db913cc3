"""SIGTERM: what is in flight is finished, settled and delivered; a second one ends it at once, all in the books."""

import asyncio
import signal
from pathlib import Path

import httpx
import pytest

from app.simulator.scenario import Scenario
from app.simulator.server import Simulator
from tests.faults.accounting import BOAT, GENERATIONS, accounting, billed, quoted, replica
from tests.paid_once.pickup import kept_answer
from tests.paid_once.processes import ask, expect_in_books, refuses_connections, sharing
from tests.support.process import command
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

pytestmark = pytest.mark.slow

IN_FLIGHT = 100
STOP_SECONDS = 60
"""For a process on a busy machine to end after its last request."""


async def test_everything_in_flight_is_delivered_and_settled(
    own_redis: RedisServer, simulator: Simulator, tmp_path: Path
) -> None:
    """SIGTERM with 100 in flight, whose pictures come after it: 100 delivered, 100 settled, exit 0, no newcomer."""
    simulator.default = Scenario(withhold=True)
    (given,) = sharing(tmp_path, simulator, own_redis.url, "one")
    async with accounting(own_redis.url) as books, replica(given) as (process, client):
        team = await books.new_team()
        asked = ask(client, await books.new_key(team), IN_FLIGHT)
        await simulator.waiting(IN_FLIGHT, timeout_seconds=60)
        process.send_signal(signal.SIGTERM)
        await until(lambda: refuses_connections(given), STOP_SECONDS)
        held_meanwhile = (await books.usage.standing(team.id)).held
        simulator.release()
        answers = await asyncio.gather(*asked)
        ended = await asyncio.wait_for(process.wait(), STOP_SECONDS)
        await expect_in_books(books, team, ["delivered"] * IN_FLIGHT)
        spent = await books.spent(team)

    assert held_meanwhile
    assert [answer.status_code for answer in answers] == [200] * IN_FLIGHT
    assert len({answer.json()["data"][0]["b64_json"] for answer in answers}) == IN_FLIGHT
    assert ended == 0
    assert spent == billed(simulator)


async def test_what_nobody_waits_for_is_finished_too(
    own_redis: RedisServer, simulator: Simulator, tmp_path: Path
) -> None:
    """Requests that were left or are to be fetched later are in flight as well: kept before the process ends."""
    simulator.default = Scenario(withhold=True)
    stopped, other = sharing(tmp_path, simulator, own_redis.url, "one", "two")
    async with accounting(own_redis.url) as books, replica(other) as (_, elsewhere):
        team = await books.new_team()
        key = await books.new_key(team)
        async with replica(stopped) as (process, client):
            later = await client.post(GENERATIONS, json=BOAT, headers=key | {"Prefer": "respond-async"})
            left = ask(client, key, 1)[0]
            await simulator.waiting(2)
            left.cancel()
            await asyncio.wait([left])
            process.send_signal(signal.SIGTERM)
            await until(lambda: refuses_connections(stopped), STOP_SECONDS)
            simulator.release()
            ended = await asyncio.wait_for(process.wait(), STOP_SECONDS)
        elsewhere.headers.update(key)
        listed = (await elsewhere.get("/v1/images/requests")).json()["data"]
        kept = [await kept_answer(elsewhere, request["id"]) for request in listed]
        await expect_in_books(books, team, ["delivered"] * 2)

    assert ended == 0
    assert later.headers["x-request-id"] in {request["id"] for request in listed}
    assert len({answer.json()["data"][0]["b64_json"] for answer in kept}) == 2
    assert simulator.exchanges == 2


async def test_who_was_joined_is_in_flight_too(own_redis: RedisServer, simulator: Simulator, tmp_path: Path) -> None:
    """A retry and a repeated Idempotency-Key that wait for what is being made get it, as those who asked first do."""
    simulator.default = Scenario(withhold=True)
    (given,) = sharing(tmp_path, simulator, own_redis.url, "one")
    named = {"Idempotency-Key": "order-17"}
    async with accounting(own_redis.url) as books, replica(given) as (process, client):
        team = await books.new_team()
        key = await books.new_key(team)
        left, first = ask(client, key, 1) + ask(client, key | named, 1)
        await simulator.waiting(2)
        left.cancel()
        await asyncio.wait([left])
        joined = ask(client, key | {"x-stainless-retry-count": "1"}, 1) + ask(client, key | named, 1)
        await until(lambda: _carries(client, 4), STOP_SECONDS)
        process.send_signal(signal.SIGTERM)
        await until(lambda: refuses_connections(given), STOP_SECONDS)
        sent_away, _ = await asyncio.wait([first, *joined], timeout=1)
        simulator.release()
        answers = await asyncio.gather(first, *joined)
        ended = await asyncio.wait_for(process.wait(), STOP_SECONDS)
        await expect_in_books(books, team, ["delivered"] * 2)

    assert [answer.status_code for answer in answers] == [200] * 3, answers[-1].text[:200]
    assert sent_away == set()
    assert ended == 0
    assert simulator.exchanges == 2


async def test_the_rest_is_settled_when_the_time_is_over(
    own_redis: RedisServer, simulator: Simulator, tmp_path: Path
) -> None:
    """What is not finished in IMAGEGATE_DRAIN_SECONDS is charged at the quote as unknown; the exit is as clean."""
    simulator.default = Scenario(withhold=True)
    (given,) = sharing(tmp_path, simulator, own_redis.url, "one", IMAGEGATE_DRAIN_SECONDS="1")
    async with accounting(own_redis.url) as books, replica(given) as (process, client):
        team = await books.new_team()
        asked = ask(client, await books.new_key(team), 5)
        await simulator.waiting(5)
        process.send_signal(signal.SIGTERM)
        ended = await asyncio.wait_for(process.wait(), STOP_SECONDS)
        await asyncio.wait(asked)
        await expect_in_books(books, team, ["unknown"] * 5)
        spent = await books.spent(team)

    assert ended == 0
    assert spent == 5 * quoted(BOAT)


async def test_a_second_signal_ends_it_at_once(own_redis: RedisServer, simulator: Simulator, tmp_path: Path) -> None:
    """Two SIGTERMs, 20 in flight: it ends although no picture came, and all are in the books, which add up."""
    simulator.default = Scenario(withhold=True)
    (given,) = sharing(tmp_path, simulator, own_redis.url, "one")
    async with accounting(own_redis.url) as books:
        team = await books.new_team()
        key = await books.new_key(team)
        async with replica(given) as (process, client):
            asked = ask(client, key, 20)
            await simulator.waiting(20)
            process.send_signal(signal.SIGTERM)
            await until(lambda: refuses_connections(given), STOP_SECONDS)
            process.send_signal(signal.SIGTERM)
            ended = await asyncio.wait_for(process.wait(), STOP_SECONDS)
            await asyncio.wait(asked)
        assert simulator.in_flight == 20
        async with replica(given):
            await expect_in_books(books, team, ["unknown"] * 20)
            verified = await command(given, "ledger", "verify")

    assert ended == 0
    assert "20 entries, 0 differences" in verified
    assert simulator.exchanges == 20


async def test_it_ends_while_redis_is_away(own_redis: RedisServer, simulator: Simulator, tmp_path: Path) -> None:
    """Redis freezes before the second signal: what cannot be settled is journalled, and settled by the next start."""
    simulator.default = Scenario(withhold=True)
    (given,) = sharing(tmp_path, simulator, own_redis.url, "one", IMAGEGATE_REDIS_TIMEOUT_SECONDS="1")
    async with accounting(own_redis.url) as books:
        team = await books.new_team()
        key = await books.new_key(team)
        async with replica(given) as (process, client):
            asked = ask(client, key, 5)
            await simulator.waiting(5)
            own_redis.pause()
            try:
                process.send_signal(signal.SIGTERM)
                await until(lambda: refuses_connections(given), STOP_SECONDS)
                process.send_signal(signal.SIGTERM)
                ended = await asyncio.wait_for(process.wait(), STOP_SECONDS)
            finally:
                own_redis.resume()
            await asyncio.wait(asked)
        async with replica(given):
            await expect_in_books(books, team, ["unknown"] * 5)

    assert ended == 0
    assert simulator.exchanges == 5


async def _carries(client: httpx.AsyncClient, number: int) -> bool:
    """Whether the gateway says that so many image requests are under way."""
    return f"imagegate_in_flight_requests {number:.1f}\n" in (await client.get("/metrics")).text
