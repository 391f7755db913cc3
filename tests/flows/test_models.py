"""Models as a teammate meets them: which are listed, which one a request gets that names none, what is sent on."""

import io
from typing import Any

import openai
import pytest
from PIL import Image

from app.accounts.models import KeyOptions
from tests.support.gateway import Gateway

DEEP: Any = 1
for _ in range(900):
    DEEP = [DEEP]


@pytest.fixture
def boat() -> bytes:
    """A picture to start from."""
    file = io.BytesIO()
    Image.new("RGB", (256, 256), "brown").save(file, "PNG")
    return file.getvalue()


async def test_what_is_listed_and_what_is_found(gateway: Gateway) -> None:
    """An unpriced model is neither, and said to have no price; a retired one is found; a key's other models are not."""
    team = await gateway.new_team()
    client = gateway.sdk(await gateway.new_key(team))
    listed = {model.id for model in (await client.models.list()).data}
    with pytest.raises(openai.NotFoundError) as unpriced:
        await client.models.retrieve("qwen-image")
    with pytest.raises(openai.NotFoundError) as foreign:
        await gateway.sdk(await gateway.new_key(team, models=("gpt-image-2",))).models.retrieve("gpt-image-1.5")

    assert "gpt-image-2" in listed
    assert listed.isdisjoint({"qwen-image", "gpt-image-1"})
    assert (await client.models.retrieve("gpt-image-1")).id == "gpt-image-1"
    assert "`qwen-image` has no price at this gateway" in unpriced.value.message
    assert unpriced.value.param == foreign.value.param == "model"
    assert "is not one this key may use" in foreign.value.message


async def test_a_variation_without_a_model(open_gateway: Gateway, boat: bytes) -> None:
    """The SDK's bare call gets the one model that can, and the head says which."""
    client = open_gateway.sdk(await open_gateway.new_key(await open_gateway.new_team()))
    with pytest.warns(DeprecationWarning, match="deprecated"):  # the SDK's own, since OpenAI ended them
        answer = await client.images.with_raw_response.create_variation(image=boat)

    assert answer.headers["x-imagegate-normalized"] == 'model;to="dall-e-2"'
    assert b"dall-e-2" in open_gateway.simulator.received[0].body


async def test_an_edit_without_a_model(gateway: Gateway, boat: bytes) -> None:
    """Where the default model can, it does."""
    client = gateway.sdk(await gateway.new_key(await gateway.new_team()))
    answer = await client.images.with_raw_response.edit(image=boat, prompt="a boat", size="1024x1024", quality="low")

    assert answer.headers["x-imagegate-normalized"] == 'model;to="gpt-image-2"'


async def test_fields_that_wear_out_their_reader_are_not_passed(gateway: Gateway) -> None:
    """However deep or many the values of a field nobody knows, the answer is a 400 and nothing is sent."""
    options = KeyOptions(unknown_fields="pass")
    key = await gateway.new_key(await gateway.new_team(), options=options)
    order = {"model": "gpt-image-2", "prompt": "a boat", "size": "1024x1024", "quality": "low"}
    async with gateway.http(key) as client:
        for value in (DEEP, [0] * 1_001):
            answer = await client.post("/v1/images/generations", json=order | {"notes": value})
            assert (answer.status_code, answer.json()["error"]["param"]) == (400, "notes")
            image = [{"image_url": "data:image/png;base64,iVBORw0KGgo="}]
            answer = await client.post("/v1/images/edits", json=order | {"notes": value, "images": image})
            assert (answer.status_code, answer.json()["error"]["param"]) == (400, "notes")

    assert gateway.simulator.exchanges == 0
