"""The nginx that is shipped, before two real gateways on one real Redis: what must pass does, and the rest is shut."""

import asyncio
import base64
import io
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from PIL import Image

from app.simulator.noise import add_noise
from app.simulator.pictures import read_serial
from app.simulator.scenario import Fault, Scenario
from app.simulator.server import Simulator
from tests.deploy.proxied_gateways import Gateways, Site, two_gateways
from tests.deploy.shipped_nginx import call, lay_out, shipped_nginx
from tests.support.gateway import ADMIN_TOKEN
from tests.support.waiting import until

pytestmark = pytest.mark.slow

BOAT: dict[str, Any] = {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x1024", "quality": "low"}
GENERATIONS = "/v1/images/generations"
MEBIBYTE = 1024 * 1024
LARGE_BYTES = 20 * MEBIBYTE
OPERATOR = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
NOBODY = "http://127.0.0.1:9"
"""A gateway that takes no connections: the port of the discard service, which nobody runs."""


@pytest.fixture
async def gateways(redis_url: str, tmp_path: Path) -> AsyncIterator[Gateways]:
    async with Simulator() as simulator, two_gateways(redis_url, tmp_path, simulator) as both:
        yield both


@pytest.fixture
async def site(gateways: Gateways, tmp_path: Path) -> AsyncIterator[Site]:
    async with shipped_nginx(tmp_path / "nginx", [gateway.address for gateway in gateways]) as proxy:
        yield Site(proxy, gateways)


def test_the_configuration_is_valid(tmp_path: Path) -> None:
    """`nginx -t` takes it as it is shipped, but for what a site has to fill in, and has nothing to remark."""
    folder = tmp_path / "nginx"
    lay_out(folder, ["http://127.0.0.1:1", "http://127.0.0.1:2"])
    done = subprocess.run(call(folder, "-t"), check=False, capture_output=True, text=True, timeout=20)

    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr + (folder / "error.log").read_text()


async def test_pictures_come_from_both_gateways_over_tls(site: Site) -> None:
    """The SDK gets its pictures; the gateway's request id arrives untouched, and both gateways take part."""
    async with site.sdk(await site.new_key()) as client:
        answers = [await client.images.with_raw_response.generate(**BOAT) for _ in range(2)]

    pictures = [answer.parse().data for answer in answers]
    assert [read_serial(base64.b64decode(data[0].b64_json or "")) for data in pictures if data] == [1, 2]
    logged = await site.logged(2)
    assert [line["request_id"] for line in logged] == [answer.headers["x-request-id"] for answer in answers]
    assert {f"http://{line['gateway']}" for line in logged} == {gateway.address for gateway in site.gateways}
    assert [answer.headers["server"] for answer in answers] == ["nginx"] * 2  # and not its version
    assert [answer.headers.get("content-encoding") for answer in answers] == [None] * 2


async def test_events_pass_one_by_one(site: Site) -> None:
    """The first event is with the client while the upstream still holds the last one back."""
    site.simulator.next(Scenario(fault=Fault.STALL_MID_BODY, fault_event=-1, fault_at=0.0))
    async with site.sdk(await site.new_key()) as client:
        stream = await client.images.generate(**BOAT, stream=True, partial_images=2)
        first = (await anext(stream)).type
        await site.simulator.waiting(1)
        site.simulator.release()
        rest = [event.type async for event in stream]

    assert first == "image_generation.partial_image"
    assert rest == ["image_generation.partial_image", "image_generation.completed"]


async def test_large_bodies_pass_both_ways(site: Site) -> None:
    """20 MB of pictures go in and 20 MB of picture come out, to the byte, and nothing of them lies on nginx's disk."""
    site.simulator.next(Scenario(padding_bytes=LARGE_BYTES))
    picture = _picture(LARGE_BYTES)
    async with site.sdk(await site.new_key()) as client:
        answer = await client.images.edit(image=("boat.png", picture, "image/png"), **BOAT)

    assert answer.data
    made = base64.b64decode(answer.data[0].b64_json or "", validate=True)
    assert len(made) > LARGE_BYTES
    assert read_serial(made) == 1
    assert picture in site.simulator.received[-1].body
    assert [path for path in site.proxy.folder.glob("temp_*/**/*") if path.is_file()] == []
    assert "temporary file" not in site.proxy.error_log


async def test_a_hang_up_reaches_the_gateway(site: Site) -> None:
    """Whoever leaves is gone at the gateway too, while the upstream is still at work."""
    site.simulator.next(Scenario(withhold=True))
    async with site.http(await site.new_key()) as client:
        asked = asyncio.create_task(client.post(GENERATIONS, json=BOAT))
        await site.simulator.waiting(1)
        before = site.connections
        asked.cancel()
        await asyncio.wait([asked])
        await until(site.is_left)
    still_made = site.simulator.in_flight
    site.simulator.release()

    assert (before, still_made) == (1, 1)
    assert [line["status"] for line in await site.logged(1)] == [499]


async def test_a_cut_answer_stays_cut(site: Site) -> None:
    """A picture of which half came never looks whole behind the proxy."""
    site.simulator.next(Scenario(fault=Fault.CUT_BODY, padding_bytes=MEBIBYTE))
    async with site.http(await site.new_key()) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post(GENERATIONS, json=BOAT)


SHUT = (
    "/admin",
    "/admin/v1/teams",
    "/admin/v1/me",
    "//admin/v1/teams",
    "/%61dmin/v1/teams",
    "/admin%2Fv1/teams",
    "/v1/../admin/v1/teams",
    "/v1/%2e%2e/admin/v1/teams",
    "/./admin/v1/teams",
    "/openapi.json",
    "/metrics",
    "/%6detrics",
    "/metrics/",
)


async def test_the_operator_s_door_is_shut(site: Site) -> None:
    """No spelling of its paths gets through, not even with the right token; no gateway hears of it."""
    async with site.http() as client:
        urls = [httpx.URL(site.proxy.https).copy_with(raw_path=path.encode()) for path in SHUT]
        answers = [await client.get(url, headers=OPERATOR) for url in urls]
        posted = await client.post("/admin/v1/teams", json={"name": "mine"}, headers=OPERATOR)

    assert {path: answer.status_code for path, answer in zip(SHUT, answers, strict=True)} == dict.fromkeys(SHUT, 404)
    assert (posted.status_code, posted.json()["error"]["code"]) == (404, "not_found")
    assert posted.headers["x-request-id"].startswith("nginx-")
    assert {line["gateway"] for line in await site.logged(len(SHUT) + 1)} == {""}


async def test_the_console_is_a_teammate_s_from_outside(site: Site) -> None:
    """Its page loads and a virtual key works in it; what it asks for operators is not there."""
    async with site.http(await site.new_key()) as client:
        page = await client.get("/console/")
        usage = await client.get("/v1/usage")
        operators = await client.get("/admin/v1/overview", headers=OPERATOR)
        health = [(await client.get(path)).status_code for path in ("/healthz", "/readyz")]

    assert (page.status_code, usage.status_code, operators.status_code) == (200, 200, 404)
    assert health == [200, 200]


async def test_operators_get_in_from_their_network(gateways: Gateways, tmp_path: Path) -> None:
    """With their network in site/operators.conf the door opens, and the token decides; /metrics stays shut."""
    both = [gateway.address for gateway in gateways]
    async with (
        shipped_nginx(tmp_path / "nginx", both, operators="allow 127.0.0.0/8;\n") as proxy,
        Site(proxy, gateways).http() as client,
    ):
        statuses = [
            (await client.get("/admin/v1/teams", headers=OPERATOR)).status_code,
            (await client.get("/admin/v1/teams")).status_code,
            (await client.get("/openapi.json")).status_code,
            (await client.get("/metrics", headers=OPERATOR)).status_code,
        ]

    assert statuses == [200, 401, 200, 404]


async def test_plain_http_is_led_on_or_told(site: Site) -> None:
    """A browser is redirected, path and query included; a program that sends its key in the clear is refused."""
    async with httpx.AsyncClient(base_url=site.proxy.http) as client:
        page = await client.get("/console/?from=bookmark")
        posted = await client.post(GENERATIONS, json=BOAT)

    assert (page.status_code, page.headers["location"]) == (308, f"{site.proxy.https}/console/?from=bookmark")
    assert (posted.status_code, posted.json()["error"]["code"]) == (403, "https_required")
    assert site.simulator.exchanges == 0


async def test_what_is_too_large_is_refused_clearly(site: Site) -> None:
    """Above the limit of forms nginx says so, above that of JSON the gateway does, both as the SDK expects it."""
    key = await site.new_key()
    async with site.http(key) as client:
        length = {"Content-Length": str(129 * MEBIBYTE), "Content-Type": "multipart/form-data; boundary=b"}
        form = await client.post("/v1/images/edits", content=_mebibytes(129), headers=length)
    async with site.sdk(key) as sdk:
        with pytest.raises(openai.APIStatusError) as refused:
            await sdk.images.generate(**BOAT | {"prompt": "x" * LARGE_BYTES})

    assert (form.status_code, form.json()["error"]["code"]) == (413, "request_too_large")
    assert (refused.value.status_code, refused.value.code) == (413, "request_too_large")


async def test_a_wrong_key_is_told_although_nobody_reads_the_upload(site: Site) -> None:
    """The gateway looks at the key before the body, and its answer arrives all the same."""
    async with site.sdk("sk-ig-wrong") as client:
        with pytest.raises(openai.AuthenticationError):
            await client.images.edit(image=("boat.png", _picture(LARGE_BYTES), "image/png"), **BOAT)


async def test_a_gateway_that_is_away_is_passed_over(gateways: Gateways, tmp_path: Path) -> None:
    """One of two takes no connections: all requests are served. None does: a clear 502, and no link in the log."""
    async with shipped_nginx(tmp_path / "nginx", [NOBODY, gateways[0].address]) as proxy:
        site = Site(proxy, gateways)
        async with site.http(await site.new_key()) as client:
            served = [(await client.post(GENERATIONS, json=BOAT)).status_code for _ in range(3)]
    async with shipped_nginx(tmp_path / "alone", [NOBODY]) as proxy, Site(proxy, gateways).http() as client:
        answers = [await client.get(path) for path in ("/v1/models", "/images/signature-of-a-link/name.png")]

    assert served == [200] * 3
    assert [(answer.status_code, answer.json()["error"]["code"]) for answer in answers] == [
        (502, "gateway_unavailable")
    ] * 2
    assert "/v1/models" in proxy.error_log
    assert "signature-of-a-link" not in proxy.error_log + proxy.access_log


async def test_a_wait_that_is_too_long_ends_clearly(gateways: Gateways, tmp_path: Path) -> None:
    """With less patience than is shipped: a 504 in OpenAI's form, and the gateway is told that nobody waits."""
    both = [gateway.address for gateway in gateways]
    async with shipped_nginx(tmp_path / "nginx", both, read_timeout_seconds=1) as proxy:
        site = Site(proxy, gateways)
        site.simulator.next(Scenario(withhold=True))
        async with site.http(await site.new_key()) as client:
            late = await client.post(GENERATIONS, json=BOAT)
        await until(site.is_left)
        site.simulator.release()

    assert (late.status_code, late.json()["error"]["code"]) == (504, "gateway_timeout")
    assert site.simulator.exchanges == 1


async def test_what_was_sent_is_never_sent_again(gateways: Gateways, tmp_path: Path) -> None:
    """A gateway that takes a request and dies leaves a 502: no other is asked for a second picture."""
    async with (
        _listening(b"") as dying,
        shipped_nginx(tmp_path / "nginx", [dying.address, gateways[0].address]) as proxy,
    ):
        site = Site(proxy, gateways)
        async with site.http(await site.new_key()) as client:
            asked = [(await client.post(GENERATIONS, json=BOAT)).status_code for _ in range(3)]

    assert set(asked) == {200, 502}
    assert len(dying.heads) == asked.count(502)
    assert site.simulator.pictures == asked.count(200)


async def test_the_gateway_learns_who_is_calling(tmp_path: Path, gateways: Gateways) -> None:
    """The client's address is appended to what it claims; ids and traces pass as they are, over HTTP/1.1."""
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    claims = {"X-Forwarded-For": "198.51.100.7", "X-Request-Id": "mine", "traceparent": trace}
    async with (
        _listening(b"HTTP/1.1 204 No Content\r\n\r\n") as listener,
        shipped_nginx(tmp_path / "nginx", [listener.address]) as proxy,
        Site(proxy, gateways).http() as client,
    ):
        await client.get("/v1/models", headers=claims)

    (head,) = listener.heads
    first, *lines = head.lower().splitlines()
    told = dict(line.split(": ", 1) for line in lines if line)
    assert first == "get /v1/models http/1.1"
    assert told["x-forwarded-for"] == "198.51.100.7, 127.0.0.1"
    assert (told["x-request-id"], told["traceparent"], told["host"]) == ("mine", trace, "localhost")
    assert "connection" not in told


async def test_nothing_secret_is_logged(site: Site) -> None:
    """Neither the link to a picture, nor a key, nor what follows a question mark."""
    key = await site.new_key()
    async with site.http(key) as client:
        answer = await client.post(GENERATIONS, json=BOAT | {"response_format": "url"})
        link = httpx.URL(answer.json()["data"][0]["url"]).path
        opened = await client.get(link)
        await client.get("/v1/models?api-key=hunter2")
    lines = await site.logged(3)

    assert opened.headers["content-type"] == "image/png"
    assert [line["route"] for line in lines] == ["/images/generations", "/images", "/models"]
    told = site.proxy.access_log + site.proxy.error_log
    assert [secret for secret in (link, link.split("/")[2], key, "hunter2") if secret in told] == []


@dataclass(frozen=True, slots=True)
class _Listener:
    """Something in a gateway's place, and the heads of the requests that came there."""

    address: str
    heads: list[str] = field(default_factory=list)


@asynccontextmanager
async def _listening(answer: bytes) -> AsyncIterator[_Listener]:
    """Take the head of each request, write this and hang up, until the block ends."""
    heads: list[str] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(take, "127.0.0.1", 0) as server:
        yield _Listener(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads)


def _picture(padding_bytes: int) -> bytes:
    """A small picture in a large file."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "brown").save(file, "PNG")
    return add_noise(file.getvalue(), "png", padding_bytes)


async def _mebibytes(number: int) -> AsyncIterator[bytes]:
    for _ in range(number):
        yield bytes(MEBIBYTE)
