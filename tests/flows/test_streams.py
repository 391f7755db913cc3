"""Streams: the upstream's own events passed on, and those made for models that have none."""

import json
from typing import Any

import httpx
import openai
import pytest

from app.accounts.models import KeyOptions
from app.simulator.scenario import Content, Fault, Scenario
from tests.support.gateway import Gateway

BOAT: dict[str, Any] = {
    "model": "gpt-image-2",
    "prompt": "a paper boat",
    "size": "1024x1024",
    "quality": "low",
    "stream": True,
}
LOW_1024_TOKENS = 196


def events(body: bytes) -> list[dict[str, Any]]:
    """The data of every event."""
    return [
        json.loads(line.removeprefix("data: "))
        for block in body.decode().split("\n\n")
        for line in block.splitlines()
        if line.startswith("data: ")
    ]


@pytest.mark.parametrize("partial_images", [0, 2])
async def test_an_sdk_reads_the_stream_as_openai_s(gateway: Gateway, partial_images: int) -> None:
    """Partial images come in order, then the finished one with its usage, and that usage is what is charged."""
    team = await gateway.new_team()
    client = gateway.sdk(await gateway.new_key(team))
    stream = await client.images.generate(**BOAT, partial_images=partial_images)
    seen = [event async for event in stream]

    assert [event.type for event in seen] == [
        *["image_generation.partial_image"] * partial_images,
        "image_generation.completed",
    ]
    assert [event.partial_image_index for event in seen[:-1]] == list(range(partial_images))
    (entry,) = await gateway.entries(team.id)
    assert (entry.outcome, entry.images, entry.image_output) == ("delivered", 1, seen[-1].usage.output_tokens)
    assert entry.image_output >= LOW_1024_TOKENS
    assert entry.cost <= entry.quote


@pytest.mark.parametrize(
    "scenario",
    [
        Scenario(),
        Scenario(done_line=True),
        Scenario(event_names=False, crlf=True),
        Scenario(comments=True, piece_bytes=7, chunked=True),
        Scenario(interleaved=True),
    ],
    ids=["plain", "done line", "no names", "comments", "interleaved"],
)
async def test_several_pictures_are_each_completed_and_billed(gateway: Gateway, scenario: Scenario) -> None:
    """N pictures end in n completed events, however the upstream spells its stream; their usages are summed."""
    gateway.simulator.next(scenario)
    team = await gateway.new_team()
    async with gateway.http(await gateway.new_key(team)) as client:
        answer = await client.post("/v1/images/generations", json=BOAT | {"n": 2, "partial_images": 1})

    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache, no-transform"
    assert answer.headers["x-accel-buffering"] == "no"
    completed = [event for event in events(answer.content) if event["type"] == "image_generation.completed"]
    assert len(completed) == 2
    assert answer.content.endswith(b"}\n\n")
    (entry,) = await gateway.entries(team.id)
    assert (entry.outcome, entry.images) == ("delivered", 2)
    assert entry.image_output == sum(event["usage"]["output_tokens"] for event in completed)


async def test_whoever_has_the_last_blank_line_finds_it_in_the_ledger(gateway: Gateway) -> None:
    """The end of the completed event waits for the settlement, while its bytes before that do not."""
    gateway.simulator.next(Scenario(fault=Fault.STALL_MID_BODY, fault_event=-1, fault_at=1.0))
    team = await gateway.new_team()
    key = await gateway.new_key(team)
    async with (
        gateway.http(key) as client,
        client.stream("POST", "/v1/images/generations", json=BOAT | {"n": 1}) as answer,
    ):
        body = b""
        async for chunk in answer.aiter_bytes():
            body += chunk
            if b'"usage"' in body and not body.endswith(b"}\n\n"):
                gateway.simulator.release()
            booked = [entry.outcome for entry in await gateway.entries(team.id)]
            assert booked == (["delivered"] if body.endswith(b"}\n\n") else [])
        assert body.endswith(b"}\n\n")


async def test_comments_keep_a_silent_stream_alive(open_gateway: Gateway) -> None:
    """While the upstream thinks, comments come; then the events, and nothing between them is lost."""
    gateway = open_gateway
    gateway.simulator.next(Scenario(withhold=True))
    key = await gateway.new_key(await gateway.new_team())
    async with gateway.http(key) as client, client.stream("POST", "/v1/images/generations", json=BOAT) as answer:
        body = b""
        async for chunk in answer.aiter_bytes():
            body += chunk
            if body.count(b": keepalive\n\n") >= 2:
                gateway.simulator.release()

    assert answer.status_code == 200
    assert body.startswith(b": keepalive\n\n: keepalive\n\n")
    assert [event["type"] for event in events(body)] == ["image_generation.completed"]


async def test_a_refusal_before_anything_was_said_has_its_own_status(gateway: Gateway) -> None:
    """A stream that cannot begin is an ordinary error, not an event."""
    gateway.simulator.next(Scenario(code="moderation_blocked"))
    client = gateway.sdk(await gateway.new_key(await gateway.new_team()))
    with pytest.raises(openai.BadRequestError) as caught:
        await client.images.generate(**BOAT)

    assert caught.value.code == "moderation_blocked"


