"""Cases: pictures that come as a stream of events."""

import base64
from typing import Any

import openai
from openai.types import ImageGenCompletedEvent, ImageGenPartialImageEvent

from tests.contract.python.scene import BOAT, PNG, REQUEST_ID, Scene, fails, refused

COMPLETED, PARTIAL = "image_generation.completed", "image_generation.partial_image"


def a_stream_has_the_previews_asked_for(scene: Scene) -> None:
    """``partial_images`` 0 to 3: so many previews, counted from 0, then the picture with its usage; typed events."""
    client = scene.client()
    for previews in range(4):
        events = list(client.images.generate(**BOAT, stream=True, partial_images=previews))

        kinds = [ImageGenPartialImageEvent] * previews + [ImageGenCompletedEvent]
        assert [type(event) for event in events] == kinds
        assert [event.type for event in events] == [PARTIAL] * previews + [COMPLETED]
        assert [_index(event) for event in events[:-1]] == list(range(previews))
        for event in events:
            assert base64.b64decode(event.b64_json, validate=True).startswith(PNG)
            assert (event.size, event.quality, event.output_format) == ("1024x1024", "low", "png")
            assert isinstance(event.created_at, int)
        _check_usage(events[-1])


def a_stream_of_two_pictures_completes_twice(scene: Scene) -> None:
    """``n=2``: two completed events with a picture each, without and with previews."""
    client = scene.client()
    for previews in (0, 2):
        events = list(client.images.generate(**BOAT, n=2, stream=True, partial_images=previews))

        completed = [event for event in events if event.type == COMPLETED]
        assert len(completed) == 2
        assert len(events) == 2 + 2 * previews
        assert completed[0].b64_json != completed[1].b64_json
        for event in completed:
            _check_usage(event)


async def asynchronous_client_streams(scene: Scene) -> None:
    """The asynchronous client iterates over the same events."""
    async with scene.async_client() as client:
        stream = await client.images.generate(**BOAT, stream=True, partial_images=1)
        events = [event async for event in stream]

    assert [event.type for event in events] == [PARTIAL, COMPLETED]


def a_stream_says_what_it_is(scene: Scene) -> None:
    """The raw response of a stream has its content type, its request id and what keeps proxies from holding it."""
    raw = scene.client("metered").images.with_raw_response.generate(**BOAT, stream=True)

    assert raw.headers["content-type"].startswith("text/event-stream")
    assert REQUEST_ID.fullmatch(raw.headers["x-request-id"])
    assert "x-ratelimit-remaining-images" in raw.headers
    assert raw.headers["cache-control"] == "no-cache, no-transform"
    assert raw.headers["x-accel-buffering"] == "no"
    assert [event.type for event in raw.parse()] == [COMPLETED]


def what_an_upstream_adds_to_a_stream_does_no_harm(scene: Scene) -> None:
    """Comments, ``data: [DONE]``, CR LF and missing event names of the upstream do not disturb the SDK."""
    client = scene.client()
    for manners in ({"comments": True, "done_line": True}, {"crlf": True}, {"event_names": False}):
        scene.upstream.plays(manners)
        events = list(client.images.generate(**BOAT, stream=True, partial_images=1))
        assert [event.type for event in events] == [PARTIAL, COMPLETED]


def a_silent_stream_is_kept_alive_unseen(scene: Scene) -> None:
    """While the upstream is silent comments come, for the proxies on the way; the SDK shows none of them."""
    images = scene.client().images
    slow = {"event_pause_seconds": 0.5}
    scene.upstream.plays(slow, slow)
    with images.with_streaming_response.generate(**BOAT, stream=True) as answer:
        lines = list(answer.iter_lines())
    events = list(images.generate(**BOAT, stream=True))

    assert any(line.startswith(":") for line in lines)
    assert [event.type for event in events] == [COMPLETED]


def a_model_that_cannot_stream_completes_at_once(scene: Scene) -> None:
    """A model without streaming, asked to stream, gives the one completed event made of its answer."""
    order = {"model": "qwen-image", "prompt": "a paper boat", "response_format": "b64_json"}
    events = list(scene.client().images.generate(**order, stream=True))  # type: ignore[call-overload] # a dict's types

    assert [event.type for event in events] == [COMPLETED]
    assert base64.b64decode(events[0].b64_json).startswith(PNG)


def an_error_before_the_first_event_has_its_status(scene: Scene) -> None:
    """What fails before anything was sent raises the same classes as without a stream."""
    images = scene.client().images
    with refused(openai.BadRequestError, code="integer_above_max_value", param="partial_images"):
        images.generate(**BOAT, stream=True, partial_images=4)
    scene.upstream.plays({"code": "moderation_blocked"})
    with refused(openai.BadRequestError, code="moderation_blocked"):
        images.generate(**BOAT, stream=True)


def an_error_inside_a_stream_is_raised(scene: Scene) -> None:
    """After a preview the upstream's error event raises APIError with its code, and no provider's words."""
    scene.upstream.plays({"content": "error_event", "fault_event": 1, "code": "moderation_blocked"})
    seen: list[str] = []
    with fails(openai.APIError) as caught:
        seen.extend(event.type for event in scene.client().images.generate(**BOAT, stream=True, partial_images=2))

    assert seen == [PARTIAL]
    assert caught.error.code == "moderation_blocked"
    assert "request id:" not in str(caught.error.body)


def a_stream_that_is_cut_does_not_end_well(scene: Scene) -> None:
    """An upstream that dies inside an event: the SDK raises, so that nobody takes half a stream for a whole one."""
    scene.upstream.plays({"fault": "cut_body"})
    seen: list[str] = []
    with fails(Exception) as caught:
        seen.extend(event.type for event in scene.client().images.generate(**BOAT, stream=True, partial_images=1))

    assert COMPLETED not in seen
    # Before 3.x the SDK lets the error of httpx through.
    assert type(caught.error).__name__ in ("APIConnectionError", "RemoteProtocolError")


def a_stream_left_early_is_finished_behind(scene: Scene) -> None:
    """A caller that leaves after the first preview disturbs nobody: the next stream is whole."""
    client = scene.client()
    with client.images.generate(**BOAT, stream=True, partial_images=2) as stream:
        assert next(iter(stream)).type == PARTIAL
    scene.upstream.quiet()

    assert [event.type for event in client.images.generate(**BOAT, stream=True)] == [COMPLETED]


def _index(event: Any) -> int:
    return int(event.partial_image_index)


def _check_usage(event: Any) -> None:
    assert event.usage.output_tokens > 0
    assert event.usage.total_tokens == event.usage.input_tokens + event.usage.output_tokens
    assert event.usage.input_tokens_details.image_tokens == 0
