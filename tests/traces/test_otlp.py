"""Traces of real requests, as a collector receives them: their tree, their names, and what is never in them."""

from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from app.accounts.models import KeyOptions
from app.simulator.scenario import Scenario
from app.simulator.server import Simulator
from tests.support.gateway import running_gateway
from tests.support.trace_collector import TraceCollector, attributes

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
BOAT = {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x1024", "quality": "low"}


def sent(simulator: Simulator) -> list[str | None]:
    """The spans the upstream was told of, by the exchanges it saw."""
    return [request.header("traceparent") for request in simulator.received]


async def test_a_request_is_one_tree_of_spans(
    redis_url: str, tmp_path: Path, simulator: Simulator, collector: TraceCollector
) -> None:
    """Caller, request, stages and exchange hang together, and the upstream was told of the exchange's own span."""
    async with running_gateway(redis_url, tmp_path, simulator, traces=True) as gateway:
        team = await gateway.new_team()
        key = await gateway.new_key(team)
        headers = {"traceparent": f"00-{TRACE}-{CALLER}-01", "tracestate": "a=1"}
        async with gateway.http(key) as client:
            answer = await client.post("/v1/images/generations", json=BOAT, headers=headers)
        (entry,) = await gateway.entries(team.id)

    (root,) = [span for span in collector.spans if span.kind == Span.SPAN_KIND_SERVER]
    stages = collector.children(root)
    (exchange,) = collector.children(next(span for span in stages if span.name == "forward"))
    assert {span.trace_id.hex() for span in collector.spans} == {TRACE}
    assert root.parent_span_id.hex() == CALLER
    assert (root.name, root.trace_state) == ("POST /v1/images/generations", "a=1")
    assert {span.name for span in stages} == {"authenticate", "normalise", "quote", "admit", "forward", "settle"}
    assert sent(simulator) == [f"00-{TRACE}-{exchange.span_id.hex()}-01"]
    assert simulator.received[0].header("tracestate") == "a=1"
    assert all(root.start_time_unix_nano <= span.start_time_unix_nano for span in stages)
    assert all(span.end_time_unix_nano <= root.end_time_unix_nano for span in [*stages, exchange])
    assert all(span.status.code == Status.STATUS_CODE_UNSET for span in collector.spans)
    told = attributes(root)
    assert told["imagegate.request_id"] == answer.headers["x-request-id"]
    assert (told["http.request.method"], told["http.response.status_code"]) == ("POST", 200)
    assert (told["http.route"], told["imagegate.team"]) == ("/v1/images/generations", team.name)
    assert told["imagegate.cost_dollars"] == pytest.approx(entry.cost / 10**9)
    assert collector.resource["service.name"] == "imagegate"


async def test_an_exchange_has_the_names_of_generative_ai(
    redis_url: str, tmp_path: Path, simulator: Simulator, collector: TraceCollector
) -> None:
    """Model, tokens and provider stand where tools for such spans look for them; the prompt and the key nowhere."""
    async with running_gateway(redis_url, tmp_path, simulator, traces=True) as gateway:
        team = await gateway.new_team()
        key = await gateway.new_key(team)
        async with gateway.http(key) as client:
            await client.post("/v1/images/generations", json=BOAT)
        (entry,) = await gateway.entries(team.id)

    (exchange,) = [span for span in collector.spans if span.kind == Span.SPAN_KIND_CLIENT]
    told = attributes(exchange)
    assert exchange.name == "generate_content gpt-image-2"
    assert (told["gen_ai.operation.name"], told["gen_ai.provider.name"]) == ("generate_content", "cometapi")
    assert (told["gen_ai.request.model"], told["gen_ai.output.type"]) == ("gpt-image-2", "image")
    assert told["gen_ai.usage.input_tokens"] == entry.text_input
    assert told["gen_ai.usage.output_tokens"] == entry.image_output
    assert (told["server.address"], told["imagegate.attempts"]) == ("127.0.0.1", 1)
    assert b"paper boat" not in collector.received
    assert key.encode() not in collector.received
    assert b"sk-upstream" not in collector.received


async def test_each_exchange_of_a_fan_out_has_its_own_span(
    redis_url: str, tmp_path: Path, simulator: Simulator, collector: TraceCollector, priced_catalog: Path
) -> None:
    """Two pictures of a model that makes one at a time are two spans, and the upstream was told of both."""
    settings: dict[str, Any] = {"catalog_dir": priced_catalog, "traces": True, "log_prompts": True}
    async with (
        running_gateway(redis_url, tmp_path, simulator, **settings) as gateway,
        gateway.http(await gateway.new_key(await gateway.new_team(), options=KeyOptions(fan_out=True))) as client,
    ):
        order = {"model": "qwen-image", "prompt": "a paper boat", "n": 2}
        answer = await client.post("/v1/images/generations", json=order)

    exchanges = [span for span in collector.spans if span.kind == Span.SPAN_KIND_CLIENT]
    assert answer.status_code == 200, answer.text
    assert sorted(f"00-{span.trace_id.hex()}-{span.span_id.hex()}-01" for span in exchanges) == sorted(
        f"{header}" for header in sent(simulator)
    )
    assert len(exchanges) == 2
    (root,) = [span for span in collector.spans if span.kind == Span.SPAN_KIND_SERVER]
    assert attributes(root)["imagegate.prompt"] == "a paper boat"


async def test_a_failure_is_in_its_spans(
    redis_url: str, tmp_path: Path, simulator: Simulator, collector: TraceCollector
) -> None:
    """Request, stage and exchange of a failed picture are errors with a code; of a refusal the request is none."""
    simulator.next(Scenario(status=500, code="server_error", message="a fault of theirs"))
    async with (
        running_gateway(redis_url, tmp_path, simulator, traces=True) as gateway,
        gateway.http(await gateway.new_key(await gateway.new_team())) as client,
    ):
        assert (await client.post("/v1/images/generations", json=BOAT)).status_code == 502
        assert (await client.post("/v1/images/generations", json={"prompt": ""})).status_code == 400

    failed, refused = [span for span in collector.spans if span.kind == Span.SPAN_KIND_SERVER]
    errors = {span.name for span in collector.spans if span.status.code == Status.STATUS_CODE_ERROR}
    assert errors == {"POST /v1/images/generations", "forward", "generate_content gpt-image-2", "normalise"}
    assert failed.status.code == Status.STATUS_CODE_ERROR
    assert attributes(failed)["error.type"] == "upstream_failed"
    assert refused.status.code == Status.STATUS_CODE_UNSET
    assert attributes(refused)["http.response.status_code"] == 400


async def test_the_caller_decides_whether_a_trace_is_kept(
    redis_url: str, tmp_path: Path, simulator: Simulator, collector: TraceCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trace its caller does not keep is not kept here, and the upstream is told so; else the sampler decides."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    async with (
        running_gateway(redis_url, tmp_path, simulator, traces=True) as gateway,
        gateway.http(await gateway.new_key(await gateway.new_team())) as client,
    ):
        for given in ({"traceparent": f"00-{TRACE}-{CALLER}-00"}, {}, {"traceparent": f"00-{TRACE}-{CALLER}-01"}):
            await client.post("/v1/images/generations", json=BOAT, headers=given)

    dropped, begun, kept = [f"{header}" for header in sent(simulator)]
    assert (dropped[3:35], dropped[-2:]) == (TRACE, "00")
    assert (begun[3:35] != TRACE, begun[-2:]) == (True, "00")
    assert (kept[3:35], kept[-2:]) == (TRACE, "01")
    assert {span.trace_id.hex() for span in collector.spans} == {TRACE}
    assert len([span for span in collector.spans if span.kind == Span.SPAN_KIND_SERVER]) == 1
