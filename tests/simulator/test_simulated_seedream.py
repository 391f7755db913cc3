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
PIXEL = "data:image/png;base64,iVBORw0KGgo="


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


@pytest.mark.parametrize(
    ("image", "number"),
    [("https://example.test/a.png", 1), (PIXEL, 1), ([PIXEL, "http://example.test/b.webp"], 2), ([PIXEL] * 14, 14)],
)
async def test_references(simulator: Simulator, client: httpx.AsyncClient, image: str | list[str], number: int) -> None:
    """Addresses and data URIs are taken, one or up to fourteen, and counted; nothing is fetched."""
    answer = await client.post(PATH, json=order(image=image))

    assert (answer.status_code, simulator.logbook.tally.references) == (200, number)
    assert "input_tokens" not in answer.json()["usage"]


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ([PIXEL] * 15, "at most 14 images are allowed, got 15"),
        ("a.png", "image[0] is neither"),
        ("file:///etc/passwd", "image[0] is neither"),
        ("https://", "image[0] is neither"),
        ([PIXEL, 5], "image[1] is neither"),
        ("data:text/html;base64,AAAA", "image[0] is neither"),
        ("data:image/png;base64,???", "image[0] is neither"),
        ("data:image/png;base64,", "image[0] is neither"),
    ],
)
async def test_refused_references(simulator: Simulator, client: httpx.AsyncClient, image: object, words: str) -> None:
    """What is neither an address nor a picture is refused in the maker's words."""
    error = (await client.post(PATH, json=order(image=image))).json()["error"]

    assert (error["code"], error["param"]) == ("InvalidParameter", "image")
    assert words in error["message"]
    assert simulator.pictures == 0


async def test_sequence(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """Let tell a story it draws as many as it may; usage counts them, and references count against fifteen."""
    story = {"model": "doubao-seedream-4-0-250828", "size": "1K", "sequential_image_generation": "auto"}
    fields = order(**story, image=[PIXEL] * 12, sequential_image_generation_options={"max_images": 3})
    answer = (await client.post(PATH, json=fields)).json()
    too_many = await client.post(PATH, json=fields | {"image": [PIXEL] * 13})

    assert (len(answer["data"]), answer["usage"]["generated_images"], simulator.pictures) == (3, 3, 3)
    assert answer["usage"]["output_tokens"] == 3 * 4096
    assert "must not exceed 15" in too_many.json()["error"]["message"]


async def test_seedream_3_reads_neither(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """The first of them draws one picture from text alone."""
    fields = {"model": "doubao-seedream-3-0-t2i-250415", "size": "512x512", "sequential_image_generation": "auto"}
    answer = await client.post(PATH, json=order(**fields, image="nonsense"))

    assert (len(answer.json()["data"]), simulator.logbook.tally.references) == (1, 0)
