"""A caller's trace where no traces are kept here: it reaches the upstream as it came, and nobody else."""

from pathlib import Path

import pytest

from app.simulator.scenario import Container, Scenario
from app.simulator.server import Simulator
from tests.gateway.conftest import Logged
from tests.support.gateway import running_gateway

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
BOAT = {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x1024", "quality": "low"}


async def test_a_trace_passes_and_is_in_the_line(
    redis_url: str, tmp_path: Path, simulator: Simulator, logged: Logged
) -> None:
    """Its headers reach the upstream unchanged on every attempt; the line has its id. Edits are no different."""
    simulator.next(Scenario(status=429, code="rate_limited"))
    headers = {"traceparent": PARENT, "tracestate": "a=1,b=2"}
    async with (
        running_gateway(redis_url, tmp_path, simulator, upstream_retries=1) as gateway,
        gateway.http(await gateway.new_key(await gateway.new_team())) as client,
    ):
        answer = await client.post("/v1/images/generations", json=BOAT, headers=headers)

    assert answer.status_code == 200, answer.text
    assert "traceparent" not in answer.headers
    told = [(request.header("traceparent"), request.header("tracestate")) for request in simulator.received]
    assert told == [(PARENT, "a=1,b=2")] * 2
    assert [line["trace_id"] for line in logged.requests] == [TRACE]


@pytest.mark.parametrize("given", [None, "00-broken", PARENT.upper(), f"{PARENT}-more"])
async def test_no_trace_is_made_up(
    redis_url: str, tmp_path: Path, simulator: Simulator, logged: Logged, given: str | None
) -> None:
    """Without one, or with one that breaks a rule, the upstream is told of none, and nobody is refused."""
    headers = {"tracestate": "a=1"} | ({"traceparent": given} if given else {})
    async with (
        running_gateway(redis_url, tmp_path, simulator) as gateway,
        gateway.http(await gateway.new_key(await gateway.new_team())) as client,
    ):
        answer = await client.post("/v1/images/generations", json=BOAT, headers=headers)

    assert answer.status_code == 200
    (request,) = simulator.received
    assert (request.header("traceparent"), request.header("tracestate")) == (None, None)
    assert "trace_id" not in logged.requests[0]


async def test_no_other_host_is_told_of_a_trace(redis_url: str, tmp_path: Path, simulator: Simulator) -> None:
    """The picture behind a link of the upstream is fetched without it: that is no part of the caller's trace."""
    folder = tmp_path / "catalog"
    folder.mkdir()
    (folder / "qwen-image.toml").write_text(
        'extends = "qwen-image"\n[price]\nper_image = "0.04"\nsource = "the tests"\n'
        '[links]\nhosts = ["127.0.0.1"]\nsource = "the tests"\n'
    )
    simulator.next(Scenario(container=Container.URL))
    async with (
        running_gateway(redis_url, tmp_path, simulator, catalog_dir=folder, fetch_networks="127.0.0.0/8") as gateway,
        gateway.http(await gateway.new_key(await gateway.new_team())) as client,
    ):
        order = {"model": "qwen-image", "prompt": "a paper boat", "response_format": "b64_json"}
        answer = await client.post("/v1/images/generations", json=order, headers={"traceparent": PARENT})

    assert answer.status_code == 200, answer.text
    assert "b64_json" in answer.json()["data"][0]
    told = {request.method: request.header("traceparent") for request in simulator.received}
    assert told == {"POST": PARENT, "GET": None}
