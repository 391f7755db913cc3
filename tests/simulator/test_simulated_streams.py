"""A stream is server-sent events as OpenAI's: previews, then the picture with its usage."""

import base64
import io
import json
from typing import Any

import httpx
import openai
import pytest
from PIL import Image

from app.simulator.pictures import read_serial
from app.simulator.scenario import Scenario, Usage
from app.simulator.server import Simulator

PATH = "/v1/images/generations"
TOKENS = 107
"""Output tokens of the picture ordered here, without previews."""
DESCRIPTION = {"background": "opaque", "output_format": "webp", "quality": "low", "size": "1024x640"}


def order(**fields: object) -> dict[str, object]:
    """A small streamed picture."""
    picture = {"model": "gpt-image-2", "prompt": "a fox", "quality": "low", "size": "1024x640"}
    return picture | {"output_format": "webp", "stream": True} | fields


def read_events(body: str) -> list[dict[str, Any]]:
    """The data of every event."""
    lines = [line.removeprefix("data: ") for line in body.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


async def ask(client: httpx.AsyncClient, **fields: object) -> list[dict[str, Any]]:
    """The events of one order."""
    answer = await client.post(PATH, json=order(**fields))
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    return read_events(answer.text)


def decode(event: dict[str, Any]) -> tuple[tuple[int, int], int]:
    """Size and serial number of an event's picture, wholly decoded."""
    data = base64.b64decode(event["b64_json"])
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image.size, read_serial(data)


async def test_openai_sdk_streams(simulator: Simulator) -> None:
    """The stock SDK gets two previews and the picture, its usage 100 tokens a preview above the picture's own."""
    async with openai.AsyncOpenAI(api_key="sk-test", base_url=simulator.url) as sdk:
        stream = await sdk.images.generate(
            model="gpt-image-2", prompt="a fox", quality="low", size="1024x640", stream=True, partial_images=2
        )
        events = [event async for event in stream]

    assert [event.type for event in events] == [
        "image_generation.partial_image",
        "image_generation.partial_image",
        "image_generation.completed",
    ]
    last = events[-1]
    assert last.type == "image_generation.completed"
    assert (last.usage.input_tokens, last.usage.output_tokens) == (8, TOKENS + 200)


@pytest.mark.parametrize("partial_images", [0, 1, 3])
async def test_previews_grow_into_the_picture(client: httpx.AsyncClient, partial_images: int) -> None:
    """Each preview decodes, is larger than the one before and has the serial number of the picture."""
    *previews, picture = await ask(client, partial_images=partial_images)

    sizes = [decode(event)[0] for event in (*previews, picture)]
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == (1024, 640)
    assert {decode(event)[1] for event in (*previews, picture)} == {1}
    assert [event["partial_image_index"] for event in previews] == list(range(partial_images))


async def test_members_of_events(client: httpx.AsyncClient) -> None:
    """Every event has the members OpenAI documents, and only the completed one a usage."""
    preview, picture = await ask(client, partial_images=1)

    assert set(preview) == {"type", "b64_json", "created_at", *DESCRIPTION, "partial_image_index"}
    assert set(picture) == {"type", "b64_json", "created_at", *DESCRIPTION, "usage"}
    assert preview.items() >= DESCRIPTION.items() <= picture.items()


async def test_several_pictures(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """Each picture completes with its own usage; these add up to what is billed. Previews are no pictures."""
    events = await ask(client, n=2, partial_images=1)

    completed = [event for event in events if event["type"] == "image_generation.completed"]
    assert [decode(event)[1] for event in events] == [1, 1, 2, 2]
    assert [event["usage"]["input_tokens"] for event in completed] == [8, 0]
    assert sum(event["usage"]["total_tokens"] for event in completed) == 8 + 2 * (TOKENS + 100)
    tally = simulator.logbook.tally
    assert (tally.pictures, tally.input_tokens, tally.output_tokens) == (2, 8, 2 * (TOKENS + 100))


async def test_interleaved_pictures(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """The previews of several pictures can come mixed; the events of each keep their order and its usage."""
    simulator.next(Scenario(interleaved=True))
    events = await ask(client, n=2, partial_images=2)

    assert [decode(event)[1] for event in events] == [1, 2] * 3
    assert [event.get("partial_image_index") for event in events] == [0, 0, 1, 1, None, None]
    assert [event["usage"]["output_tokens"] for event in events[4:]] == [TOKENS + 200] * 2


async def test_plain_manners(client: httpx.AsyncClient) -> None:
    """By default an event is its name, one line of JSON and an empty line, and nothing follows the last."""
    body = (await client.post(PATH, json=order())).text
    name, data, *rest = body.split("\n")

    assert (name, data[:7], rest) == ("event: image_generation.completed", "data: {", ["", ""])


async def test_other_manners(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """Without names, with comments, CR LF and [DONE] the events are the same."""
    simulator.next(Scenario(event_names=False, comments=True, crlf=True, done_line=True))
    answer = await client.post(PATH, json=order(partial_images=1))

    blocks = answer.text.split("\r\n\r\n")
    assert "\n" not in answer.text.replace("\r\n", "")
    assert [block[:12] for block in blocks] == [
        ": keepalive",
        'data: {"type',
        ": keepalive",
        'data: {"type',
        "data: [DONE]",
        "",
    ]
    assert [decode(event)[1] for event in read_events(answer.text)] == [1, 1]


async def test_openai_sdk_reads_every_manner(simulator: Simulator) -> None:
    """The stock SDK reads a stream with comments, CR LF and [DONE] alike."""
    simulator.default = Scenario(comments=True, crlf=True, done_line=True, gzip=True, piece_bytes=7000)
    async with openai.AsyncOpenAI(api_key="sk-test", base_url=simulator.url) as sdk:
        stream = await sdk.images.generate(
            model="gpt-image-2", prompt="a fox", quality="low", size="1024x640", stream=True, partial_images=1
        )
        assert [event.type.rpartition(".")[2] async for event in stream] == ["partial_image", "completed"]


async def test_usage_scenarios(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """The usage of a stream lies, is missing or comes first as that of an answer does."""
    simulator.next(Scenario(usage=Usage.MISSING), Scenario(usage=Usage.NEGATIVE), Scenario(usage_first=True))
    ((missing,), (negative,), (first,)) = [await ask(client) for _ in range(3)]

    assert "usage" not in missing
    assert negative["usage"]["output_tokens"] == -TOKENS
    assert list(first)[:3] == ["type", "usage", "b64_json"]


async def test_models_that_do_not_stream_answer_with_json(client: httpx.AsyncClient) -> None:
    """qwen-image and Seedream ignore the wish for a stream."""
    for model, size in (("qwen-image", "1328*1328"), ("doubao-seedream-4-0-250828", "1280x1024")):
        answer = await client.post(PATH, json=order(model=model, size=size, partial_images=2))
        assert len(answer.json()["data"]) == 1
