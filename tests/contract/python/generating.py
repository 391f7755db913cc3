"""Cases: making pictures from a prompt."""

import base64
import inspect
import json
import os
import urllib.request
from unittest.mock import patch

import openai
from openai.types import ImagesResponse

from tests.contract.python.scene import BOAT, JPEG, PNG, REQUEST_ID, WEBP, Lacking, Scene


def a_picture_comes_as_base64(scene: Scene) -> None:
    """A GPT image model answers with a picture in base64, its usage by modality, and what was drawn."""
    made = scene.client().images.generate(**BOAT)

    assert type(made) is ImagesResponse
    assert _pictures(made) == [PNG]
    assert made.data
    assert made.usage
    assert made.data[0].url is None
    assert (made.size, made.quality, made.output_format) == ("1024x1024", "low", "png")
    assert made.usage.total_tokens == made.usage.input_tokens + made.usage.output_tokens
    assert made.usage.input_tokens_details.text_tokens > 0
    assert made.usage.input_tokens_details.image_tokens == 0


def asked_for_base64_a_gpt_model_gives_it(scene: Scene) -> None:
    """``response_format="b64_json"``, which many programs always send, is no error with a GPT image model."""
    made = scene.client().images.generate(**BOAT, response_format="b64_json")

    assert _pictures(made) == [PNG]


def asked_for_a_url_a_link_comes_that_opens(scene: Scene) -> None:
    """``response_format="url"`` of a model that only has base64 gives a link, and a plain GET opens it."""
    made = scene.client().images.generate(**BOAT, response_format="url")

    assert made.data
    assert made.data[0].b64_json is None
    with urllib.request.urlopen(made.data[0].url or "", timeout=30) as answer:
        assert answer.headers["content-type"] == "image/png"
        assert answer.read().startswith(PNG)


def asked_for_base64_a_model_of_links_gives_it(scene: Scene) -> None:
    """``response_format="b64_json"`` of a model that only has links: the picture behind the link comes."""
    scene.upstream.plays({"container": "url"})
    made = scene.client().images.generate(model="qwen-image", prompt="a paper boat", response_format="b64_json")

    assert made.data
    assert _pictures(made) == [PNG]
    assert made.data[0].url is None


def asked_for_two_pictures_two_come(scene: Scene) -> None:
    """``n=2`` gives two different pictures."""
    made = scene.client().images.generate(**BOAT, n=2)

    assert made.data
    assert _pictures(made) == [PNG, PNG]
    assert made.data[0].b64_json != made.data[1].b64_json


def formats_are_as_asked(scene: Scene) -> None:
    """``output_format`` and ``output_compression`` reach the model."""
    client = scene.client()
    jpeg = client.images.generate(**BOAT, output_format="jpeg", output_compression=50)
    webp = client.images.generate(**BOAT, output_format="webp")

    assert _pictures(jpeg) == [JPEG]
    assert _pictures(webp) == [WEBP]


def no_model_means_the_default_one(scene: Scene) -> None:
    """A call that names no model gets a picture."""
    made = scene.client().images.generate(prompt="a paper boat", quality="low")

    assert _pictures(made) == [PNG]


def newest_parameter_is_known(scene: Scene) -> None:
    """``complexity`` of the 2.6 models, as the newest SDK has it, reaches the model."""
    client = scene.client()
    if "complexity" not in inspect.signature(client.images.generate).parameters:
        raise Lacking("images.generate has no parameter complexity")
    made = client.images.generate(**{**BOAT, "model": "gpt-image-2.6-flare"}, complexity="low")

    assert _pictures(made) == [PNG]
    assert json.loads(scene.upstream.last_body)["complexity"] == "low"


def raw_response_has_its_headers(scene: Scene) -> None:
    """``with_raw_response`` shows the request's id and OpenAI's rate limit headers, and parses to the same picture."""
    raw = scene.client("metered").images.with_raw_response.generate(**BOAT)

    assert REQUEST_ID.fullmatch(raw.headers["x-request-id"])
    assert raw.request_id == raw.headers["x-request-id"]
    assert raw.headers["content-type"] == "application/json"
    for name in ("requests", "images"):
        limit, left = (int(raw.headers[f"x-ratelimit-{word}-{name}"]) for word in ("limit", "remaining"))
        assert limit == 1000
        assert left in range(1000)
        assert f"x-ratelimit-reset-{name}" in raw.headers
    assert _pictures(raw.parse()) == [PNG]


def answer_knows_its_request_id(scene: Scene) -> None:
    """The parsed answer has ``_request_id``, the one public underscore of the SDK."""
    made = scene.client().images.generate(**BOAT)

    assert REQUEST_ID.fullmatch(made._request_id or "")


def streamed_response_is_read_in_pieces(scene: Scene) -> None:
    """``with_streaming_response`` hands the body over as it comes."""
    with scene.client().images.with_streaming_response.generate(**BOAT) as answer:
        body = b"".join(answer.iter_bytes())

    assert base64.b64decode(json.loads(body)["data"][0]["b64_json"]).startswith(PNG)


async def asynchronous_client_gets_a_picture(scene: Scene) -> None:
    """The asynchronous client gets the same."""
    async with scene.async_client() as client:
        made = await client.images.generate(**BOAT)

    assert _pictures(made) == [PNG]


def environment_variables_are_enough(scene: Scene) -> None:
    """A program written for OpenAI needs no change: a key and a base URL in its environment are enough."""
    with patch.dict(os.environ, scene.environment()), openai.OpenAI() as client:
        made = client.images.generate(**BOAT)

    assert _pictures(made) == [PNG]


def base_url_goes_without_v1(scene: Scene) -> None:
    """A base URL without ``/v1`` works."""
    client = scene.client(base="")

    assert _pictures(client.images.generate(**BOAT)) == [PNG]
    assert client.models.retrieve("gpt-image-2").id == "gpt-image-2"


def base_url_may_end_in_a_slash(scene: Scene) -> None:
    """A base URL that ends in a slash works."""
    made = scene.client(base="/v1/").images.generate(**BOAT)

    assert _pictures(made) == [PNG]


def what_clients_add_does_no_harm(scene: Scene) -> None:
    """An organisation, a project, headers and a query string of the client's own change nothing."""
    client = scene.client(
        organization="org-1", project="proj-1", default_headers={"X-App": "mine"}, default_query={"api-version": "1"}
    )

    assert _pictures(client.images.generate(**BOAT)) == [PNG]


def _pictures(made: ImagesResponse) -> list[bytes]:
    """How each picture begins, as far as that tells its format."""
    found = [base64.b64decode(picture.b64_json or "", validate=True) for picture in made.data or []]
    return [next((magic for magic in (PNG, JPEG, WEBP) if data.startswith(magic)), data[:8]) for data in found]
