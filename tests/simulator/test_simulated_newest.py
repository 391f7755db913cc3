"""gpt-image-2.6 draws moving pictures and has vector graphics written; its fields are unknown to older models."""

import base64
import io
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from PIL import Image

from app.simulator.pictures import read_serial
from app.simulator.scenario import Container, Scenario, Usage
from app.simulator.server import Simulator

PATH = "/v1/images/generations"
SVG = {"output_format": "svg", "svg": {"model": "gpt-5.5", "reasoning": {"effort": "low"}}}
TOKENS = 107
"""Of a low 1024x640."""


def order(**fields: object) -> dict[str, Any]:
    """A valid and cheap request."""
    return {"model": "gpt-image-2.6-flare", "prompt": "a fox", "quality": "low", "size": "1024x640"} | fields


def decode(answer: dict[str, Any]) -> bytes:
    """The only picture of an answer."""
    (entry,) = answer["data"]
    return base64.b64decode(entry["b64_json"])


@pytest.mark.parametrize(
    ("asked", "frames", "frame_ms"),
    [({}, 9, 200), ({"frame_count": 2, "frame_duration_ms": 44}, 2, 40), ({"frame_count": 16}, 16, 200)],
)
async def test_gif(client: httpx.AsyncClient, asked: dict[str, int], frames: int, frame_ms: int) -> None:
    """A gif has the frames asked for, for as long as asked to ten milliseconds, and each is paid for."""
    answer = (await client.post(PATH, json=order(output_format="gif", complexity="low", **asked))).json()

    with Image.open(io.BytesIO(decode(answer))) as image:
        assert (image.format, image.size, getattr(image, "n_frames", 1)) == ("GIF", (1024, 640), frames)
        assert image.info["duration"] == frame_ms
        image.seek(frames - 1)
        image.load()
    assert read_serial(decode(answer)) == 1
    assert (answer["output_format"], answer["usage"]["output_tokens"]) == ("gif", frames * TOKENS)


async def test_svg(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """An svg parses, shows its prompt unharmed, and its author is billed apart, thoughts included."""
    answer = (await client.post(PATH, json=order(**SVG, prompt="<a> & \x00b"))).json()

    root = ElementTree.fromstring(decode(answer))
    assert (root.tag, root.attrib["width"]) == ("{http://www.w3.org/2000/svg}svg", "1024")
    assert "<a> & b" in "".join(root.itertext())
    assert read_serial(decode(answer)) == 1
    usage = answer["svg_usage"]
    assert (usage["model"], usage["output_tokens"], usage["reasoning_tokens"]) == ("gpt-5.5", 1600, 400)
    assert usage["total_tokens"] == usage["input_tokens"] + 1600 == simulator.logbook.tally.svg_tokens
    assert answer["usage"]["output_tokens"] == TOKENS


async def test_svg_without_usage(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """Where usage is missing, so is the author's; the bill has both."""
    simulator.next(Scenario(usage=Usage.MISSING))
    answer = (await client.post(PATH, json=order(**SVG))).json()

    assert {"usage", "svg_usage"}.isdisjoint(answer)
    assert simulator.logbook.tally.svg_tokens > 1600


async def test_svg_by_link(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """Behind a link an svg has its own content type; noise keeps it well-formed."""
    simulator.next(Scenario(container=Container.URL, padding_bytes=1000))
    answer = (await client.post(PATH, json=order(**SVG))).json()
    picture = await client.get(answer["data"][0]["url"])

    assert picture.headers["content-type"] == "image/svg+xml"
    assert len(picture.content) > 2000
    ElementTree.fromstring(picture.content)


async def test_svg_edit_by_form(client: httpx.AsyncClient) -> None:
    """A form names the author in brackets."""
    given = io.BytesIO()
    Image.new("RGB", (64, 64)).save(given, "PNG")
    fields = order(output_format="svg") | {"svg[model]": "gpt-5.5", "svg[reasoning][effort]": "none"}
    files = {"image": ("a.png", given.getvalue(), "image/png")}
    answer = (await client.post("/v1/images/edits", data=fields, files=files)).json()

    assert (answer["svg_usage"]["model"], answer["svg_usage"]["reasoning_tokens"]) == ("gpt-5.5", 0)


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"complexity": "extreme"}, "invalid_value", "complexity"),
        ({"model": "gpt-image-2.5-flare", "complexity": "low"}, "unknown_parameter", "complexity"),
        ({"model": "gpt-image-2", "frame_count": 3}, "unknown_parameter", "frame_count"),
        ({"model": "gpt-image-2.5-flare", "output_format": "gif"}, "invalid_value", "output_format"),
        ({"frame_count": 3}, "invalid_value", "frame_count"),
        ({"output_format": "gif", "frame_count": 1}, "integer_below_min_value", "frame_count"),
        ({"output_format": "gif", "frame_count": 17}, "integer_above_max_value", "frame_count"),
        ({"output_format": "gif", "frame_duration_ms": 655_351}, "integer_above_max_value", "frame_duration_ms"),
        ({"output_format": "gif", "stream": True}, "invalid_value", "stream"),
        ({"output_format": "gif", "partial_images": 1}, "invalid_value", "partial_images"),
        ({"output_format": "gif", "output_compression": 50}, "invalid_value", "output_compression"),
        ({"output_format": "gif", "background": "transparent"}, "invalid_value", "background"),
        ({"output_format": "svg"}, "missing_required_parameter", "svg.model"),
        (SVG | {"svg": {}}, "missing_required_parameter", "svg.model"),
        (SVG | {"svg": {"model": "a", "reasoning": {"effort": "some"}}}, "invalid_value", "effort"),
        (SVG | {"n": 2}, "invalid_value", "n"),
        (SVG | {"output_format": "png"}, "invalid_value", "svg"),
    ],
)
async def test_refusals(
    *, simulator: Simulator, client: httpx.AsyncClient, fields: dict[str, Any], code: str, param: str
) -> None:
    """Fields of the newest are refused where they are unknown or do not fit together."""
    answer = await client.post(PATH, json=order(**fields))

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, param)
    assert simulator.pictures == 0
