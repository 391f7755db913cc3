"""POST /v1/images/generations answers as CometAPI does: shapes, usage, refusals."""

import base64
import io
import re
from typing import Any

import httpx
import openai
import pytest
from PIL import Image

from app.simulator.pictures import read_serial
from app.simulator.scenario import Container, Scenario, Usage
from app.simulator.server import Simulator

REQUEST_ID = re.compile(r" \(request id: \d{23}[A-Za-z0-9]{8}\)$")
PATH = "/v1/images/generations"


def order(**fields: object) -> dict[str, object]:
    """A valid, small and cheap request."""
    return {"model": "gpt-image-2", "prompt": "a fox", "quality": "low"} | fields


async def test_openai_sdk_gets_a_picture(simulator: Simulator) -> None:
    """The stock SDK gets a decodable picture and a usage of 196 tokens for a low 1024x1024."""
    async with openai.AsyncOpenAI(api_key="sk-test", base_url=simulator.url) as sdk:
        answer = await sdk.images.generate(model="gpt-image-2", prompt="a fox", quality="low", output_format="webp")

    assert answer.data is not None
    assert answer.usage is not None
    with Image.open(io.BytesIO(base64.b64decode(answer.data[0].b64_json or ""))) as image:
        assert (image.format, image.size) == ("WEBP", (1024, 1024))
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens) == (8, 196, 204)
    assert (answer.size, answer.quality, answer.output_format) == ("1024x1024", "low", "webp")


async def test_answer_shape(client: httpx.AsyncClient) -> None:
    """Members come in CometAPI's order, auto is resolved, response_format is ignored, usage has the leaky keys."""
    answer = (await client.post(PATH, json=order(quality="auto", size="auto", response_format="url"))).json()

    assert list(answer) == ["created", "data", "background", "output_format", "quality", "size", "usage"]
    assert list(answer["data"][0]) == ["b64_json"]
    assert (answer["quality"], answer["size"], answer["background"]) == ("medium", "1024x1024", "opaque")
    assert answer["usage"]["output_tokens"] == 1756
    assert answer["usage"]["output_tokens_details"] == {"image_tokens": 1756, "text_tokens": 0}
    assert answer["usage"]["prompt_tokens"] == 0
    assert "claude_cache_creation_5_m_tokens" in answer["usage"]


