"""Answers whose bytes are unusual and whose meaning is not: escaped slashes, monstrous pictures, too few of them."""

import base64
import io
import json
from typing import Any

import httpx
import pytest
from PIL import Image

from app.simulator.noise import add_noise
from app.simulator.pictures import Sketch, draw, read_serial
from app.simulator.scenario import Content, Scenario, Spelling
from app.simulator.server import Simulator

PATH = "/v1/images/generations"


def order(**fields: object) -> dict[str, Any]:
    """A valid and cheap request."""
    return {"model": "gpt-image-2", "prompt": "a fox", "quality": "low", "size": "1024x640"} | fields


async def test_escaped_slashes(simulator: Simulator, client: httpx.AsyncClient) -> None:
    r"""Every slash of an answer, a link or an event is written ``\/`` and reads as a slash."""
    simulator.default = Scenario(escaped_slashes=True)
    picture = await client.post(PATH, json=order())
    link = await client.post(PATH, json={"model": "dall-e-3", "prompt": "a fox"})
    stream = await client.post(PATH, json=order(stream=True))

    for answer in (picture, link, stream):
        assert answer.text.count("/") == answer.text.count(r"\/") > 3
    assert read_serial(base64.b64decode(picture.json()["data"][0]["b64_json"], validate=True)) == 1
    assert (await client.get(link.json()["data"][0]["url"])).status_code == 200
    event = json.loads(stream.text.partition("data: ")[2])
    assert read_serial(base64.b64decode(event["b64_json"], validate=True)) == 3


async def test_monstrous_picture(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """Twenty megabytes of base64 hold a PNG that is valid to its last byte."""
    simulator.next(Scenario(padding_bytes=15_000_000))
    answer = await client.post(PATH, json=order())
    picture = base64.b64decode(answer.json()["data"][0]["b64_json"], validate=True)

    assert len(answer.content) > 20_000_000
    assert picture.endswith(b"IEND\xaeB`\x82")
    with Image.open(io.BytesIO(picture)) as image:
        image.verify()  # the checksums of all chunks
    with Image.open(io.BytesIO(picture)) as image:
        image.load()


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp", "gif", "svg"])
def test_noise_is_harmless(output_format: str) -> None:
    """A file grows by what is asked and says the same as before; without noise it is the same."""
    picture = draw(Sketch("a fox", 256, 256, output_format, frames=2), serial=9)

    assert read_serial(add_noise(picture, output_format, 5000)) == 9
    assert len(add_noise(picture, output_format, 5000)) >= len(picture) + 5000
    assert add_noise(picture, output_format, 0) == picture


@pytest.mark.parametrize("spelling", Spelling)
@pytest.mark.parametrize("stream", [False, True])
async def test_spellings(simulator: Simulator, client: httpx.AsyncClient, spelling: Spelling, *, stream: bool) -> None:
    """Base64 comes as a data URI, in lines or unpadded, and is the same picture in answers and events."""
    simulator.next(Scenario(spelling=spelling))
    answer = await client.post(PATH, json=order(stream=stream, output_format="webp"))
    entry = json.loads(answer.text.partition("data: ")[2]) if stream else answer.json()["data"][0]
    text = str(entry["b64_json"])

    assert text.startswith("data:image/webp;base64,") == (spelling is Spelling.DATA_URI)
    assert ("\n" in text) == (spelling is Spelling.WRAPPED)
    assert spelling is not Spelling.UNPADDED or not text.endswith("=")
    assert read_serial(base64.b64decode(text.rpartition(",")[2] + "==")) == 1


async def test_data_uri_in_place_of_a_link(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """Some relays call a whole picture its address."""
    simulator.next(Scenario(spelling=Spelling.DATA_URI))
    entry = (await client.post(PATH, json={"model": "dall-e-3", "prompt": "a fox"})).json()["data"][0]

    assert entry["url"].startswith("data:image/webp;base64,")


async def test_blank_entries(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """Entries without a picture come before the picture, of nothing or of empty texts, and are not billed."""
    simulator.next(Scenario(blank_entries=2), Scenario(blank_entries=1, empty_strings=True))
    nothing, empty = [(await client.post(PATH, json=order())).json()["data"] for _ in range(2)]
    simulator.next(Scenario(content=Content.EMPTY_DATA, blank_entries=1, empty_strings=True))
    no_picture = (await client.post(PATH, json=order())).json()["data"]

    assert (nothing[:2], list(nothing[2])) == ([{}, {}], ["b64_json"])
    assert set(empty[0].values()) == {""}
    assert empty[1]["b64_json"]
    assert no_picture == [{"url": "", "b64_json": "", "revised_prompt": ""}]
    assert simulator.pictures == 2


async def test_fewer_pictures(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """A model can draw fewer pictures than it was asked for, says nothing of it, and bills what it drew."""
    simulator.default = Scenario(max_pictures=2)
    answers = [(await client.post(PATH, json=order(n=number))).json() for number in (4, 1)]

    assert [len(answer["data"]) for answer in answers] == [2, 1]
    assert [answer["usage"]["output_tokens"] for answer in answers] == [2 * 107, 107]
    assert simulator.pictures == 3
