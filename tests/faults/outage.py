"""What a gateway owes its clients and its books through an outage of Redis, whatever kind of outage that is."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from app.accounts.models import Team
from app.simulator.scenario import Scenario
from app.simulator.server import Simulator
from tests.faults.accounting import BOAT, GENERATIONS, Accounting, accounting, billed, replica
from tests.support.process import environment
from tests.support.waiting import until

IN_FLIGHT = 200
COMERS = 20
"""Clients that ask again and again all the while, so that every step of a request is under way when Redis breaks."""
PACE_SECONDS = 0.5
"""They take a breath when they are refused."""
TIMEOUT = "5"
"""What 200 admissions at once may take on a busy machine that syncs each write."""
PATIENCE_SECONDS = 30
"""Of a client: whoever gets no answer by then fails the test."""

Outage = Callable[[Team], Coroutine[Any, Any, None]]
"""Breaks the Redis that a team lives on, and mends it or has somebody take its place."""


async def through(outage: Outage, redis_url: str, simulator: Simulator, folder: Path) -> None:
    """Have 200 requests in flight and others on their way in, break Redis, and look at answers and books afterwards."""
    given = environment(folder, simulator, IMAGEGATE_REDIS_URL=redis_url, IMAGEGATE_REDIS_TIMEOUT_SECONDS=TIMEOUT)
    answers: list[httpx.Response] = []
    async with accounting(redis_url) as books, replica(given) as (_, client):
        team = await books.new_team()
        key = await books.new_key(team)

        async def ask() -> httpx.Response:
            answer = await client.post(GENERATIONS, json=BOAT, headers=key, timeout=PATIENCE_SECONDS)
            answers.append(answer)
            return answer

        async def come_and_go() -> None:
            while not over.is_set():
                if (await ask()).status_code != 200:
                    await asyncio.sleep(PACE_SECONDS)

        simulator.default = Scenario(withhold=True)
        flying = [asyncio.create_task(ask()) for _ in range(IN_FLIGHT)]
        await simulator.waiting(IN_FLIGHT, timeout_seconds=60)
        simulator.default = Scenario()
        over = asyncio.Event()
        coming = [asyncio.create_task(come_and_go()) for _ in range(COMERS)]
        await simulator.logbook.until(lambda: simulator.exchanges > IN_FLIGHT + COMERS)
        during = asyncio.create_task(outage(team))
        while simulator.logbook.held:  # some of them land while Redis is away, some when it is back
            simulator.release(IN_FLIGHT // 20)
            await asyncio.wait(flying, return_when=asyncio.FIRST_COMPLETED, timeout=PACE_SECONDS)
        paid = await asyncio.gather(*flying)
        await during
        over.set()
        await asyncio.gather(*coming)

        async def serves() -> bool:
            return (await ask()).status_code == 200

        await until(serves, seconds=30)
        assert {answer.status_code for answer in paid} == {200}, "what was paid for is handed over"
        async with accounting(redis_url) as afterwards:  # the other hand in the books still reaches for the old server
            await _expect(afterwards, team, answers, simulator)


async def _expect(books: Accounting, team: Team, answers: list[httpx.Response], simulator: Simulator) -> None:
    """Every picture is in the ledger once, nothing else is charged, nothing is held."""

    async def true() -> bool:
        return await books.spent(team) == billed(simulator)

    await books.nothing_held(team)
    with suppress(TimeoutError):  # the figures are compared below
        await until(true)  # what a failover forgot is sent again a moment later
    entries = await books.entries(team)
    delivered = Counter(entry.request for entry in entries if entry.outcome == "delivered")
    handed_over = [answer.headers["x-request-id"] for answer in answers if answer.status_code == 200]
    refused = [answer for answer in answers if answer.status_code != 200]
    print(f"{len(handed_over)} delivered, {len(refused)} refused, {simulator.pictures} pictures made")
    assert {answer.status_code for answer in refused} <= {503}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
    assert delivered == Counter(handed_over)
    assert len(handed_over) == simulator.pictures
    assert await books.spent(team) == sum(entry.cost for entry in entries) == billed(simulator)
    assert await books.differences(team) == []
