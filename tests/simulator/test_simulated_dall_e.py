"""dall-e-2 and dall-e-3 answer with links of CometAPI's own or with base64, as they are asked, and tell no tokens."""

import base64
import io
import re
from typing import Any

import httpx
import pytest
from PIL import Image

from app.simulator.pictures import read_serial
from app.simulator.server import Simulator

PATH = "/v1/images/generations"
LINK = re.compile(r"http://127\.0\.0\.1:\d+/cdn/20\d{6}/[0-9a-f]{32}\.webp")


def order(**fields: object) -> dict[str, object]:
    """A valid request."""
    return {"model": "dall-e-3", "prompt": "a fox"} | fields


@pytest.mark.parametrize("asked", [{}, {"response_format": None}, {"response_format": "url"}])
async def test_links(simulator: Simulator, client: httpx.AsyncClient, asked: dict[str, object]) -> None:
    """Unless told otherwise the answer has a link that anybody can open, and the prompt as it was rewritten."""
    answer = (await client.post(PATH, json=order(**asked))).json()
    (entry,) = answer["data"]
    async with httpx.AsyncClient() as stranger:
        picture = await stranger.get(entry["url"])

    assert (set(answer), set(entry)) == ({"created", "data"}, {"url", "revised_prompt"})
    assert LINK.fullmatch(entry["url"])
    assert "a fox" in entry["revised_prompt"]
    assert picture.headers["content-type"] == "image/webp"
    with Image.open(io.BytesIO(picture.content)) as image:
        image.load()
        assert (image.format, image.size) == ("WEBP", (1024, 1024))
    assert simulator.pictures == 1


async def test_base64(client: httpx.AsyncClient) -> None:
    """Asked for base64 they give it; dall-e-2 rewrites no prompt and draws several."""
    fields = order(model="dall-e-2", size="256x256", n=2, response_format="b64_json")
    answer = (await client.post(PATH, json=fields)).json()

    assert [set(entry) for entry in answer["data"]] == [{"b64_json"}] * 2
    assert [read_serial(base64.b64decode(entry["b64_json"])) for entry in answer["data"]] == [1, 2]


REFUSED: list[tuple[dict[str, object], str | None, str | None, str]] = [
    ({"size": "512x512"}, "invalid_value", "size", "1792x1024"),
    ({"model": "dall-e-2", "size": "1792x1024"}, "invalid_value", "size", "256x256"),
    ({"n": 2}, "invalid_value", "n", "n=1"),
    ({"quality": "low"}, "invalid_value", "quality", "'standard', 'hd', and 'auto'"),
    ({"model": "dall-e-2", "quality": "hd"}, "invalid_value", "quality", "'standard', and 'auto'"),
    ({"style": "grim"}, "invalid_value", "style", "'vivid', and 'natural'"),
    ({"response_format": "png"}, "invalid_value", "response_format", "'b64_json', and 'url'"),
    ({"prompt": "x" * 4001}, None, None, "length 4000 or less. Your prompt length is 4001. Please reduce"),
    ({"prompt": "x" * 1001, "model": "dall-e-2"}, None, None, "length 1000 or less. Your prompt length is 1001."),
]


@pytest.mark.parametrize(("fields", "code", "param", "words"), REFUSED)
async def test_refusals(
    *,
    simulator: Simulator,
    client: httpx.AsyncClient,
    fields: dict[str, Any],
    code: str | None,
    param: str | None,
    words: str,
) -> None:
    """Each model has sizes, qualities and lengths of its own, and OpenAI's words for the others."""
    answer = await client.post(PATH, json=order(**fields))

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, param)
    assert words in error["message"]
    assert simulator.pictures == 0
