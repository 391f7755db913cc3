"""n > 1 of a model that makes one picture at a time: several exchanges under one reservation."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest

from app.accounts.models import Budget, KeyOptions, Limits
from app.money import parse_dollars
from app.simulator.scenario import Fault, Scenario
from app.simulator.server import Simulator
from tests.support.gateway import Gateway, running_gateway

FOUR: dict[str, Any] = {"model": "qwen-image", "prompt": "a paper boat", "n": 4}
PRICE = parse_dollars("0.04")
GIVE = Scenario()
REFUSE = Scenario(code="moderation_blocked")
RESET = Scenario(fault=Fault.RESET_BEFORE_HEADERS)


async def fan_out_key(gateway: Gateway) -> tuple[str, str]:
    """A team's id, and a key of it that may fan out."""
    team = await gateway.new_team()
    return team.id, await gateway.new_key(team, options=KeyOptions(fan_out=True))


async def test_it_is_off_unless_chosen(open_gateway: Gateway) -> None:
    """A key that did not choose it is told that n is too large, and nothing is sent."""
    gateway = open_gateway
    key = await gateway.new_key(await gateway.new_team())
    with pytest.raises(openai.BadRequestError) as caught:
        await gateway.sdk(key).images.generate(**FOUR)

    assert (caught.value.param, caught.value.code) == ("n", "integer_above_max_value")
    assert gateway.simulator.exchanges == 0


async def test_each_picture_is_an_exchange_and_all_are_one_entry(open_gateway: Gateway) -> None:
    """Four exchanges, four pictures in one answer, one reservation, one line in the ledger."""
    gateway = open_gateway
    team, key = await fan_out_key(gateway)
    answer = await gateway.sdk(key).images.generate(**FOUR)

    assert answer.data is not None
    assert len(answer.data) == 4
    assert all(item.b64_json or item.url for item in answer.data)
    assert gateway.simulator.exchanges == 4
    (entry,) = await gateway.entries(team)
    assert (entry.outcome, entry.images, entry.cost, entry.quote) == ("delivered", 4, 4 * PRICE, 4 * PRICE)


async def test_some_fail_and_the_others_are_delivered(open_gateway: Gateway) -> None:
    """Three of four come: they are billed and handed over, and the head says how many there are."""
    gateway = open_gateway
    gateway.simulator.next(GIVE, REFUSE, GIVE, GIVE)
    team, key = await fan_out_key(gateway)
    async with gateway.http(key) as client:
        answer = await client.post("/v1/images/generations", json=FOUR)

    assert answer.status_code == 200
    assert answer.headers["x-imagegate-delivered"] == "3/4"
    assert len(answer.json()["data"]) == 3
    (entry,) = await gateway.entries(team)
    assert (entry.outcome, entry.images, entry.cost) == ("delivered", 3, 3 * PRICE)


async def test_an_unknown_end_among_delivered_ones_is_charged(open_gateway: Gateway) -> None:
    """An exchange that broke off may have been billed: its share of the quote is charged, no picture is claimed."""
    gateway = open_gateway
    gateway.simulator.next(GIVE, GIVE, GIVE, RESET)
    team, key = await fan_out_key(gateway)
    async with gateway.http(key) as client:
        answer = await client.post("/v1/images/generations", json=FOUR)

    assert answer.headers["x-imagegate-delivered"] == "3/4"
    (entry,) = await gateway.entries(team)
    assert (entry.images, entry.cost, entry.flags) == (3, 4 * PRICE, "at_quote")


@pytest.mark.parametrize(
    ("scenarios", "cost", "retry"),
    [([REFUSE] * 4, 0, None), ([REFUSE, REFUSE, REFUSE, RESET], PRICE, "false")],
    ids=["all refused", "one unknown"],
)
async def test_all_fail(open_gateway: Gateway, scenarios: list[Scenario], cost: int, retry: str | None) -> None:
    """The caller is told of a failure, and not to try again where a picture may have been billed."""
    gateway = open_gateway
    gateway.simulator.next(*scenarios)
    team, key = await fan_out_key(gateway)
    async with gateway.http(key) as client:
        answer = await client.post("/v1/images/generations", json=FOUR)

    assert answer.status_code in (400, 502)
    assert answer.headers.get("x-should-retry") == retry
    (entry,) = await gateway.entries(team)
    assert (entry.images, entry.cost) == (0, cost)


async def test_the_whole_fan_out_is_admitted_at_once(open_gateway: Gateway) -> None:
    """A budget for three pictures admits no fan-out of four, and sends nothing."""
    gateway = open_gateway
    team = await gateway.new_team(Limits(budget=Budget(parse_dollars("0.12"))))
    key = await gateway.new_key(team, options=KeyOptions(fan_out=True))
    with pytest.raises(openai.RateLimitError) as caught:
        await gateway.sdk(key).images.generate(**FOUR)

    assert caught.value.code == "insufficient_quota"
    assert gateway.simulator.exchanges == 0


async def test_a_fan_out_can_be_streamed_and_linked(open_gateway: Gateway) -> None:
    """The collected pictures become events or links like any others."""
    gateway = open_gateway
    _, key = await fan_out_key(gateway)
    stream = await gateway.sdk(key).images.generate(**FOUR, stream=True)
    seen = [event.type async for event in stream]
    linked = await gateway.sdk(key).images.generate(**FOUR, response_format="url")

    assert seen == ["image_generation.completed"] * 4
    assert linked.data is not None
    assert len({item.url for item in linked.data}) == 4


@pytest.fixture
async def one_at_a_time(redis_url: str, tmp_path: Path, simulator: Simulator) -> AsyncIterator[Gateway]:
    """A gateway whose operator says that gpt-image-2, which streams, makes one picture at a time."""
    folder = tmp_path / "one-at-a-time"
    folder.mkdir()
    (folder / "own.toml").write_text(
        'extends = "gpt-image-2"\nfan_out = true\n'
        '[parameters.n]\ntype = "integer"\nmin = 1\nmax = 1\ndefault = 1\nsource = "the tests"\n'
    )
    async with running_gateway(redis_url, tmp_path, simulator, catalog_dir=folder) as running:
        yield running


async def test_the_exchanges_of_a_streaming_model_do_not_mix(one_at_a_time: Gateway) -> None:
    """The model itself could stream, but not four at once into one stream: the gateway makes the events, one by one."""
    gateway = one_at_a_time
    team = await gateway.new_team()
    key = await gateway.new_key(team)
    order = {"model": "gpt-image-2", "prompt": "a paper boat", "n": 4, "stream": True}
    async with gateway.http(key) as client:
        answer = await client.post("/v1/images/generations", json=order)

    assert answer.headers["x-imagegate-normalized"] == "n;fanned-out, stream;emulated"
    said = [event.splitlines() for event in answer.text.split("\n\n") if event.strip() and event[0] != ":"]
    assert [event[0] for event in said] == ["event: image_generation.completed"] * 4
    pictures = [json.loads(event[1].removeprefix("data: ")) for event in said]
    assert all(base64.b64decode(picture["b64_json"], validate=True)[:4] == b"\x89PNG" for picture in pictures)
    assert gateway.simulator.exchanges == 4
    (entry,) = await gateway.entries(team.id)
    assert (entry.outcome, entry.images) == ("delivered", 4)
