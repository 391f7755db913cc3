"""A sign of life during a silent wait: white space before the JSON, and what becomes of a failure behind it."""

import asyncio
import json
from pathlib import Path

import httpx
import openai
import pytest

from app.simulator.pictures import read_serial
from app.simulator.scenario import Content, Scenario
from tests.contract.sdk_run import SDKS
from tests.faults.accounting import BOAT, GENERATIONS
from tests.paid_once.impatient import Impatient, charges
from tests.paid_once.sdk_program import sdk_program
from tests.support.gateway import Gateway

BEAT = {"x-imagegate-heartbeat": "1"}
"""The shortest there is."""
SDK = {"x-stainless-lang": "python", "x-stainless-retry-count": "0"}
LATE_REFUSAL = Scenario(withhold=True, status=502, code="bad_response")
LATE_SILENCE = Scenario(withhold=True, content=Content.HTML)
"""A page of somebody in front of the upstream, who gave up waiting: the outcome is unknown."""


async def test_white_space_comes_before_the_answer(gateway: Gateway) -> None:
    """After a second of silence the 200 is there, with nothing but white space; then JSON as ever, charged once."""
    gateway.simulator.default = Scenario(withhold=True)
    team = await gateway.new_team()
    async with gateway.http(await gateway.new_key(team)) as client:
        status, early, rest = await _ask(gateway, client)

    assert status == 200
    assert early
    assert not early.strip()
    assert len(json.loads(early + rest)["data"]) == 1
    assert await charges(gateway, team, 1) == ["delivered"]


async def test_a_quick_answer_has_no_white_space(gateway: Gateway) -> None:
    """Who asks for a heartbeat and is answered at once gets the answer, and a refusal with its true status."""
    team = await gateway.new_team()
    async with gateway.http(await gateway.new_key(team)) as client:
        made = await client.post(GENERATIONS, json=BOAT, headers=BEAT)
        gateway.simulator.next(Scenario(status=502, code="bad_response"))
        refused = await client.post(GENERATIONS, json=BOAT, headers=BEAT)

    assert made.content.startswith(b"{")
    assert (refused.status_code, refused.json()["error"]["code"]) == (502, "upstream_failed")


@pytest.mark.parametrize(
    ("scenario", "code", "charged"),
    [(LATE_REFUSAL, "upstream_failed", []), (LATE_SILENCE, "upstream_timeout", ["unknown"])],
)
async def test_a_failure_behind_it_is_told_in_the_body(
    gateway: Gateway, scenario: Scenario, code: str, charged: list[str]
) -> None:
    """A client that is no SDK has its 200 already: the body, which ends in good order, is the error."""
    gateway.simulator.default = scenario
    team = await gateway.new_team()
    async with gateway.http(await gateway.new_key(team)) as client:
        status, early, rest = await _ask(gateway, client)

    assert (status, json.loads(early + rest)["error"]["code"]) == (200, code)
    assert [entry.outcome for entry in await gateway.entries(team.id) if entry.cost] == charged


@pytest.mark.parametrize(
    ("scenario", "status", "code"), [(LATE_REFUSAL, 502, "upstream_failed"), (LATE_SILENCE, 504, "upstream_timeout")]
)
async def test_an_sdk_finds_its_body_cut_and_by_its_retry_the_error(
    gateway: Gateway, scenario: Scenario, status: int, code: str
) -> None:
    """For an SDK the body is cut; the retry gets the stored error with its true status, and the word to stop."""
    gateway.simulator.default = scenario
    team = await gateway.new_team()
    async with gateway.http(await gateway.new_key(team)) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await _ask(gateway, client, SDK)
        retry = await client.post(GENERATIONS, json=BOAT, headers=SDK | {"x-stainless-retry-count": "1"})

    assert (retry.status_code, retry.json()["error"]["code"]) == (status, code)
    assert retry.headers["x-should-retry"] == "false"
    assert gateway.simulator.exchanges == 1


