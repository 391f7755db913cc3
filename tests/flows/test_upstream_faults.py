"""What a client gets and what is charged when the upstream fails, by fault and moment."""

import asyncio
from dataclasses import dataclass

import httpx
import pytest

from app.simulator.scenario import Content, Fault, Scenario
from tests.support.gateway import Gateway
from tests.support.waiting import until

BOAT = {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x1024", "quality": "low"}


@dataclass(frozen=True)
class Case:
    """A fault, and what must come of it."""

    scenario: Scenario
    status: int
    code: str
    charged: bool
    retry: str | None = None
    calls: int = 1
    """More where nothing can have been made: it is sent again."""


CASES = {
    "bad key of ours": Case(Scenario(status=401, code="invalid_api_key"), 503, "upstream_unavailable", charged=False),
    "empty balance of ours": Case(Scenario(code="insufficient_user_quota"), 503, "upstream_unavailable", charged=False),
    "moderation": Case(Scenario(code="moderation_blocked"), 400, "moderation_blocked", charged=False),
    "client's fault as a 500": Case(
        Scenario(status=500, code="invalid_request", message="field size is wrong"),
        400,
        "invalid_request",
        charged=False,
    ),
    "no channel": Case(
        Scenario(status=503, code="model_not_found"), 503, "upstream_unavailable", charged=False, calls=3
    ),
    "saturated": Case(Scenario(status=429, code="rate_limited"), 429, "rate_limit_exceeded", charged=False, calls=3),
    "failed": Case(Scenario(status=502, code="bad_response"), 502, "upstream_failed", charged=False),
    "redirect": Case(Scenario(content=Content.REDIRECT), 503, "upstream_unavailable", charged=False, retry="false"),
    "error inside a 200": Case(Scenario(content=Content.ERROR_INSIDE_200), 502, "upstream_failed", charged=False),
    "empty data": Case(Scenario(content=Content.EMPTY_DATA), 400, "content_policy_violation", charged=False),
    "524 with HTML": Case(Scenario(content=Content.HTML), 504, "upstream_timeout", charged=True, retry="false"),
    "502 with HTML": Case(
        Scenario(status=502, content=Content.HTML), 502, "upstream_outcome_unknown", charged=True, retry="false"
    ),
    "504 of the upstream's own": Case(
        Scenario(status=504, code="channel:response_time_exceeded"),
        504,
        "upstream_timeout",
        charged=True,
        retry="false",
    ),
    "compressed though not asked": Case(
        Scenario(gzip=True), 502, "upstream_outcome_unknown", charged=True, retry="false"
    ),
    "reset before the head": Case(
        Scenario(fault=Fault.RESET_BEFORE_HEADERS), 502, "upstream_outcome_unknown", charged=True, retry="false"
    ),
    "hang": Case(Scenario(fault=Fault.HANG), 504, "upstream_timeout", charged=True, retry="false"),
}


@pytest.mark.parametrize("name", CASES)
async def test_a_fault_before_the_picture_has_its_true_status(gateway_in_haste: Gateway, name: str) -> None:
    """Each fault gets its status, code and retry hint; it is charged only where the picture may have been made."""
    case, gateway = CASES[name], gateway_in_haste
    gateway.simulator.default = case.scenario
    team = await gateway.new_team()
    async with gateway.http(await gateway.new_key(team)) as client:
        answer = await client.post("/v1/images/generations", json=BOAT)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (case.status, case.code), error
    assert answer.headers.get("x-should-retry") == case.retry
    assert not {"channel", "distributor", "request id"} & set(error["message"].split())
    entries = await gateway.entries(team.id)
    assert [(e.outcome, e.cost) for e in entries] == [
        ("unknown", entries[0].quote) if case.charged else ("refused" if case.status < 500 else "failed", 0)
    ]
    assert gateway.simulator.exchanges == case.calls
    assert (await gateway.services.usage.standing(team.id)).held == {}


@pytest.mark.parametrize("fault", [Fault.CUT_BODY, Fault.STALL_MID_BODY])
async def test_a_fault_after_the_picture_began_cuts_the_answer(gateway_in_haste: Gateway, fault: Fault) -> None:
    """After the 200 was promised a fault never ends the body cleanly; the request is charged as unknown."""
    gateway = gateway_in_haste
    gateway.simulator.next(Scenario(fault=fault, fault_at=0.9, padding_bytes=2_000_000))
    team = await gateway.new_team()
    async with gateway.http(await gateway.new_key(team)) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post("/v1/images/generations", json=BOAT)

    entries = await gateway.entries(team.id)
    assert [(e.outcome, e.cost) for e in entries] == [("unknown", entries[0].quote)]


async def test_a_reset_in_the_body_is_never_a_clean_200(gateway_in_haste: Gateway) -> None:
    """A reset may take what was sent with it: the client gets a 502 or a cut body, and is charged as unknown."""
    gateway = gateway_in_haste
    gateway.simulator.next(Scenario(fault=Fault.RESET_MID_BODY, fault_at=0.9, padding_bytes=2_000_000))
    team = await gateway.new_team()
    async with gateway.http(await gateway.new_key(team)) as client:
        try:
            status = (await client.post("/v1/images/generations", json=BOAT)).status_code
        except httpx.RemoteProtocolError:
            status = 0

    assert status in (0, 502)
    assert [e.outcome for e in await gateway.entries(team.id)] == ["unknown"]


async def test_an_upstream_that_is_not_there_charges_nothing(gateway: Gateway) -> None:
    """A refused connection is a 503 that may be retried; the hold is given back."""
    await gateway.simulator.stop()
    team = await gateway.new_team()
    async with gateway.http(await gateway.new_key(team)) as client:
        answer = await client.post("/v1/images/generations", json=BOAT)

    entries = await gateway.entries(team.id)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "upstream_unavailable")
    assert "retry-after" in answer.headers
    assert [(e.kind, e.outcome, e.cost) for e in entries] == [("release", "failed", 0)]


async def test_a_client_that_hangs_up_does_not_stop_the_exchange(gateway: Gateway) -> None:
    """After dispatch nobody's hang-up stops the exchange: the picture is made once, charged once, at its true cost."""
    gateway.simulator.default = Scenario(withhold=True)
    team = await gateway.new_team()
    async with gateway.http(await gateway.new_key(team)) as client:
        asked = asyncio.create_task(client.post("/v1/images/generations", json=BOAT))
        await gateway.simulator.waiting(1)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)

    async def has_left() -> bool:
        return gateway.connections == 0

    await until(has_left)
    gateway.simulator.release()
    entries = await until(lambda: gateway.entries(team.id))

    assert [(e.outcome, e.images, e.image_output) for e in entries] == [("delivered", 1, 196)]
    assert gateway.simulator.pictures == 1


async def test_a_stale_connection_is_not_used(gateway: Gateway) -> None:
    """An idle connection which the upstream closed is noticed; the next request is sent once, on a new one."""
    team = await gateway.new_team()
    gateway.simulator.next(Scenario(close_after_answer=True))
    async with gateway.http(await gateway.new_key(team)) as client:
        answers = [await client.post("/v1/images/generations", json=BOAT) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert gateway.simulator.exchanges == 3


async def test_a_large_answer_passes_whole(gateway: Gateway) -> None:
    """Twenty megabytes come through unchanged."""
    gateway.simulator.next(Scenario(padding_bytes=15_000_000))
    team = await gateway.new_team()
    async with gateway.http(await gateway.new_key(team)) as client:
        answer = await client.post("/v1/images/generations", json=BOAT)

    assert len(answer.json()["data"][0]["b64_json"]) > 20_000_000
