"""Retries of SDKs, joined: each gets the picture of its own first try, or its error, and nobody pays twice."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.accounts.models import Limits
from app.simulator.scenario import Content, Scenario
from app.simulator.server import Simulator
from tests.flows.retrying import BOAT, GENERATIONS, Caller, calling, pictures, retry
from tests.flows.test_edits import BOAT as BOAT_PNG
from tests.flows.test_edits import SAIL
from tests.support.gateway import Gateway, running_gateway

HELD_BACK = Scenario(withhold=True)


@pytest.fixture
async def caller(gateway: Gateway) -> AsyncIterator[Caller]:
    gateway.simulator.default = HELD_BACK
    async with calling(gateway) as opened:
        yield opened


async def test_ten_that_leave_and_try_again_have_ten_pictures(caller: Caller) -> None:
    """Half leave once, half twice; every retry gets a picture that nobody else gets, and ten are paid."""
    simulator = caller.gateway.simulator
    first = [caller.asking() for _ in range(10)]
    await simulator.waiting(10)
    await caller.hang_up(*first)
    second = [caller.asking(retry(1)) for _ in range(10)]
    await caller.has_joined(10)
    await caller.hang_up(*second[:5])
    third = [caller.asking(retry(2)) for _ in range(5)]
    await caller.has_joined(15)
    simulator.release()
    answers = await asyncio.gather(*second[5:], *third)

    assert len(set(pictures(*answers))) == 10
    assert {answer.headers["idempotent-replayed"] for answer in answers} == {"true"}
    assert len({answer.headers["x-imagegate-request"] for answer in answers}) == 10
    assert await caller.spent(10) == ["delivered"] * 10
    assert simulator.exchanges == 10


async def test_the_retries_of_refused_ones_buy(gateway: Gateway) -> None:
    """Five of ten do not fit: none of them is ever given what its neighbours wait for, and ten are paid in the end."""
    gateway.simulator.default = HELD_BACK
    async with calling(gateway, Limits(concurrent_images=5)) as caller:
        first = [caller.asking() for _ in range(10)]
        await gateway.simulator.waiting(5)
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        while len(refused := [task for task in first if task.done()]) < 5:
            await asyncio.wait([task for task in first if not task.done()], return_when=asyncio.FIRST_COMPLETED)
        again = [await caller.ask(retry(1)) for _ in refused]
        gateway.simulator.default = Scenario()
        gateway.simulator.release()
        made = await asyncio.gather(*(task for task in first if task not in refused))
        bought = [await caller.ask(retry(2)) for _ in again]

        assert [task.result().status_code for task in refused] == [429] * 5
        assert [answer.status_code for answer in again] == [429] * 5
        assert len(set(pictures(*made, *bought))) == 10
        assert await caller.spent(10) == ["delivered"] * 10


@pytest.mark.parametrize(
    ("scenario", "status", "charged"),
    [
        (Scenario(withhold=True, code="moderation_blocked"), 400, []),
        (Scenario(withhold=True, status=502, code="bad_response"), 502, []),
        (Scenario(withhold=True, content=Content.HTML), 504, ["unknown"]),
    ],
    ids=["refused", "failed", "unknown"],
)
async def test_a_failure_is_told_to_the_retry(
    caller: Caller, scenario: Scenario, status: int, charged: list[str]
) -> None:
    """The stored error with its true status, and the word to stop; while it waits, and when it comes behind."""
    caller.gateway.simulator.default = scenario
    first = caller.asking()
    await caller.gateway.simulator.waiting(1)
    await caller.hang_up(first)
    early = caller.asking(retry(1))
    await caller.has_joined(1)
    caller.gateway.simulator.release()
    told = [await early, await caller.ask(retry(2))]

    assert [answer.status_code for answer in told] == [status] * 2
    assert [answer.headers["x-should-retry"] for answer in told] == ["false"] * 2
    assert told[0].json() == told[1].json()
    assert caller.gateway.simulator.exchanges == 1
    assert await caller.charged() == charged


async def test_a_failure_that_was_told_to_a_retry_is_told_for_good(caller: Caller) -> None:
    """It is claimed no sooner and no longer than one that was told to its own client."""
    caller.gateway.simulator.default = Scenario(withhold=True, content=Content.HTML)
    first = caller.asking()
    await caller.gateway.simulator.waiting(1)
    await caller.hang_up(first)
    early = caller.asking(retry(1))
    await caller.has_joined(1)
    caller.gateway.simulator.release()
    assert (await early).status_code == 504
    assert [told for _, _, told, _ in await caller.claimable()] == ["1"]


async def test_a_stream_is_joined(open_gateway: Gateway) -> None:
    """Comments while it waits, then all events as they would have come first, and their end."""
    simulator = open_gateway.simulator
    simulator.default = HELD_BACK
    body: dict[str, Any] = {"stream": True, "partial_images": 2}
    async with calling(open_gateway) as caller:
        first = caller.asking(**body)
        await simulator.waiting(1)
        await caller.hang_up(first)
        headers = retry(1)
        async with caller.http.stream("POST", GENERATIONS, json=BOAT | body, headers=headers) as answer:
            pieces = answer.aiter_raw()
            early = await anext(pieces)
            simulator.release()
            whole = early + b"".join([piece async for piece in pieces])
        (bought,) = (await caller.http.get("/v1/images/requests")).json()["data"]
        kept = await caller.http.get(f"/v1/images/requests/{bought['id']}")

        assert answer.headers["content-type"] == kept.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert early.replace(b": keepalive\n\n", b"") == b""
        assert whole.replace(b": keepalive\n\n", b"") == kept.content.replace(b": keepalive\n\n", b"")
        assert whole.count(b"event: image_generation.partial_image") == 2
        assert whole.endswith(b"\n\n")
        assert await caller.spent(1) == ["delivered"]


async def test_an_edit_is_known_by_what_its_files_hold(caller: Caller) -> None:
    """The same bytes under another name are the same purchase; other bytes are not."""

    async def edit(name: str, picture: bytes, count: int) -> int:
        files = {"image": (name, picture, "image/png")}
        return (await caller.http.post("/v1/images/edits", data=BOAT, files=files, headers=retry(count))).status_code

    simulator = caller.gateway.simulator
    first = asyncio.create_task(edit("boat.png", BOAT_PNG, 0))
    await simulator.waiting(1)
    others = [asyncio.create_task(edit(name, data, 1)) for name, data in (("ship", BOAT_PNG), ("boat.png", SAIL))]
    await simulator.waiting(2)
    await caller.has_joined(1)
    simulator.release()
    assert await asyncio.gather(first, *others) == [200] * 3
    assert simulator.exchanges == 2


@pytest.mark.parametrize("setting", [{"join_retries": False}, {"result_seconds": 0}], ids=["off", "nothing is kept"])
async def test_retries_buy_where_they_are_not_joined(
    redis_url: str, tmp_path: Path, simulator: Simulator, setting: dict[str, bool]
) -> None:
    """So the operator has chosen, or there is nothing to give them."""
    simulator.default = HELD_BACK
    async with running_gateway(redis_url, tmp_path, simulator, **setting) as gateway, calling(gateway) as caller:
        asked = [caller.asking(retry(count)) for count in range(3)]
        await simulator.waiting(3)
        simulator.release()
        assert len(set(pictures(*await asyncio.gather(*asked)))) == 3
        assert await caller.spent(3) == ["delivered"] * 3
