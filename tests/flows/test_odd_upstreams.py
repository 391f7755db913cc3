"""Answers no simulator of a good upstream gives: the exact bytes a client and the ledger must survive."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app.accounts.models import KeyOptions
from app.simulator.scenario import Link, Scenario
from app.simulator.server import Simulator
from tests.flows.test_streams import events
from tests.support.gateway import Gateway, running_gateway
from tests.upstream.http1.scripted import sending, serving

BOAT: dict[str, Any] = {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x1024", "quality": "low"}
USAGE = {"input_tokens": 9, "output_tokens": 196, "total_tokens": 205}
B64 = "iVBORw0KGgo="


def answer(content_type: str, body: bytes, status: str = "200 OK") -> bytes:
    """The bytes of an answer."""
    head = f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def stream(*documents: dict[str, Any]) -> bytes:
    """An answer of these events."""
    return answer("text/event-stream", b"".join(b"data: %b\n\n" % json.dumps(found).encode() for found in documents))


def completed(usage: Any = USAGE) -> dict[str, Any]:
    """An event that brings a picture."""
    return {"type": "image_generation.completed", "b64_json": B64, "usage": usage}


@pytest.fixture
def upstream(redis_url: str, tmp_path: Path, simulator: Simulator, priced_catalog: Path) -> Any:
    """Opens a gateway whose upstream answers every request with these bytes."""

    @asynccontextmanager
    async def opened(reply: bytes) -> AsyncIterator[Gateway]:
        async with serving(sending(reply)) as server:
            url = f"http://127.0.0.1:{server.port}/v1"
            async with running_gateway(
                redis_url, tmp_path, simulator, cometapi_base_url=url, catalog_dir=priced_catalog
            ) as gateway:
                yield gateway

    return opened


async def test_an_error_about_nothing_that_was_asked_for_stays_here(upstream: Any) -> None:
    """The picture is complete; what the upstream says behind it does not tell the client to buy another."""
    error = {"error": {"message": "no", "type": "x", "code": "y"}}
    async with upstream(stream(completed(), error)) as gateway:
        team = await gateway.new_team()
        async with gateway.http(await gateway.new_key(team)) as client:
            found = await client.post("/v1/images/generations", json=BOAT | {"stream": True})
        (entry,) = await gateway.entries(team.id)

    assert [event["type"] for event in events(found.content)] == ["image_generation.completed"]
    assert (entry.outcome, entry.images, entry.flags) == ("delivered", 1, "")


@pytest.mark.parametrize("second", [None, {"input_tokens": 9, "output_tokens": -190}, "many"])
async def test_every_usage_of_a_stream_must_be_believable(upstream: Any, second: Any) -> None:
    """Two pictures, one usage: the other cannot be free, so the whole is charged at the quote and flagged."""
    async with upstream(stream(completed(), completed(second))) as gateway:
        team = await gateway.new_team()
        async with gateway.http(await gateway.new_key(team)) as client:
            await client.post("/v1/images/generations", json=BOAT | {"stream": True, "n": 2})
        (entry,) = await gateway.entries(team.id)

    assert (entry.outcome, entry.images, entry.cost) == ("delivered", 2, entry.quote)
    assert entry.flags == "at_quote,bad_usage"


async def test_more_pictures_than_asked_for_are_all_handed_over(upstream: Any) -> None:
    """What is billed is delivered, as events too."""
    body = json.dumps({"created": 1, "data": [{"b64_json": B64}] * 3, "usage": USAGE}).encode()
    async with upstream(answer("application/json", body)) as gateway:
        team = await gateway.new_team()
        async with gateway.http(await gateway.new_key(team)) as client:
            found = await client.post("/v1/images/generations", json=BOAT | {"stream": True})
        (entry,) = await gateway.entries(team.id)

    assert len(events(found.content)) == 3
    assert sum(event["usage"]["output_tokens"] for event in events(found.content)) == 196
    assert entry.images == 3


@pytest.mark.parametrize(
    ("status", "document", "told"),
    [
        ("400 Bad Request", {"error": {"message": "no", "code": ["x"]}}, 400),
        ("400 Bad Request", {"error": {"message": {"a": 1}, "code": {"b": 2}, "param": []}}, 400),
        ("200 OK", {"error": "insufficient quota of this token", "data": []}, 503),
        (
            "400 Bad Request",
            {"error": {"message": "Invalid value: 'Comet channel'", "code": "invalid_value"}},
            400,
        ),
    ],
    ids=["code is a list", "nothing is a text", "an error as text", "words about itself"],
)
async def test_odd_errors_keep_their_meaning(upstream: Any, status: str, document: Any, told: int) -> None:
    """Whatever stands where a text should, nothing is charged, and nobody is told of channels."""
    async with upstream(answer("application/json", json.dumps(document).encode(), status)) as gateway:
        team = await gateway.new_team()
        async with gateway.http(await gateway.new_key(team)) as client:
            found = await client.post("/v1/images/generations", json=BOAT)
        (entry,) = await gateway.entries(team.id)

    assert found.status_code == told
    assert "hannel" not in found.text
    assert entry.cost == 0


async def test_absurd_counts_of_a_fan_out_are_no_fault_of_ours(upstream: Any) -> None:
    """Numbers no program can add do not cost the client its pictures."""
    usage = {"input_tokens": 2**63, "output_tokens": 2**63}
    body = json.dumps({"created": 1, "data": [{"b64_json": B64}], "usage": usage}).encode()
    async with upstream(answer("application/json", body)) as gateway:
        team = await gateway.new_team()
        key = await gateway.new_key(team, options=KeyOptions(fan_out=True))
        async with gateway.http(key) as client:
            found = await client.post("/v1/images/generations", json={"model": "qwen-image", "prompt": "x", "n": 3})

    assert found.status_code == 200
    assert len(found.json()["data"]) == 3


async def test_a_fault_of_ours_after_the_purchase_is_not_bought_again(
    redis_url: str, tmp_path: Path, simulator: Simulator
) -> None:
    """The spool's disk is gone when the answer comes: a 5xx, but the SDK is told not to try again."""
    simulator.default = Scenario(padding_bytes=500_000)
    async with running_gateway(redis_url, tmp_path, simulator) as gateway:
        (tmp_path / "spool").rmdir()
        team = await gateway.new_team()
        client = gateway.sdk(await gateway.new_key(team), max_retries=2)
        async with gateway.http(client.api_key) as plain:
            found = await plain.post("/v1/images/generations", json=BOAT | {"response_format": "url"})
        (entry,) = await gateway.entries(team.id)

    assert found.status_code >= 500
    assert found.headers["x-should-retry"] == "false"
    assert (entry.outcome, entry.cost) == ("unknown", entry.quote)


async def test_a_gateway_that_is_stopped_hands_over_what_it_has(
    redis_url: str, tmp_path: Path, simulator: Simulator, priced_catalog: Path
) -> None:
    """Stopped while it fetches a link for the client, it gives the link: the picture is paid for."""
    simulator.default = Scenario(other_container=True, link=Link.STALLED)
    async with running_gateway(
        redis_url,
        tmp_path,
        simulator,
        catalog_dir=priced_catalog,
        fetch_networks="127.0.0.0/8",
        drain_seconds=1,
    ) as gateway:
        team = await gateway.new_team()
        client = gateway.http(await gateway.new_key(team))
        body = {"model": "dall-e-3", "prompt": "a house", "response_format": "b64_json"}
        asked = asyncio.create_task(client.post("/v1/images/generations", json=body))
        await simulator.waiting(1)
    found = await asked
    await client.aclose()

    assert found.status_code == 200
    assert found.headers["x-imagegate-warning"] == 'response_format;kept="url"'
    assert found.json()["data"][0]["url"].startswith(simulator.origin)
