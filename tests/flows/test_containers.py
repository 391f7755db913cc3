"""``response_format`` both ways: links of ours for models that give base64, base64 for models that give links."""

import base64
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from app.simulator.scenario import Link, Scenario
from app.simulator.server import Simulator
from tests.support.gateway import Gateway, running_gateway

BOAT: dict[str, Any] = {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x1024", "quality": "low"}
HOUSE: dict[str, Any] = {"model": "dall-e-3", "prompt": "a house", "size": "1024x1024"}


def picture(data: bytes) -> Image.Image:
    """The picture, decoded to its last pixel."""
    image = Image.open(BytesIO(data))
    image.load()
    return image


async def test_a_link_is_made_of_base64(gateway: Gateway) -> None:
    """Asked for a url, gpt-image-2's picture is kept and a signed link to it is given; no key is needed to open it."""
    team = await gateway.new_team()
    client = gateway.sdk(await gateway.new_key(team))
    answer = await client.images.generate(**BOAT, n=2, response_format="url")

    assert answer.data is not None
    assert [item.b64_json for item in answer.data] == [None, None]
    assert answer.usage is not None
    links = [item.url or "" for item in answer.data]
    assert all(link.startswith(f"{gateway.address}/images/") for link in links)
    async with httpx.AsyncClient() as anybody:
        opened = [await anybody.get(link) for link in links]
    assert [found.headers["content-type"] for found in opened] == ["image/png", "image/png"]
    assert {picture(found.content).size for found in opened} == {(1024, 1024)}
    (entry,) = await gateway.entries(team.id)
    assert (entry.outcome, entry.images, entry.image_output) == ("delivered", 2, answer.usage.output_tokens)


async def test_base64_with_escaped_slashes_becomes_the_same_picture(gateway: Gateway) -> None:
    r"""A relay that writes ``\/`` into base64 does not spoil the picture behind the link."""
    gateway.simulator.next(Scenario(escaped_slashes=True))
    client = gateway.sdk(await gateway.new_key(await gateway.new_team()))
    answer = await client.images.generate(**BOAT, response_format="url")

    assert answer.data is not None
    async with httpx.AsyncClient() as anybody:
        opened = await anybody.get(answer.data[0].url or "")
    assert picture(opened.content).size == (1024, 1024)


@pytest.mark.parametrize("given", ["asked upstream", "other container"])
async def test_base64_is_had_whatever_the_upstream_gives(open_gateway: Gateway, given: str) -> None:
    """Asked for base64, a model with a choice is asked for it too; when it gives a link all the same, it is fetched."""
    gateway = open_gateway
    gateway.simulator.next(Scenario(other_container=given == "other container"))
    client = gateway.sdk(await gateway.new_key(await gateway.new_team()))
    answer = await client.images.generate(**HOUSE, response_format="b64_json")

    assert answer.data is not None
    (item,) = answer.data
    assert item.url is None
    assert item.revised_prompt
    assert picture(base64.b64decode(item.b64_json or "", validate=True)).size == (1024, 1024)


@pytest.mark.parametrize(
    "link", [Link.GONE, Link.EMPTY, Link.DISGUISED_HTML, Link.MOVED_AWAY, Link.CIRCULAR, Link.PROMISES_MORE]
)
async def test_a_link_that_fails_is_handed_over_as_it_is(open_gateway: Gateway, link: Link) -> None:
    """The picture is paid: where it cannot be fetched the client gets the link, with a warning, and a 200."""
    gateway = open_gateway
    gateway.simulator.next(Scenario(other_container=True, link=link))
    team = await gateway.new_team()
    async with gateway.http(await gateway.new_key(team)) as client:
        answer = await client.post("/v1/images/generations", json=HOUSE | {"response_format": "b64_json"})

    assert answer.status_code == 200
    assert answer.headers["x-imagegate-warning"] == 'response_format;kept="url"'
    assert answer.json()["data"][0]["url"].startswith(gateway.simulator.origin)
    (entry,) = await gateway.entries(team.id)
    assert (entry.outcome, entry.images) == ("delivered", 1)


async def test_a_host_nobody_listed_is_not_fetched_from(open_gateway: Gateway) -> None:
    """A link off the profile's list stays a link: the gateway opens nothing the catalog does not know."""
    gateway = open_gateway
    gateway.simulator.next(Scenario(other_container=True, link_origin="https://pictures.example"))
    async with gateway.http(await gateway.new_key(await gateway.new_team())) as client:
        answer = await client.post("/v1/images/generations", json=HOUSE | {"response_format": "b64_json"})

    assert answer.headers["x-imagegate-warning"] == 'response_format;kept="url"'


async def test_a_store_that_cannot_keep_loses_no_picture(redis_url: str, tmp_path: Path, simulator: Simulator) -> None:
    """Asked for a url while the store is broken, the client gets the base64 that was paid for, with a warning."""
    store = tmp_path / "images"
    async with running_gateway(redis_url, tmp_path, simulator, image_store=str(store)) as gateway:
        store.rmdir()
        store.write_text("no folder any more")
        team = await gateway.new_team()
        async with gateway.http(await gateway.new_key(team)) as client:
            answer = await client.post("/v1/images/generations", json=BOAT | {"response_format": "url"})

        assert answer.status_code == 200
        assert answer.headers["x-imagegate-warning"] == 'response_format;kept="b64_json"'
        assert picture(base64.b64decode(answer.json()["data"][0]["b64_json"])).size == (1024, 1024)
        assert [entry.outcome for entry in await gateway.entries(team.id)] == ["delivered"]


async def test_not_asked_means_not_converted(open_gateway: Gateway) -> None:
    """Without response_format the pictures come in the container the upstream chose, links untouched."""
    gateway = open_gateway
    client = gateway.sdk(await gateway.new_key(await gateway.new_team()))
    boat, house = await client.images.generate(**BOAT), await client.images.generate(**HOUSE)

    assert boat.data is not None
    assert boat.data[0].b64_json
    assert house.data is not None
    assert (house.data[0].url or "").startswith(gateway.simulator.origin)
