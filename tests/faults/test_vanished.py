"""A gateway that is gone for a minute and then is not: its holds are resolved by another, and its late truth counts."""

import asyncio
import signal
from pathlib import Path

import httpx
import pytest

from app.simulator.scenario import Scenario
from app.simulator.server import Simulator
from tests.faults.accounting import BOAT, GENERATIONS, WITHIN_SECONDS, accounting, billed, quoted, replica
from tests.support.process import environment
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

IN_FLIGHT = 20


@pytest.mark.slow
async def test_a_late_truth_corrects_what_was_charged_for_a_silent_gateway(
    own_redis: RedisServer, simulator: Simulator, tmp_path: Path
) -> None:
    """SIGSTOP of a gateway: the other one charges its holds at the quote. SIGCONT: it delivers, at the true cost."""
    simulator.default = Scenario(withhold=True)
    one, two = (environment(tmp_path / name, simulator, IMAGEGATE_REDIS_URL=own_redis.url) for name in ("one", "two"))
    async with accounting(own_redis.url) as books, replica(one) as (process, client), replica(two):
        team = await books.new_team()
        key = await books.new_key(team)
        asked = [
            asyncio.create_task(client.post(GENERATIONS, json=BOAT, headers=key, timeout=httpx.Timeout(180)))
            for _ in range(IN_FLIGHT)
        ]
        await simulator.waiting(IN_FLIGHT)
        process.send_signal(signal.SIGSTOP)
        try:
            expired = await books.resolved(team, IN_FLIGHT, WITHIN_SECONDS)
            charged, held = await books.spent(team), (await books.usage.standing(team.id)).held
        finally:
            process.send_signal(signal.SIGCONT)
        simulator.release()
        answers = await asyncio.gather(*asked)

        async def corrected() -> bool:
            return await books.spent(team) == billed(simulator)

        await until(corrected)
        entries = await books.entries(team)
        differences = await books.differences(team)

    assert [(entry.outcome, entry.cost) for entry in expired] == [("unknown", quoted(BOAT))] * IN_FLIGHT
    assert (charged, held) == (IN_FLIGHT * quoted(BOAT), {})
    assert {answer.status_code for answer in answers} == {200}
    corrections = [entry for entry in entries if entry.kind == "correction"]
    assert {entry.request for entry in corrections} == {answer.headers["x-request-id"] for answer in answers}
    assert len(entries) == 2 * IN_FLIGHT
    assert {(entry.outcome, entry.images) for entry in corrections} == {("delivered", 1)}
    assert differences == []
