"""Edits and variations: pictures in, by form and by JSON, through the real SDK to the upstream."""

import base64
import io
from datetime import UTC, datetime
from typing import Any

import openai
import pytest
from PIL import Image

from app.accounts.models import KeyOptions
from tests.support.gateway import Gateway

CHANGE: dict[str, Any] = {"model": "gpt-image-2", "prompt": "add a sail", "size": "1024x1024", "quality": "low"}


def png(colour: str, size: tuple[int, int] = (64, 64), mode: str = "RGB") -> bytes:
    """A small picture of one colour."""
    file = io.BytesIO()
    Image.new(mode, size, colour).save(file, "PNG")
    return file.getvalue()


BOAT, SAIL, SEA = png("brown"), png("white"), png("blue")
MASK = png("white", mode="RGBA")


@pytest.mark.parametrize(
    ("images", "names"),
    [(BOAT, ["image"]), ([BOAT], ["image"]), ([BOAT, SAIL, SEA], ["image[]"] * 3)],
    ids=["one", "a list of one", "three"],
)
async def test_the_sdk_s_pictures_arrive_upstream(gateway: Gateway, images: Any, names: list[str]) -> None:
    """One picture or several, as the SDK sends them; input picture tokens are quoted and settled."""
    team = await gateway.new_team()
    answer = await gateway.sdk(await gateway.new_key(team)).images.edit(image=images, **CHANGE)

    assert answer.data is not None
    assert answer.data[0].b64_json
    (received,) = gateway.simulator.received
    body = received.body
    assert [body.count(f'name="{name}"; filename="image-'.encode()) for name in set(names)] == [len(names)]
    assert all(picture in body for picture in (images if isinstance(images, list) else [images]))
    assert answer.usage is not None
    (entry,) = await gateway.entries(team.id)
    assert entry.image_input == answer.usage.input_tokens_details.image_tokens > 0
    assert entry.cost <= entry.quote
    assert entry.flags == ""


async def test_a_mask_goes_along_and_a_stream_comes_back(gateway: Gateway) -> None:
    """An edit with a mask, streamed: the events are those of an edit."""
    team = await gateway.new_team()
    client = gateway.sdk(await gateway.new_key(team))
    stream = await client.images.edit(image=BOAT, mask=MASK, stream=True, partial_images=1, **CHANGE)
    seen = [event.type async for event in stream]

    assert seen == ["image_edit.partial_image", "image_edit.completed"]
    assert MASK in gateway.simulator.received[0].body
    assert [entry.outcome for entry in await gateway.entries(team.id)] == ["delivered"]


async def test_pictures_in_json_become_a_form(open_gateway: Gateway) -> None:
    """Data URLs and links from a listed host are sent upstream as files."""
    gateway = open_gateway
    key = await gateway.new_key(await gateway.new_team())
    made = await gateway.sdk(key).images.generate(model="dall-e-3", prompt="a sail", response_format="url")
    assert made.data is not None
    inline = f"data:image/png;base64,{base64.b64encode(BOAT).decode()}"
    body = CHANGE | {"images": [{"image_url": inline}, {"image_url": made.data[0].url}]}
    async with gateway.http(key) as client:
        answer = await client.post("/v1/images/edits", json=body)

    assert answer.status_code == 200, answer.text
    sent = gateway.simulator.received[-1].body
    assert sent.count(b'name="image[]"; filename="image-') == 2
    assert BOAT in sent


@pytest.mark.parametrize(
    ("reference", "word"),
    [
        ({"file_id": "file-123"}, "file"),
        ({"image_url": "https://pictures.example/boat.png"}, "IMAGEGATE_IMAGE_URL_HOSTS"),
        ({"image_url": "ftp://127.0.0.1/boat.png"}, "image_url"),
    ],
    ids=["file id", "foreign host", "other scheme"],
)
async def test_references_that_are_not_taken_are_refused(
    gateway: Gateway, reference: dict[str, str], word: str
) -> None:
    """What this gateway does not hold or may not fetch is a 400 that says so; nothing is bought."""
    key = await gateway.new_key(await gateway.new_team())
    async with gateway.http(key) as client:
        answer = await client.post("/v1/images/edits", json=CHANGE | {"images": [reference]})

    assert answer.status_code == 400
    assert word in answer.text
    assert gateway.simulator.exchanges == 0


