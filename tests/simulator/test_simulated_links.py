"""A picture handed over as a link is served by the simulator, or fails to come in every way a link can fail."""

import asyncio
import io
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image

from app.simulator.scenario import Container, Link, Scenario
from app.simulator.server import Simulator

PATH = "/v1/images/generations"
CERTIFICATES = Path(__file__).parents[1] / "support" / "certificates"


async def buy(client: httpx.AsyncClient, simulator: Simulator, scenario: Scenario) -> str:
    """The link to a small picture."""
    simulator.next(scenario)
    answer = await client.post(PATH, json={"model": "dall-e-2", "prompt": "a fox", "size": "256x256"})
    return str(answer.json()["data"][0]["url"])


async def get(client: httpx.AsyncClient, simulator: Simulator, link: Link) -> httpx.Response:
    """What comes when a link of that kind is opened."""
    return await client.get(await buy(client, simulator, Scenario(link=link)))


async def test_no_picture(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """A link can lead nowhere, to nothing, and to a page that says what it is or does not; all are billed."""
    gone = await get(client, simulator, Link.GONE)
    empty = await get(client, simulator, Link.EMPTY)
    page = await get(client, simulator, Link.HTML)
    disguised = await get(client, simulator, Link.DISGUISED_HTML)

    assert (gone.status_code, empty.status_code, empty.content) == (404, 200, b"")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=UTF-8")
    assert (disguised.status_code, disguised.headers["content-type"]) == (200, "image/webp")
    assert page.content[:15] == disguised.content[:15] == b"<!DOCTYPE html>"
    assert simulator.pictures == 4


async def test_unnamed(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """A sound picture can come without saying what it is."""
    answer = await get(client, simulator, Link.UNNAMED)

    assert answer.headers["content-type"] == "application/octet-stream"
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.format == "WEBP"


async def test_moved(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """A link redirects to the picture on the same host, elsewhere, or for ever to itself."""
    inside = await client.get(await buy(client, simulator, Scenario(link=Link.MOVED)), follow_redirects=True)
    outside = await get(client, simulator, Link.MOVED_AWAY)
    other = await buy(client, simulator, Scenario(link=Link.MOVED_AWAY, link_elsewhere="http://other.test/x.webp"))

    assert (len(inside.history), inside.history[0].status_code, inside.status_code) == (1, 302, 200)
    assert inside.headers["content-type"] == "image/webp"
    assert (outside.status_code, urlsplit(outside.headers["location"]).hostname) == (302, "169.254.169.254")
    assert (await client.get(other)).headers["location"] == "http://other.test/x.webp"
    with pytest.raises(httpx.TooManyRedirects):
        await client.get(await buy(client, simulator, Scenario(link=Link.CIRCULAR)), follow_redirects=True)


async def test_stalled(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """A link falls silent half-way until it is released."""
    asked = asyncio.create_task(get(client, simulator, Link.STALLED))
    await simulator.waiting(1)
    assert not asked.done()
    simulator.release()

    with Image.open(io.BytesIO((await asked).content)) as image:
        image.load()


async def test_dripping(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """A link can come byte by byte, and ends with its reader."""
    url = await buy(client, simulator, Scenario(link=Link.DRIPPING))
    async with client.stream("GET", url) as answer:
        pieces = answer.aiter_raw()
        assert [len(await anext(pieces)) for _ in range(2)] == [1, 1]
    await simulator.quiet()


async def test_endless(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """A link has more behind it than anybody wants, and does not say how much."""
    url = await buy(client, simulator, Scenario(link=Link.ENDLESS))
    read = 0
    async with client.stream("GET", url) as answer:
        assert "content-length" not in answer.headers
        async for piece in answer.aiter_raw():
            read += len(piece)
            if read > 8 * 1024 * 1024:
                break
    await simulator.quiet()


async def test_wrong_lengths(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """A link can promise more than comes, which is an error, or less, which cuts the picture off."""
    with pytest.raises(httpx.RemoteProtocolError, match="expected"):
        await get(client, simulator, Link.PROMISES_MORE)
    cut = await get(client, simulator, Link.PROMISES_LESS)

    with pytest.raises(OSError, match="decode"):
        Image.open(io.BytesIO(cut.content))


async def test_origin(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """Links can name a host that no client has on its list."""
    url = await buy(client, simulator, Scenario(link_origin="https://evil.test:8443"))

    assert url.startswith("https://evil.test:8443/cdn/")


@pytest.mark.parametrize(("asked", "given"), [("url", "b64_json"), ("b64_json", "url")])
async def test_the_other_container(simulator: Simulator, client: httpx.AsyncClient, asked: str, given: str) -> None:
    """Whichever container is asked for, a scenario gives the other; even a GPT image model then gives links."""
    simulator.default = Scenario(other_container=True)
    fields = {"prompt": "a fox", "response_format": asked}
    qwen = (await client.post(PATH, json=fields | {"model": "qwen-image"})).json()["data"][0]
    gpt = (await client.post(PATH, json={"prompt": "a fox", "model": "gpt-image-2", "quality": "low"})).json()

    assert list(qwen) == [given]
    assert (await client.get(gpt["data"][0]["url"])).headers["content-type"] == "image/png"


async def test_https() -> None:
    """With a certificate the simulator speaks https, and so do its links."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(CERTIFICATES / "localhost.pem")
    trust = ssl.create_default_context(cafile=CERTIFICATES / "authority.pem")
    async with (
        Simulator(tls=tls) as secure,
        httpx.AsyncClient(base_url=secure.origin, headers={"Authorization": "Bearer sk-test"}, verify=trust) as client,
    ):
        url = await buy(client, secure, Scenario(container=Container.URL))
        picture = await client.get(url)
        assert url.startswith(f"{secure.origin}/cdn/")

    assert urlsplit(url).scheme == "https"
    assert picture.headers["content-type"] == "image/webp"
