"""Every way a stream goes wrong is seen by a client as just that."""

import asyncio
import json

import httpx
import openai
import pytest

from app.simulator.scenario import Content, Fault, Scenario
from app.simulator.server import Simulator

PATH = "/v1/images/generations"
TOKENS = 107
ORDER = {
    "model": "gpt-image-2",
    "prompt": "a fox",
    "quality": "low",
    "size": "1024x640",
    "output_format": "webp",
    "stream": True,
    "partial_images": 1,
    "n": 2,
}
"""Four events: preview, picture, preview, picture."""


async def read_blocks(client: httpx.AsyncClient, blocks: list[str]) -> None:
    """Note the events as they come; what follows the last empty line is noted last, and empty in a sound stream."""
    blocks.append("")
    async with client.stream("POST", PATH, json=ORDER) as answer:
        async for text in answer.aiter_text():
            blocks[-1:] = (blocks[-1] + text).split("\n\n")


def types(blocks: list[str]) -> list[str]:
    """The names of the events, shortened."""
    return [block.partition("\n")[0].removeprefix("event: image_generation.") for block in blocks]


async def ask(client: httpx.AsyncClient, simulator: Simulator, scenario: Scenario) -> httpx.Response:
    """Play one scenario."""
    simulator.next(scenario)
    return await client.post(PATH, json=ORDER)


@pytest.mark.parametrize(
    ("fault_event", "kinds", "pictures"),
    [
        (-1, ["partial_image", "completed", "partial_image", "event: error"], 1),
        (1, ["partial_image", "event: error"], 0),
        (0, ["event: error"], 0),
    ],
)
async def test_error_event(
    *, simulator: Simulator, client: httpx.AsyncClient, fault_event: int, kinds: list[str], pictures: int
) -> None:
    """An error takes an event's place and ends the stream; only pictures completed before it are billed."""
    scenario = Scenario(content=Content.ERROR_EVENT, code="moderation_blocked", fault_event=fault_event)
    answer = await ask(client, simulator, scenario)

    blocks = answer.text.split("\n\n")
    error = json.loads(blocks[-2].partition("data: ")[2])["error"]
    assert (answer.status_code, types(blocks)) == (200, [*kinds, ""])
    assert (error["code"], error["type"]) == ("moderation_blocked", "image_generation_user_error")
    tally = simulator.logbook.tally
    assert (tally.pictures, tally.output_tokens) == (pictures, pictures * (TOKENS + 100))


async def test_openai_sdk_raises_on_an_error_event(simulator: Simulator) -> None:
    """The stock SDK finds the error, with or without the event's name."""
    async with openai.AsyncOpenAI(api_key="sk-test", base_url=simulator.url) as sdk:
        for event_names in (True, False):
            simulator.next(Scenario(content=Content.ERROR_EVENT, fault_event=0, event_names=event_names))
            stream = await sdk.images.generate(model="gpt-image-2", prompt="a fox", stream=True)
            with pytest.raises(openai.APIError, match="upstream error"):
                await anext(stream)


async def test_error_event_without_a_stream(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """Where there is no stream, the error is all of the answer."""
    simulator.next(Scenario(content=Content.ERROR_EVENT, code="bad_response"))
    answer = await client.post(PATH, json=ORDER | {"stream": False})

    assert (answer.status_code, answer.json()["error"]["code"]) == (200, "bad_response")


@pytest.mark.parametrize("chunk_end", [Fault.CUT_BODY, Fault.RESET_MID_BODY])
async def test_death_inside_an_event(simulator: Simulator, client: httpx.AsyncClient, chunk_end: Fault) -> None:
    """The connection ends in the middle of the event that is named; all pictures are billed."""
    simulator.next(Scenario(fault=chunk_end, fault_event=1))
    blocks: list[str] = []
    with pytest.raises(httpx.RemoteProtocolError if chunk_end is Fault.CUT_BODY else httpx.ReadError):
        await read_blocks(client, blocks)

    assert types(blocks) == ["partial_image", "completed"]
    with pytest.raises(json.JSONDecodeError):
        json.loads(blocks[-1].partition("data: ")[2])
    assert simulator.pictures == 2


async def test_stream_stops_inside_an_event(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """The framing is whole, and the last event is not."""
    blocks = (await ask(client, simulator, Scenario(content=Content.CUT_JSON))).text.split("\n\n")

    assert types(blocks) == ["partial_image", "completed", "partial_image", "completed"]
    assert simulator.pictures == 2


async def test_stall_between_events(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """A stream falls silent behind a whole event, and goes on when released."""
    simulator.next(Scenario(fault=Fault.STALL_MID_BODY, fault_event=2, fault_at=0))
    before = ""
    async with client.stream("POST", PATH, json=ORDER) as answer:
        pieces = answer.aiter_text()
        while before.count("\n\n") < 2:
            before += await anext(pieces)
        await simulator.waiting(1)
        assert types(before.split("\n\n")) == ["partial_image", "completed", ""]
        simulator.release()
        after = "".join([piece async for piece in pieces])

    assert types(after.split("\n\n")) == ["partial_image", "completed", ""]


async def test_stream_without_its_picture(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """A stream may end in good order before a picture that is billed all the same."""
    answer = await ask(client, simulator, Scenario(content=Content.NOT_COMPLETED, fault_event=1, done_line=True))

    assert types(answer.text.split("\n\n")) == ["partial_image", "data: [DONE]", ""]
    assert simulator.pictures == 2


async def test_empty_stream(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """A stream may have no events at all, and bills nothing then."""
    answer = await ask(client, simulator, Scenario(content=Content.EMPTY_DATA))

    assert (answer.status_code, answer.content, simulator.pictures) == (200, b"", 0)
    assert answer.headers["content-type"].startswith("text/event-stream")


async def test_json_in_place_of_a_stream(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """The wish for a stream may be ignored: pictures and usage as without it, no previews billed."""
    answer = await ask(client, simulator, Scenario(ignores_stream=True))

    assert len(answer.json()["data"]) == 2
    assert answer.json()["usage"]["output_tokens"] == 2 * TOKENS


async def test_refusals_before_a_stream(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """What is refused before the first event is a plain error answer, and Cloudflare's page a plain page."""
    answers = [await ask(client, simulator, Scenario(status=status)) for status in (429, 524)]

    assert [answer.status_code for answer in answers] == [429, 524]
    assert not any(answer.headers["content-type"].startswith("text/event") for answer in answers)


async def test_events_take_their_time(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """There is a pause before each of the four events."""
    started = asyncio.get_running_loop().time()
    await ask(client, simulator, Scenario(event_pause_seconds=0.05))

    assert asyncio.get_running_loop().time() - started >= 0.19  # a timer may be early by the clock's resolution


async def test_a_client_that_leaves_does_not_stop_the_count(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """All pictures of a stream are billed though its client left behind the first event; the exchange then ends."""
    simulator.next(Scenario(event_pause_seconds=0.05))
    async with client.stream("POST", PATH, json=ORDER) as answer:
        first = await anext(answer.aiter_text())
    await simulator.quiet()

    assert first.startswith("event: image_generation.partial_image")
    assert (simulator.pictures, simulator.logbook.tally.output_tokens) == (2, 2 * (TOKENS + 100))
