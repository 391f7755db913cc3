"""Two gateways share budgets to the last quote, on one Redis and on a cluster whose slots are moving."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from threading import Event

import httpx
import pytest

from app.accounts.credentials import new_id
from app.accounts.models import Budget, Limits, Team
from app.money import Money
from app.simulator.scenario import Scenario
from app.simulator.server import Simulator
from tests.faults.accounting import BOAT, GENERATIONS, Accounting, accounting, billed, quoted, replica
from tests.support.process import command, environment
from tests.support.redis_cluster import RedisCluster
from tests.support.redis_server import RedisServer

FIT = 137
"""Requests that the budgets of all teams together have room for."""
ASKED = 500
PATIENT = {"IMAGEGATE_REDIS_TIMEOUT_SECONDS": "20"}
"""A busy machine, or a slot on its way, is no reason to refuse."""


@pytest.mark.slow
async def test_two_gateways_admit_exactly_what_the_budget_covers(
    own_redis: RedisServer, simulator: Simulator, tmp_path: Path
) -> None:
    """A budget of 137 quotes, 500 requests at once, none answered before all are decided: 137 delivered, no more."""
    async with accounting(own_redis.url) as books:
        await _expect_exactness(own_redis.url, books, [await books.new_team(_room_for(FIT))], simulator, tmp_path)


@pytest.mark.slow
async def test_so_they_do_while_a_slot_of_a_cluster_moves(simulator: Simulator, tmp_path: Path) -> None:
    """The same over teams on each of three masters, one of which is being moved to and fro all the while."""
    with RedisCluster() as cluster:
        async with accounting(cluster.url) as books:
            teams = await _teams_on_all_masters(books, cluster)
            over = Event()
            moving = asyncio.create_task(asyncio.to_thread(_move, cluster, f"{{{teams[0].id}}}", over))
            try:
                await _expect_exactness(cluster.url, books, teams, simulator, tmp_path)
            finally:
                over.set()
                moves = await moving
    print(f"the slot moved {moves} times")
    assert moves > 1


async def _expect_exactness(
    url: str, books: Accounting, teams: Sequence[Team], simulator: Simulator, folder: Path
) -> None:
    simulator.default = Scenario(withhold=True)
    one, two = (environment(folder / name, simulator, IMAGEGATE_REDIS_URL=url, **PATIENT) for name in ("one", "two"))
    keys = [await books.new_key(team) for team in teams]
    async with replica(one) as (_, left), replica(two) as (_, right):
        asked = {
            asyncio.create_task(
                (left, right)[number % 2].post(GENERATIONS, json=BOAT, headers=keys[number % len(keys)])
            )
            for number in range(ASKED)
        }
        await simulator.waiting(FIT, timeout_seconds=60)
        while len(refused := {task for task in asked if task.done()}) < ASKED - FIT:
            await asyncio.wait(asked - refused, return_when=asyncio.FIRST_COMPLETED)
        simulator.release()
        answers = await asyncio.gather(*asked)
        verified = await command(one, "ledger", "verify")

    assert sorted(answer.status_code for answer in answers) == [200] * FIT + [429] * (ASKED - FIT)
    assert {_code(answer) for answer in answers if answer.status_code == 429} == {"insufficient_quota"}
    assert simulator.pictures == FIT
    assert sum([await books.spent(team) for team in teams]) == billed(simulator) < FIT * quoted(BOAT)
    assert verified.count(", 0 differences") == len(teams)
    for team in teams:
        entries = await books.entries(team)
        budget = team.limits.budget
        assert budget is not None
        assert [entry.outcome for entry in entries] == ["delivered"] * (budget.limit // quoted(BOAT))
        assert (await books.usage.standing(team.id)).held == {}


def _room_for(requests: int) -> Limits:
    return Limits(budget=Budget(Money(requests * quoted(BOAT))))


async def _teams_on_all_masters(books: Accounting, cluster: RedisCluster) -> list[Team]:
    """A team on each master; their budgets together have room for what fits."""
    homes: dict[int, str] = {}
    while len(homes) < len(cluster.masters):
        team_id = new_id()
        homes.setdefault(cluster.master_of(f"{{{team_id}}}").port, team_id)
    share, rest = divmod(FIT, len(homes))
    return [
        await books.new_team(_room_for(share + (number < rest)), home) for number, home in enumerate(homes.values())
    ]


def _move(cluster: RedisCluster, tag: str, over: Event) -> int:
    """Move a slot from master to master until it is over; how often."""
    moves = 0
    while not over.is_set():
        cluster.migrate(tag, cluster.other_than(cluster.master_of(tag)))
        moves += 1
    return moves


def _code(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"])