async def test_several_pictures(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """Three pictures have three serial numbers, three times the output tokens and one time the input tokens."""
    answer = (await client.post(PATH, json=order(n=3))).json()

    serials = {read_serial(base64.b64decode(entry["b64_json"])) for entry in answer["data"]}
    assert serials == {1, 2, 3}
    assert (answer["usage"]["input_tokens"], answer["usage"]["output_tokens"]) == (8, 3 * 196)
    assert simulator.pictures == 3
    assert simulator.logbook.tally.output_tokens == 3 * 196


async def test_usage_scenarios(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """Usage can come first, lack details, be missing, negative or absurd; the true count is kept all the same."""
    simulator.next(
        Scenario(usage_first=True, output_details=False),
        Scenario(usage=Usage.MISSING),
        Scenario(usage=Usage.NEGATIVE),
        Scenario(usage=Usage.ABSURD),
    )
    first, missing, negative, absurd = [(await client.post(PATH, json=order())).json() for _ in range(4)]

    assert list(first)[:3] == ["created", "usage", "data"]
    assert "output_tokens_details" not in first["usage"]
    assert "usage" not in missing
    assert negative["usage"]["output_tokens"] == -196
    assert absurd["usage"]["output_tokens"] == 10**18
    assert simulator.logbook.tally.output_tokens == 4 * 196


async def test_empty_strings(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """The members new-api writes for what it does not have are empty strings."""
    simulator.next(Scenario(empty_strings=True))
    entry = (await client.post(PATH, json=order())).json()["data"][0]

    assert (entry["url"], entry["revised_prompt"]) == ("", "")
    assert entry["b64_json"]


@pytest.mark.parametrize("scenario", [Scenario(), Scenario(container=Container.URL)])
async def test_qwen_image_by_url(simulator: Simulator, client: httpx.AsyncClient, scenario: Scenario) -> None:
    """qwen-image answers with a URL the simulator serves itself, without usage."""
    simulator.next(scenario)
    asked = {} if scenario.container else {"response_format": "url"}
    answer = (await client.post(PATH, json={"model": "qwen-image", "prompt": "a fox", **asked})).json()

    picture = await client.get(answer["data"][0]["url"])
    assert (list(answer), picture.headers["content-type"]) == (["created", "data"], "image/png")
    assert read_serial(picture.content) == 1


async def test_qwen_image_by_base64(client: httpx.AsyncClient) -> None:
    """qwen-image answers with base64 unless a URL is asked for."""
    answer = (await client.post(PATH, json={"model": "qwen-image", "prompt": "a fox"})).json()

    with Image.open(io.BytesIO(base64.b64decode(answer["data"][0]["b64_json"]))) as image:
        assert image.size == (1328, 1328)


@pytest.mark.parametrize(
    ("fields", "status", "code", "param", "words"),
    [
        ({"prompt": None}, 500, "invalid_request", "", "field prompt is required"),
        ({"prompt": 5}, 500, "invalid_request", "", "cannot unmarshal"),
        ({"n": "2"}, 500, "invalid_request", "", "cannot unmarshal"),
        ({"model": None}, 400, "", "", "model name is required"),
        ({"model": "nope"}, 503, "model_not_found", "", "no available channel for group default and model nope (distr"),
        ({"model": "gemini-3-pro-image"}, 500, "convert_request_failed", "", "only imagen models"),
        ({"model": "qwen-image", "n": 2}, 500, "invalid_request", "", "n must be 1"),
        ({"quality": "standard"}, 400, "invalid_value", "quality", "'low', 'medium', 'high', and 'auto'."),
        ({"quality": "max"}, 400, "invalid_value", "quality", "Invalid value: 'max'."),
        ({"output_format": "tiff"}, 400, "invalid_value", "output_format", "'png', 'jpeg', and 'webp'."),
        ({"size": "1000x1000"}, 400, "invalid_value", "size", "must both be divisible by 16."),
        ({"size": "4096x2048"}, 400, "invalid_value", "size", "3840"),
        ({"size": "3072x512"}, 400, "invalid_value", "size", "3:1"),
        ({"size": "512x512"}, 400, "invalid_value", "size", "at least 655360"),
        ({"size": "3840x2176"}, 400, "invalid_value", "size", "at most 8294400"),
        ({"size": "large"}, 400, "invalid_value", "size", "Invalid size 'large'."),
        ({"model": "gpt-image-1.5", "size": "2048x2048"}, 400, "invalid_value", "size", "1536x1024"),
        ({"n": 0}, 400, "integer_below_min_value", "n", ">= 1"),
        ({"n": 11}, 400, "integer_above_max_value", "n", "<= 10"),
        ({"output_compression": 101}, 400, "integer_above_max_value", "output_compression", "<= 100"),
        ({"prompt": "x" * 32001}, 400, "string_above_max_length", "prompt", "32000"),
        ({"background": "transparent", "output_format": "jpeg"}, 400, "invalid_value", "background", "JPEG"),
        ({"stream": "true"}, 500, "invalid_request", "", "cannot unmarshal"),
        ({"stream": True, "partial_images": 4}, 400, "integer_above_max_value", "partial_images", "<= 3"),
    ],
)
async def test_refusals(
    *,
    simulator: Simulator,
    client: httpx.AsyncClient,
    fields: dict[str, Any],
    status: int,
    code: str,
    param: str,
    words: str,
) -> None:
    """Each bad request gets CometAPI's status, envelope and request id, and draws nothing."""
    answer = await client.post(PATH, json=order(**fields))

    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["code"], error["param"]) == (
        status,
        "comet_api_error",
        code,
        param,
    )
    assert words in error["message"]
    assert REQUEST_ID.search(error["message"])
    assert simulator.pictures == 0


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
async def test_bad_bodies_are_500(client: httpx.AsyncClient, body: bytes) -> None:
    """A body that is no JSON object is a 500, as CometAPI has it."""
    answer = await client.post(PATH, content=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "invalid_request")


async def test_newer_models_pass_with_more_qualities(client: httpx.AsyncClient) -> None:
    """An unknown gpt-image model is drawn; 2.5 and later know the quality max."""
    answers = [
        await client.post(PATH, json=order(model="gpt-image-3-comet")),
        await client.post(PATH, json=order(model="gpt-image-2.6-flare", quality="max")),
    ]

    assert [answer.status_code for answer in answers] == [200, 200]


@pytest.mark.parametrize("header", [None, "Bearer nonsense", "Basic sk-test", "sk-test"])
@pytest.mark.parametrize(("method", "path"), [("POST", PATH), ("GET", "/v1/models")])
async def test_bad_keys(simulator: Simulator, method: str, path: str, header: str | None) -> None:
    """Without an accepted bearer key the answer is 401 invalid token, and no scenario is used up."""
    simulator.next(Scenario(status=429))
    async with httpx.AsyncClient(base_url=simulator.origin) as stranger:
        answer = await stranger.request(method, path, headers={"Authorization": header} if header else {})

    assert answer.status_code == 401
    assert answer.json()["error"]["message"].startswith("invalid token (request id:")
    assert answer.json()["error"]["type"] == "comet_api_error"


async def test_lists_and_balance(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """The model list, the public price list and the balance have CometAPI's shapes."""
    await client.post(PATH, json=order())
    models = (await client.get("/v1/models")).json()
    async with httpx.AsyncClient(base_url=simulator.origin) as stranger:
        prices = (await stranger.get("/api/models")).json()
        balance = (await stranger.get("/user/quota", params={"key": "sk-test"})).json()
        refused = await stranger.get("/user/quota", params={"key": "wrong"})

    assert "gpt-image-2" in {model["id"] for model in models["data"]}
    assert prices["data"][0]["pricing"] == {
        "currency": "USD / M Tokens",
        "input": 4,
        "output": 24,
        "per_request": None,
        "per_second": None,
    }
    assert balance["total_used_quota"] == pytest.approx((8 * 4 + 196 * 24) / 1e6)
    assert refused.status_code == 401


@pytest.mark.parametrize("path", ["/images/generations", "/v1/images/edit", "/"])
async def test_wrong_path_redirects(client: httpx.AsyncClient, path: str) -> None:
    """A wrong path is a redirect with HTML, not a JSON 404."""
    answer = await client.post(path, json=order())

    assert answer.status_code == 301
    assert answer.headers["content-type"] == "text/html"
    assert answer.headers["location"].startswith("https://")
