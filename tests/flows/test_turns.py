"""Requests that wait for their turn, or find no room: who gives up there, who joined them, who comes back later."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from app.accounts.models import Budget, Limits
from app.money import Money
from app.simulator.scenario import Scenario
from app.simulator.server import Simulator
from tests.flows.retrying import LATER, NAMED, calling, pictures, retry
from tests.support.gateway import Gateway, running_gateway
from tests.support.waiting import until

HELD_BACK = Scenario(withhold=True)
ONE_SLOT = Limits(concurrent_images=1)


@pytest.fixture
async def patient(redis_url: str, tmp_path: Path, simulator: Simulator) -> AsyncIterator[Gateway]:
    """A gateway in which requests wait for their turn."""
    simulator.default = HELD_BACK
    async with running_gateway(redis_url, tmp_path, simulator, queue_seconds=60) as running:
        yield running


async def test_a_retry_of_who_gave_up_in_the_queue_buys(patient: Gateway) -> None:
    """It had bought nothing, so what a neighbour waits for is not its own."""
    simulator = patient.simulator
    async with calling(patient, ONE_SLOT) as caller:
        neighbour = caller.asking()
        await simulator.waiting(1)
        early = caller.asking()
        await caller.see("waiting")
        early.cancel()
        await asyncio.gather(early, return_exceptions=True)
        await caller.see("failed")
        again = caller.asking(retry(1))

        async def it_waits_or_has_joined() -> bool:
            return (await caller.listed())[0]["status"] == "waiting" or await caller.has_claims()

        await until(it_waits_or_has_joined)
        simulator.default = Scenario()
        simulator.release()
        assert len(set(pictures(*await asyncio.gather(neighbour, again)))) == 2


async def test_who_waits_for_one_that_gives_up_in_the_queue_buys(patient: Gateway) -> None:
    """The first under the key hangs up before its turn: the one that joined it buys instead."""
    simulator = patient.simulator
    async with calling(patient, ONE_SLOT) as caller:
        neighbour = caller.asking()
        await simulator.waiting(1)
        first = caller.asking(NAMED)
        gone = await caller.see("waiting")
        joined = caller.asking(NAMED)
        await caller.are_under_way(3)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)

        async def another_waits() -> bool:
            newest = (await caller.listed())[0]
            return bool(newest["id"] != gone and newest["status"] == "waiting")

        await until(another_waits)
        simulator.default = Scenario()
        simulator.release()
        answers = await asyncio.gather(neighbour, joined)
        assert len(set(pictures(*answers))) == 2
        assert "idempotent-replayed" not in answers[1].headers
        assert await caller.spent(2) == ["delivered"] * 2


async def test_it_waits_for_its_turn_behind_a_202(patient: Gateway) -> None:
    """Told at once where to come, where it stands as waiting; then it is made."""
    async with calling(patient, ONE_SLOT) as caller:
        neighbour = caller.asking()
        await patient.simulator.waiting(1)
        taken = await caller.ask(LATER)
        state = await caller.http.get(taken.headers["location"])
        assert (taken.status_code, state.status_code, state.json()["status"]) == (202, 202, "waiting")
        patient.simulator.default = Scenario()
        patient.simulator.release()
        answer = await caller.http.get(taken.headers["location"], params={"wait": "60"})
        assert len(set(pictures(answer, await neighbour))) == 2


async def test_a_refusal_in_the_queue_is_the_state_it_comes_to(patient: Gateway) -> None:
    """The money goes meanwhile: failed, with the error that would have been told."""
    async with calling(patient, ONE_SLOT) as caller:
        neighbour = caller.asking()
        await patient.simulator.waiting(1)
        taken = await caller.ask(LATER)
        broke = Limits(concurrent_images=1, budget=Budget(Money(1)))
        await patient.services.accounts.change_team(caller.team.id, lambda team: replace(team, limits=broke))
        told = await caller.http.get(taken.headers["location"], params={"wait": "60"})
        assert told.status_code == 200
        assert (told.json()["status"], told.json()["error"]["code"]) == ("failed", "insufficient_quota")
        assert told.json()["cost"] == "0.00"
        patient.simulator.release()
        assert len(pictures(await neighbour)) == 1
        assert await caller.spent(1) == ["delivered"]


async def test_whoever_was_told_where_to_come_finds_a_picture_there(patient: Gateway) -> None:
    """A try and its retry, both told their places while they waited for their turn: neither place is an empty one."""
    async with calling(patient, ONE_SLOT) as caller:
        neighbour = caller.asking()
        await patient.simulator.waiting(1)
        places = [(await caller.ask(LATER | headers)).headers["location"] for headers in ({}, retry(1))]
        patient.simulator.default = Scenario()
        patient.simulator.release()
        assert len(pictures(await neighbour)) == 1
        for place in places:
            assert len(pictures(await caller.http.get(place, params={"wait": "60"}))) == 1