async def test_a_broken_picture_is_refused_before_it_costs(gateway: Gateway) -> None:
    """A text that calls itself a picture is found out by its first bytes."""
    client = gateway.sdk(await gateway.new_key(await gateway.new_team()))
    with pytest.raises(openai.BadRequestError) as caught:
        await client.images.edit(image=("boat.png", b"no picture at all", "image/png"), **CHANGE)

    with pytest.raises(openai.BadRequestError) as empty:
        await client.images.edit(image=("boat.png", b"", "image/png"), **CHANGE)

    assert (caught.value.param, caught.value.code) == ("image[0]", "unsupported_file_mimetype")
    assert (empty.value.param, empty.value.code) == ("image[0]", "empty_image_file")
    assert gateway.simulator.exchanges == 0


async def test_variations_of_a_model_that_has_them(open_gateway: Gateway) -> None:
    """dall-e-2 makes variations; the others say who does."""
    gateway = open_gateway
    client = gateway.sdk(await gateway.new_key(await gateway.new_team()))
    vary = client.images.create_variation
    with pytest.warns(DeprecationWarning, match="deprecated"):  # the SDK's own, since OpenAI ended them
        answer = await vary(image=png("brown", (256, 256)), model="dall-e-2", size="256x256")
    with pytest.warns(DeprecationWarning, match="deprecated"), pytest.raises(openai.BadRequestError) as caught:
        await vary(image=BOAT, model="gpt-image-2")

    assert answer.data is not None
    assert answer.data[0].url
    assert caught.value.param == "model"
    assert "dall-e-2" in caught.value.message


async def test_a_retired_model_says_so(open_gateway: Gateway) -> None:
    """A model whose provider ended it is still sent on, with the headers that tell when it ended."""
    gateway = open_gateway
    async with gateway.http(await gateway.new_key(await gateway.new_team())) as client:
        answer = await client.post("/v1/images/generations", json={"model": "dall-e-3", "prompt": "a house"})

    assert answer.headers["deprecation"] == f"@{int(datetime(2026, 5, 12, tzinfo=UTC).timestamp())}"
    assert answer.headers["sunset"] == "Tue, 12 May 2026 00:00:00 GMT"


async def test_a_key_may_pass_unknown_fields(gateway: Gateway) -> None:
    """Nobody knows `sparkle`: refused by default, naming the setting; sent on untouched for a key that passes it."""
    team = await gateway.new_team()
    plain, passing = await gateway.new_key(team), await gateway.new_key(team, options=KeyOptions(unknown_fields="pass"))
    body = {"model": "gpt-image-2", "prompt": "a boat", "size": "1024x1024", "quality": "low", "sparkle": [1, {"a": 2}]}
    async with gateway.http() as client:
        refused, _ = [
            await client.post("/v1/images/generations", json=body, headers={"Authorization": f"Bearer {key}"})
            for key in (plain, passing)
        ]

    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == "unknown_parameter"
    assert "unknown_fields" in refused.json()["error"]["message"].lower()
    assert b'"sparkle":[1,{"a":2}]' in gateway.simulator.received[0].body


@pytest.mark.parametrize(
    "path", ["/images/generations", "/v1/images/generations/", "/v1/images/generations?api-version=1"]
)
async def test_base_urls_people_really_set(gateway: Gateway, path: str) -> None:
    """Without /v1, with a slash too many, with a query somebody adds: the picture comes, no redirect loses the body."""
    key = await gateway.new_key(await gateway.new_team())
    async with gateway.http(key) as client:
        answer = await client.post(path, json={"prompt": "a boat", "size": "1024x1024", "quality": "low"})

    assert answer.status_code == 200
