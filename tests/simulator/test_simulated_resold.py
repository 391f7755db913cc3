"""qwen-image and flux, resold by the picture, and the price list that says for how much."""

import base64
import io
from typing import Any

import httpx
import pytest
from PIL import Image

from app.simulator.server import Simulator

PATH = "/v1/images/generations"


@pytest.mark.parametrize(("size", "pixels"), [("1664*928", (1664, 928)), ("928x1664", (928, 1664))])
async def test_qwen_sizes(client: httpx.AsyncClient, size: str, pixels: tuple[int, int]) -> None:
    """qwen-image draws five sizes, written with a star or an x."""
    answer = (await client.post(PATH, json={"model": "qwen-image", "prompt": "a fox", "size": size})).json()

    with Image.open(io.BytesIO(base64.b64decode(answer["data"][0]["b64_json"]))) as image:
        assert image.size == pixels


async def test_flux(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """flux-pro gives a link to one JPEG whatever ``n`` says, without usage; base64 where it is asked to."""
    fields = {"model": "flux-pro", "prompt": "a fox", "size": "1024x768", "n": 4}
    answer = (await client.post(PATH, json=fields)).json()
    picture = await client.get(answer["data"][0]["url"])
    (entry,) = (await client.post(PATH, json=fields | {"response_format": "b64_json"})).json()["data"]

    assert (set(answer), len(answer["data"])) == ({"created", "data"}, 1)
    assert picture.headers["content-type"] == "image/jpeg"
    with Image.open(io.BytesIO(picture.content)) as image:
        assert (image.format, image.size) == ("JPEG", (1024, 768))
    assert (list(entry), simulator.pictures) == (["b64_json"], 2)


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"model": "qwen-image", "size": "1024*1024"}, 400, "1664x928"),
        ({"model": "qwen-image", "n": 2}, 500, "n must be 1 for model qwen-image"),
        ({"model": "qwen-image-edit"}, 500, "not supported model for image generation"),
        ({"model": "flux-pro", "size": "1000x1000"}, 400, "in steps of 32"),
        ({"model": "flux-pro", "size": "2048x2048"}, 400, "between 256 and 1440"),
    ],
)
async def test_refusals(
    simulator: Simulator, client: httpx.AsyncClient, fields: dict[str, Any], status: int, words: str
) -> None:
    """Each has sizes of its own, and draws nothing else."""
    answer = await client.post(PATH, json={"prompt": "a fox"} | fields)

    assert answer.status_code == status
    assert words in answer.json()["error"]["message"]
    assert simulator.pictures == 0


async def test_price_list(simulator: Simulator) -> None:
    """The list is public and counts itself; a model is sold by tokens, requests or seconds, or has no price at all."""
    async with httpx.AsyncClient(base_url=simulator.origin) as stranger:
        prices = (await stranger.get("/api/models")).json()
    pricing = {model["id"]: model["pricing"] for model in prices["data"]}
    types = {model["id"]: model["model_type"] for model in prices["data"]}

    assert (prices["success"], prices["page"], prices["page_size"]) == (True, 0, 0)
    assert prices["total"] == len(prices["data"]) == len(pricing)
    unit = {"currency": "USD / Request", "input": None, "output": None, "per_second": None}
    assert pricing["gpt-image-2"] == {
        "currency": "USD / M Tokens",
        "input": 4,
        "output": 24,
        "per_request": None,
        "per_second": None,
    }
    assert pricing["qwen-image"] == unit | {"per_request": 0.04}
    assert pricing["doubao-seedream-4-0-250828"]["per_request"] == 0.024
    assert pricing["gpt-image-2-all"] == unit | {"per_request": None}
    assert (types["gpt-5.5"], types["sora-2"], pricing["sora-2"]["per_second"]) == ("text", "video", 0.08)
