"""POST /v1/images/variations takes one small square PNG, for dall-e-2 alone."""

import base64
import io
from typing import Any

import httpx
import openai
import pytest
from PIL import Image

from app.simulator.noise import add_noise
from app.simulator.server import Simulator

PATH = "/v1/images/variations"
FIELDS = {"model": "dall-e-2", "size": "256x256"}


def picture(width: int = 64, height: int = 64, file_format: str = "PNG") -> bytes:
    """A plain red picture."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), (255, 0, 0)).save(file, file_format)
    return file.getvalue()


async def test_openai_sdk_varies(simulator: Simulator) -> None:
    """The stock SDK gets as many variations as it asks for; each shows what it was made of."""
    async with openai.AsyncOpenAI(api_key="sk-test", base_url=simulator.url) as sdk:
        with pytest.warns(DeprecationWarning, match="deprecated"):  # the SDK's: OpenAI no longer runs the model
            varying = sdk.images.create_variation(
                model="dall-e-2", image=picture(), n=2, size="512x512", response_format="b64_json"
            )
        answer = await varying

    assert answer.data is not None
    assert len(answer.data) == 2
    with Image.open(io.BytesIO(base64.b64decode(answer.data[0].b64_json or ""))) as image:
        assert (image.size, image.getpixel((2, 2))) == ((512, 512), (255, 0, 0))
    assert simulator.pictures == 2


async def test_links(client: httpx.AsyncClient) -> None:
    """Unless told otherwise a variation is a link."""
    answer = await client.post(PATH, data=FIELDS, files={"image": ("a.png", picture(), "image/png")})
    (entry,) = answer.json()["data"]

    assert (await client.get(entry["url"])).headers["content-type"] == "image/webp"


REFUSED: list[tuple[bytes, dict[str, str], int, str, str]] = [
    (picture(64, 32), {}, 400, "image", "must be square"),
    (picture(file_format="JPEG"), {}, 400, "image", "must be a PNG and less than 4 MB"),
    (add_noise(picture(), "png", 4 * 1024 * 1024), {}, 400, "image", "less than 4 MB"),
    (picture()[:100], {}, 400, "image", "Invalid image file or mode for image"),
    (picture(), {"size": "1536x1024"}, 400, "size", "Supported sizes are"),
    (picture(), {"n": "11"}, 400, "n", "<= 10"),
    (picture(), {"model": ""}, 400, "", "model name is required"),
    (picture(), {"model": "gpt-image-2", "size": "auto"}, 500, "", "not supported model for image variations"),
]


@pytest.mark.parametrize(("data", "fields", "status", "param", "words"), REFUSED, ids=[words for *_, words in REFUSED])
async def test_refusals(
    *,
    simulator: Simulator,
    client: httpx.AsyncClient,
    data: bytes,
    fields: dict[str, Any],
    status: int,
    param: str,
    words: str,
) -> None:
    """Each bad form gets its status and its words, and draws nothing."""
    answer = await client.post(PATH, data=FIELDS | fields, files={"image": ("a.png", data, "image/png")})

    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (status, param)
    assert words in error["message"]
    assert simulator.pictures == 0


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([("other", ("a.png", b"x", "image/png"))], "field image is required"),
        ([("image", ("a.png", picture(), "image/png"))] * 2, "expected one file"),
        ([("image", (None, b"none", "text/plain"))], "expected a file, but got a string"),
    ],
)
async def test_one_file(client: httpx.AsyncClient, files: list[tuple[str, Any]], words: str) -> None:
    """None, two, and one that is no file are refused."""
    answer = await client.post(PATH, data=FIELDS, files=files)

    assert words in answer.json()["error"]["message"]
