"""Requests under an Idempotency-Key: who buys where the first of them bought nothing, and what is given again."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from app.accounts.models import KeyOptions
from app.simulator.scenario import Content, Scenario
from app.simulator.server import Simulator
from tests.flows.retrying import LATER, NAMED, calling, pictures, retry
from tests.support.gateway import Gateway, running_gateway

HELD_BACK = Scenario(withhold=True)
NO_CHANNEL = Scenario(withhold=True, status=503, code="model_not_found")
"""A refusal of which nothing can have been made."""
SEVERAL: dict[str, Any] = {"model": "qwen-image", "n": 2, "size": None, "quality": None}


@pytest.mark.parametrize("number", [1, 3])
async def test_one_of_those_who_wait_for_what_came_to_nothing_buys(
    redis_url: str, tmp_path: Path, simulator: Simulator, number: int
) -> None:
    """The first is refused where nothing can have been made: one of the others buys, and the rest have its answer."""
    simulator.next(NO_CHANNEL)
    async with (
        running_gateway(redis_url, tmp_path, simulator, upstream_retries=0) as gateway,
        calling(gateway) as caller,
    ):
        first = caller.asking(NAMED)
        await simulator.waiting(1)
        others = [caller.asking(NAMED) for _ in range(number)]
        await caller.are_under_way(1 + number)
        simulator.release()
        answers = await asyncio.gather(*others)

        assert (await first).status_code == 503
        assert "x-should-retry" not in (await first).headers
        assert len(set(pictures(*answers))) == 1
        assert len([answer for answer in answers if "idempotent-replayed" in answer.headers]) == number - 1
        assert simulator.exchanges == 2
        assert await caller.spent(1) == ["delivered"]


async def test_without_a_store_a_replay_is_410(redis_url: str, tmp_path: Path, simulator: Simulator) -> None:
    """Nothing is kept, so nothing can be given again, in flight or after; and nothing is bought again."""
    simulator.default = HELD_BACK
    async with running_gateway(redis_url, tmp_path, simulator, result_seconds=0) as gateway, calling(gateway) as caller:
        first = caller.asking(NAMED)
        await simulator.waiting(1)
        joined = caller.asking(NAMED)
        await caller.are_under_way(2)
        simulator.release()
        answers = [await joined, await caller.ask(NAMED), await caller.ask(NAMED | retry(1))]

        assert len(pictures(await first)) == 1
        told = [(a.status_code, a.json()["error"]["code"], a.headers["x-should-retry"]) for a in answers]
        assert told == [(410, "result_expired", "false")] * 3
        assert simulator.exchanges == 1
        assert await caller.spent(1) == ["delivered"]


async def test_without_a_store_nothing_is_fetched_later(redis_url: str, tmp_path: Path, simulator: Simulator) -> None:
    """The preference is passed over, as RFC 7240 allows: the answer comes at once, and no header says otherwise."""
    async with running_gateway(redis_url, tmp_path, simulator, result_seconds=0) as gateway, calling(gateway) as caller:
        answer = await caller.ask(LATER)
        assert len(pictures(answer)) == 1
        assert not {"location", "preference-applied"} & set(answer.headers)


@pytest.mark.parametrize(
    ("scenario", "status"),
    [(Scenario(code="moderation_blocked"), 400), (Scenario(content=Content.HTML), 504)],
    ids=["refused", "unknown"],
)
async def test_an_error_is_told_again(gateway: Gateway, scenario: Scenario, status: int) -> None:
    """What ended after dispatch has one end: the same error whenever it is asked again, and no second exchange."""
    gateway.simulator.next(scenario)
    async with calling(gateway) as caller:
        answers = [await caller.ask(NAMED) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [status] * 3
        assert answers[0].json() == answers[1].json() == answers[2].json()
        assert [answer.headers.get("x-should-retry") for answer in answers[1:]] == ["false"] * 2
        assert gateway.simulator.exchanges == 1


@pytest.mark.parametrize(
    "body",
    [{}, {"response_format": "url"}, {"stream": True, "partial_images": 1}, {"n": 2}, SEVERAL],
    ids=["base64", "links", "events", "two", "fan-out"],
)
async def test_an_answer_is_kept_as_it_was_given(open_gateway: Gateway, body: dict[str, Any]) -> None:
    """To the byte, whatever it was made of; the links in it still lead to the pictures."""
    async with calling(open_gateway, options=KeyOptions(fan_out=True)) as caller:
        first = await caller.ask(NAMED, **body)
        again = await caller.ask(NAMED, **body)
        assert (first.status_code, again.status_code) == (200, 200)
        comments = b": keepalive\n\n"
        assert again.content.replace(comments, b"") == first.content.replace(comments, b"")
        assert again.headers["content-type"] == first.headers["content-type"]
        assert again.headers["x-imagegate-request"] == first.headers["x-request-id"]
        if body.get("response_format") == "url":
            (item,) = again.json()["data"]
            assert (await caller.http.get(item["url"])).status_code == 200


async def test_a_mismatch_is_told_with_the_word_to_stop(gateway: Gateway) -> None:
    """409, whatever else the request wants: an answer later, a heartbeat, to be a retry."""
    async with calling(gateway) as caller:
        await caller.ask(NAMED)
        for headers in ({}, LATER, retry(1), {"x-imagegate-heartbeat": "1"}):
            refused = await caller.ask(NAMED | headers, prompt="a paper ship")
            assert (refused.status_code, refused.headers["x-should-retry"]) == (409, "false")
            assert refused.json()["error"]["code"] == "idempotency_key_reused"
            assert "location" not in refused.headers
        assert gateway.simulator.exchanges == 1
