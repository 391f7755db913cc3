"""Seedream answers on the generations route with manners of its own: URLs, sizes by name, a usage without input."""

import base64
import io
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from PIL import Image

from app.simulator.scenario import Scenario, Usage
from app.simulator.server import Simulator

PATH = "/v1/images/generations"


def order(**fields: object) -> dict[str, object]:
    """A valid request."""
    return {"model": "doubao-seedream-4-5-251128", "prompt": "a fox"} | fields


async def test_answer_shape(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """Each picture tells its size; usage counts pictures and output tokens, and nothing that went in."""
    answer = (await client.post(PATH, json=order())).json()

    (entry,) = answer["data"]
    assert list(answer) == ["model", "created", "data", "usage"]
    assert (set(entry), entry["size"]) == ({"url", "size"}, "2048x2048")
    assert answer["usage"] == {"generated_images": 1, "output_tokens": 16384, "total_tokens": 16384}
    assert (simulator.pictures, simulator.logbook.tally.output_tokens) == (1, 16384)


async def test_signed_url(client: httpx.AsyncClient) -> None:
    """The URL says that it lasts a day, gives the picture without a key, and nothing without its signature."""
    url = (await client.post(PATH, json=order())).json()["data"][0]["url"]
    async with httpx.AsyncClient() as stranger:
        picture = await stranger.get(url)
        unsigned = await stranger.get(url.partition("?")[0])

    assert parse_qs(urlsplit(url).query)["X-Tos-Expires"] == ["86400"]
    assert (picture.headers["content-type"], unsigned.status_code) == ("image/jpeg", 404)
    with Image.open(io.BytesIO(picture.content)) as image:
        image.load()
        assert image.size == (2048, 2048)


@pytest.mark.parametrize(
    ("model", "size", "pixels"),
    [
        ("doubao-seedream-4-0-250828", "1K", (1024, 1024)),
        ("doubao-seedream-4-5-251128", "2k", (2048, 2048)),
        ("doubao-seedream-5-0-260128", "4K", (4096, 4096)),
        ("doubao-seedream-5-0-260128", "2560x1440", (2560, 1440)),
        ("doubao-seedream-3-0-t2i-250415", "512x512", (512, 512)),
    ],
)
async def test_sizes(client: httpx.AsyncClient, model: str, size: str, pixels: tuple[int, int]) -> None:
    """Sizes have names or numbers; as base64 the pictures come with the answer."""
    fields = order(model=model, size=size, response_format="b64_json")
    (entry,) = (await client.post(PATH, json=fields)).json()["data"]

    with Image.open(io.BytesIO(base64.b64decode(entry["b64_json"]))) as image:
        assert image.size == pixels
    assert entry["size"] == f"{pixels[0]}x{pixels[1]}"


@pytest.mark.parametrize(
    ("size", "words"), [("1024x1024", "at least 3686400"), ("5000x5000", "at most"), ("8K", "Invalid size '8K'")]
)
async def test_refused_sizes(client: httpx.AsyncClient, size: str, words: str) -> None:
    """From 4.5 on a megapixel is too small."""
    answer = await client.post(PATH, json=order(size=size))

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "size")
    assert words in answer.json()["error"]["message"]


async def test_one_picture_whatever_is_asked(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """Seedream has no n; usage can be missing here too."""
    simulator.next(Scenario(usage=Usage.MISSING))
    answer = (await client.post(PATH, json=order(n=3))).json()

    assert (len(answer["data"]), "usage" in answer, simulator.pictures) == (1, False, 1)