async def test_the_sdk_raises_the_true_error(gateway: Gateway) -> None:
    """The real SDK tries once more behind a cut body, and raises what the upstream's failure has always been."""
    gateway.simulator.default = Scenario(latency_seconds=1.5, content=Content.HTML)
    team = await gateway.new_team()
    client = Impatient(gateway, await gateway.new_key(team), timeout_seconds=30)
    with pytest.raises(openai.InternalServerError) as raised:
        await client.images.generate(**BOAT, extra_headers=BEAT)

    assert (raised.value.status_code, raised.value.code) == (504, "upstream_timeout")
    assert client.tries == {0: 1, 1: 1}
    assert gateway.simulator.exchanges == 1
    assert await charges(gateway, team, 1) == ["unknown"]


async def test_who_is_joined_has_it_too(gateway: Gateway) -> None:
    """A retry that waits for the picture of the first try is kept company while it waits."""
    gateway.simulator.default = Scenario(withhold=True)
    team = await gateway.new_team()
    key = await gateway.new_key(team)
    async with gateway.http(key) as client:
        left = asyncio.create_task(client.post(GENERATIONS, json=BOAT, headers=SDK))
        await gateway.simulator.waiting(1)
        left.cancel()
        await asyncio.wait([left])
    async with gateway.http(key) as client:
        status, early, rest = await _ask(gateway, client, SDK | {"x-stainless-retry-count": "1"})

    assert status == 200
    assert early
    assert not early.strip()
    assert len(json.loads(early + rest)["data"]) == 1
    assert gateway.simulator.exchanges == 1
    assert await charges(gateway, team, 1) == ["delivered"]


@pytest.mark.slow
@pytest.mark.parametrize("sdk", SDKS)
async def test_every_sdk_reads_over_it(gateway: Gateway, tmp_path: Path, sdk: str) -> None:
    """White space before an answer is nothing to any SDK: one try, and the picture."""
    gateway.simulator.default = Scenario(latency_seconds=3.5)
    team = await gateway.new_team()
    key = await gateway.new_key(team)
    async with sdk_program(sdk, tmp_path, gateway.base_url, key, timeout_seconds=60, headers=BEAT) as program:
        picture = await program.picture()

    assert program.tries == [0]
    assert read_serial(picture) == 1
    assert await charges(gateway, team, 1) == ["delivered"]


@pytest.mark.slow
@pytest.mark.parametrize("sdk", SDKS)
async def test_every_sdk_raises_at_a_failure_behind_it(gateway: Gateway, tmp_path: Path, sdk: str) -> None:
    """Python's SDKs try again and raise the true error; Node's does not try again once it has a head, but it raises."""
    gateway.simulator.default = Scenario(latency_seconds=2.5, content=Content.HTML)
    team = await gateway.new_team()
    key = await gateway.new_key(team)
    async with sdk_program(sdk, tmp_path, gateway.base_url, key, timeout_seconds=60, headers=BEAT) as program:
        error = await program.error()

    if sdk == "openai-node":
        assert (error["error"], program.tries) == ("TypeError", [0])  # undici: "terminated"
    else:
        assert error == {"error": "InternalServerError", "status": 504, "code": "upstream_timeout"}
        assert program.tries == [0, 1]
    assert gateway.simulator.exchanges == 1
    assert await charges(gateway, team, 1) == ["unknown"]


async def _ask(
    gateway: Gateway, client: httpx.AsyncClient, headers: dict[str, str] | None = None
) -> tuple[int, bytes, bytes]:
    """The status, what came before the upstream answered, and the rest."""
    given = BEAT | (headers or {})
    async with client.stream("POST", GENERATIONS, json=BOAT, headers=given) as answer:
        pieces = answer.aiter_raw()
        early = await anext(pieces)
        gateway.simulator.release()
        return answer.status_code, early, b"".join([piece async for piece in pieces])