async def test_a_refusal_behind_a_comment_is_an_event(open_gateway: Gateway) -> None:
    """Once a comment has promised a 200, the error is told in the stream, in the form both SDKs read."""
    gateway = open_gateway
    gateway.simulator.next(Scenario(withhold=True, code="moderation_blocked"))
    team = await gateway.new_team()
    async with (
        gateway.http(await gateway.new_key(team)) as client,
        client.stream("POST", "/v1/images/generations", json=BOAT) as answer,
    ):
        body = b""
        async for chunk in answer.aiter_bytes():
            body += chunk
            gateway.simulator.release()

    assert answer.status_code == 200
    assert b"\n\nevent: error\ndata: " in body
    assert events(body)[-1]["error"]["code"] == "moderation_blocked"
    (entry,) = await gateway.entries(team.id)
    assert (entry.outcome, entry.cost) == ("refused", 0)


async def test_an_error_after_a_picture_ends_the_stream_and_bills_the_picture(gateway: Gateway) -> None:
    """Two asked for, the second fails: the first is delivered and paid, the failure is an event."""
    gateway.simulator.next(Scenario(content=Content.ERROR_EVENT, code="moderation_blocked", fault_event=1))
    team = await gateway.new_team()
    client = gateway.sdk(await gateway.new_key(team))
    stream = aiter(await client.images.generate(**BOAT, n=2))
    first = await anext(stream)
    with pytest.raises(openai.APIError) as caught:
        await anext(stream)

    assert first.type == "image_generation.completed"
    assert caught.value.code == "moderation_blocked"
    (entry,) = await gateway.entries(team.id)
    assert (entry.outcome, entry.images, entry.image_output) == ("delivered", 1, LOW_1024_TOKENS)


async def test_a_stream_cut_inside_an_event_cuts_the_connection(gateway: Gateway) -> None:
    """Half a picture never looks whole: no clean end, and the quote is charged because nobody knows."""
    gateway.simulator.next(Scenario(fault=Fault.RESET_MID_BODY, fault_event=-1))
    team = await gateway.new_team()
    with pytest.raises(httpx.RemoteProtocolError):
        async with gateway.http(await gateway.new_key(team)) as client:
            await client.post("/v1/images/generations", json=BOAT | {"partial_images": 1})

    (entry,) = await gateway.entries(team.id)
    assert (entry.outcome, entry.cost) == ("unknown", entry.quote)


async def test_a_stream_without_a_completed_picture_is_unknown(gateway: Gateway) -> None:
    """A stream that ends in good order without its picture may have been billed all the same."""
    gateway.simulator.next(Scenario(content=Content.NOT_COMPLETED, fault_event=-1))
    team = await gateway.new_team()
    client = gateway.sdk(await gateway.new_key(team))
    with pytest.raises(openai.APIError) as caught:
        _ = [event async for event in await client.images.generate(**BOAT, partial_images=1)]

    assert caught.value.code == "upstream_outcome_unknown"
    (entry,) = await gateway.entries(team.id)
    assert (entry.outcome, entry.cost) == ("unknown", entry.quote)


async def test_an_upstream_that_ignores_the_wish_is_streamed_all_the_same(gateway: Gateway) -> None:
    """JSON where events were asked for becomes completed events whose usages add up to the answer's."""
    gateway.simulator.next(Scenario(ignores_stream=True))
    team = await gateway.new_team()
    client = gateway.sdk(await gateway.new_key(team))
    seen = [event async for event in await client.images.generate(**BOAT, n=3)]

    assert [event.type for event in seen] == ["image_generation.completed"] * 3
    assert sum(event.usage.output_tokens for event in seen) == 3 * LOW_1024_TOKENS
    (entry,) = await gateway.entries(team.id)
    assert (entry.images, entry.image_output) == (3, 3 * LOW_1024_TOKENS)


@pytest.mark.parametrize("other_container", [False, True], ids=["base64", "link"])
async def test_a_model_without_streams_gets_its_event_made(open_gateway: Gateway, other_container: bool) -> None:
    """One completed event with base64, fetched where the model only gave a link; the head says it was emulated."""
    gateway = open_gateway
    gateway.simulator.next(Scenario(other_container=other_container))
    team = await gateway.new_team()
    asked = {"model": "qwen-image", "prompt": "a paper boat", "stream": True}
    async with gateway.http(await gateway.new_key(team)) as client:
        answer = await client.post("/v1/images/generations", json=asked)

    assert answer.headers["x-imagegate-normalized"] == "stream;emulated"
    (event,) = events(answer.content)
    assert event["type"] == "image_generation.completed"
    assert len(event["b64_json"]) > 1000
    (entry,) = await gateway.entries(team.id)
    assert (entry.outcome, entry.images) == ("delivered", 1)


async def test_a_strict_key_is_told_that_a_model_cannot_stream(open_gateway: Gateway) -> None:
    """Nothing is bought for a wish the model cannot fulfil."""
    gateway = open_gateway
    team = await gateway.new_team()
    key = await gateway.new_key(team, options=KeyOptions(strict=True))
    with pytest.raises(openai.BadRequestError) as caught:
        await gateway.sdk(key).images.generate(model="qwen-image", prompt="a paper boat", stream=True)

    assert caught.value.param == "stream"
    assert gateway.simulator.exchanges == 0
