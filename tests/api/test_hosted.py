"""The route of hosted pictures over a real socket: whole, in parts, again, and safely for the pages that show them."""

import asyncio
import os
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route
from typing_extensions import override

from app.api.hosted import ServeImage, decide
from app.assets.hosted import HostedImage, HostedImages
from app.assets.links import LinkSigner
from app.assets.store import open_store
from app.errors import GatewayError
from app.metrics import Metrics
from app.web.errors import on_gateway_error, on_http_exception
from app.web.middleware import RequestHeads
from tests.support.s3_server import client_environment, closed_address
from tests.support.waiting import until

NOW = 1_800_000_000
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(document.cookie)</script></svg>"
NAME = "1800003600-0123456789abcdefghijKL.png"
TAG = f'"{NAME}"'
IMAGE = HostedImage(NAME, "image/png", 1000, 3600)
KEY = b"k" * 32


class _QuietServer(uvicorn.Server):
    """A server that leaves the test runner's signal handlers alone."""

    @override
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass
class Place:
    """A running route, the pictures behind it, and the time it thinks it is."""

    store: str | Path
    client: httpx.AsyncClient
    address: str = ""
    now: float = NOW

    @property
    def images(self) -> HostedImages:
        """The pictures, with links to this server."""
        signer = LinkSigner(KEY, self.address)
        return HostedImages(open_store(self.store), signer, 3600, lambda: self.now)

    async def keep(self, *chunks: bytes) -> str:
        """Keep a picture; its link."""

        async def given_chunks() -> AsyncIterator[bytes]:
            for chunk in chunks:
                yield chunk

        return await self.images.keep(given_chunks())


@asynccontextmanager
async def serving(place: Place, send_seconds: float = 30) -> AsyncIterator[None]:
    """The route on a real port, with the application's own rendering of errors."""
    listener = socket.create_server(("127.0.0.1", 0))
    place.address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    app = Starlette(
        routes=[
            Route("/images/{signature}/{name}", ServeImage(place.images, send_seconds, 100), methods=["GET", "HEAD"])
        ],
        middleware=[Middleware(RequestHeads, metrics=Metrics("0", "0"))],
        exception_handlers={GatewayError: on_gateway_error, HTTPException: on_http_exception},
    )
    app.router.redirect_slashes = False
    server = _QuietServer(uvicorn.Config(app, log_config=None, lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.wait([task], timeout=0.01)
    try:
        yield
    finally:
        await place.client.aclose()
        server.should_exit = True
        await task


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    place = Place(tmp_path / "images", httpx.AsyncClient(timeout=30))
    async with serving(place):
        yield place


async def test_a_picture_is_served_whole(place: Place) -> None:
    """GET gives the picture with everything a browser and a cache want to know; HEAD the same without the picture."""
    link = await place.keep(PNG)
    got = await place.client.get(link)
    assert (got.status_code, got.content) == (200, PNG)
    name = link.rpartition("/")[2]
    expected = {
        "content-type": "image/png",
        "content-length": str(len(PNG)),
        "content-disposition": f'inline; filename="{name}"',
        "etag": f'"{name}"',
        "cache-control": "private, max-age=3600, immutable",
        "accept-ranges": "bytes",
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; sandbox",
        "cross-origin-resource-policy": "cross-origin",
        "access-control-allow-origin": "*",
    }
    assert {key: got.headers.get(key) for key in expected} == expected
    head = await place.client.head(link)
    assert (head.status_code, head.content) == (200, b"")
    assert {key: head.headers.get(key) for key in expected} == expected


@pytest.mark.parametrize(("data", "kind"), [(SVG, "image/svg+xml"), (b"<html>", "application/octet-stream")])
async def test_documents_are_saved_not_shown(place: Place, data: bytes, kind: str) -> None:
    """An SVG can run scripts and an unknown file can be anything: opened by itself, it is a download."""
    got = await place.client.get(await place.keep(data))
    assert got.headers["content-type"] == kind
    assert got.headers["content-disposition"].startswith("attachment; filename=")
    assert got.headers["content-security-policy"] == "default-src 'none'; sandbox"


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=10-", 10, 1000),
        ("bytes=-10", 990, 1000),
        ("bytes=-999999999999999999", 0, 1000),
        ("bytes=5-999999999999999999", 5, 1000),
        ("Bytes=0-9", 0, 10),
    ],
)
def test_one_range_is_a_part(asked: str, start: int, stop: int) -> None:
    """Every way to write one range of bytes (RFC 9110 §14.1.2), also beyond the end."""
    answer = decide("GET", Headers({"range": asked}), IMAGE)
    assert (answer.status, answer.start, answer.stop) == (206, start, stop)


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=0-1,5-6",
        "bytes=5-4",
        "bytes=-",
        "bytes=a-b",
        "bytes 0-1",
        "items=0-1",
        "bytes=0x1-2",
        "bytes=+1-2",
        "bytes=1-" + "9" * 5000,
        "",
    ],
)
def test_what_is_no_single_range_gives_the_whole(asked: str) -> None:
    """Several ranges, malformed ones and numbers beyond all measure are ignored, as the standard allows."""
    answer = decide("GET", Headers({"range": asked}), IMAGE)
    assert (answer.status, answer.start, answer.stop) == (200, 0, 1000)


def test_two_range_headers_give_the_whole() -> None:
    """Nobody can say which of them is meant."""
    answer = decide("GET", Headers(raw=[(b"range", b"bytes=0-1"), (b"range", b"bytes=2-3")]), IMAGE)
    assert answer.status == 200


@pytest.mark.parametrize("asked", ["bytes=1000-", "bytes=999999999999999999-", "bytes=-0"])
def test_a_range_beyond_the_end_is_refused(asked: str) -> None:
    """There is no such part."""
    assert decide("GET", Headers({"range": asked}), IMAGE).status == 416


@pytest.mark.parametrize(
    ("condition", "status"), [(TAG, 206), ('"other"', 200), (f"W/{TAG}", 200), ("Mon, 01 Jan 2026 00:00:00 GMT", 200)]
)
def test_a_range_is_for_the_same_picture(condition: str, status: int) -> None:
    """If-Range with our tag continues a download; with another, or a weak one, or a date, it starts over."""
    assert decide("GET", Headers({"range": "bytes=1-2", "if-range": condition}), IMAGE).status == status


@pytest.mark.parametrize("condition", [TAG, f"W/{TAG}", f'"a", {TAG}', "*"])
def test_a_picture_is_not_sent_twice(condition: str) -> None:
    """Who has it already is told so, also when asking for a part."""
    assert decide("GET", Headers({"if-none-match": condition}), IMAGE).status == 304
    assert decide("HEAD", Headers({"if-none-match": condition, "range": "bytes=0-1"}), IMAGE).status == 304


async def test_parts_over_the_wire(place: Place) -> None:
    """A part comes with where it belongs; beyond the end, 416 tells the size and is not kept by a cache."""
    link = await place.keep(PNG)
    part = await place.client.get(link, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, PNG[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(PNG)}"
    assert part.headers["content-length"] == "10"
    beyond = await place.client.get(link, headers={"Range": f"bytes={len(PNG)}-"})
    assert (beyond.status_code, beyond.content) == (416, b"")
    assert beyond.headers["content-range"] == f"bytes */{len(PNG)}"
    assert beyond.headers["cache-control"] == "no-store"


async def test_known_pictures_over_the_wire(place: Place) -> None:
    """304 has the tag, the time that is left, and no body; another tag gets the picture."""
    link = await place.keep(PNG)
    tag = f'"{link.rpartition("/")[2]}"'
    known = await place.client.get(link, headers={"If-None-Match": tag})
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag)
    assert known.headers["cache-control"] == "private, max-age=3600, immutable"
    other = await place.client.get(link, headers={"If-None-Match": '"other"'})
    assert (other.status_code, other.content) == (200, PNG)


async def test_head_knows_no_ranges(place: Place) -> None:
    """Ranges are for GET (RFC 9110 §14.2)."""
    got = await place.client.head(await place.keep(PNG), headers={"Range": "bytes=0-1"})
    assert (got.status_code, got.headers["content-length"]) == (200, str(len(PNG)))


async def test_a_cache_keeps_it_no_longer_than_the_link(place: Place) -> None:
    """The allowance shrinks with the time that is left, and an ended link says so."""
    link = await place.keep(PNG)
    place.now = NOW + 3000
    async with serving(again := Place(place.store, httpx.AsyncClient(), now=NOW + 3000)):
        path = link.removeprefix(place.address)
        got = await again.client.get(again.address + path)
        assert got.headers["cache-control"] == "private, max-age=600, immutable"
    async with serving(again := Place(place.store, httpx.AsyncClient(), now=NOW + 3600)):
        got = await again.client.get(again.address + path)
        assert (got.status_code, got.json()["error"]["code"]) == (410, "link_expired")
        assert got.headers["cache-control"] == "no-store"


async def test_everything_else_is_unknown(place: Place) -> None:
    """Guesses, paths, line ends and broken text are all the same 404 in OpenAI's envelope, readable for any page."""
    signature, name = (await place.keep(PNG)).split("/")[-2:]
    for path in (
        "",
        f"{signature}",
        f"{signature}/",
        f"{signature}/other.png",
        f"A{signature}/{name}",
        f"{signature}/{name}/",
        f"{signature}/{name}%00",
        f"{signature}/{name}%0d%0aset-cookie:%20a=b",
        f"{signature}/..%2f..%2fsigning.key",
        f"{signature}/%2e%2e",
        f"%ff%fe/{name}",
        f"é/{name}",
    ):
        got = await place.client.get(f"{place.address}/images/{path}")
        assert (got.status_code, got.json()["error"]["code"]) == (404, "not_found"), path
        assert "set-cookie" not in got.headers


async def test_only_reading_is_allowed(place: Place) -> None:
    """Nobody can replace or remove a picture with its link."""
    link = await place.keep(PNG)
    for method in ("PUT", "POST", "DELETE"):
        got = await place.client.request(method, link, content=b"x")
        assert got.status_code == 405
    assert (await place.client.get(link)).content == PNG


async def test_a_store_that_is_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """503 in the envelope, without the store's own words."""
    with closed_address() as url:
        for name, value in client_environment(url).items():
            monkeypatch.setenv(name, value)
        place = Place("s3://pictures", httpx.AsyncClient(timeout=30))
        async with serving(place):
            got = await place.client.get(LinkSigner(KEY, place.address).link(NAME))
    assert (got.status_code, got.json()["error"]["code"]) == (503, "image_store_unavailable")
    assert got.headers["access-control-allow-origin"] == "*"
    assert url not in got.text


async def drain(body: AsyncIterator[bytes]) -> None:
    """Read to the end."""
    async for _ in body:
        pass


async def test_a_picture_that_fails_midway_is_cut(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """The body never ends cleanly when bytes are missing: a client can tell, and the operator finds a line."""
    chunk = os.urandom(1_000_000)
    link = await place.keep(PNG, *[chunk] * 30)
    async with place.client.stream("GET", link) as got:
        assert got.status_code == 200
        body = got.aiter_raw()
        await anext(body)
        await open_store(place.store).delete([link.rpartition("/")[2]])
        with pytest.raises(httpx.RemoteProtocolError):
            await drain(body)
    assert "a hosted picture was cut" in caplog.text


async def nothing_is_served() -> bool:
    """Two tasks are left: the test's own and the server's."""
    return len(asyncio.all_tasks()) == 2


async def test_a_client_that_leaves_is_noticed(place: Place) -> None:
    """Who hangs up in the middle is served no further, and the next one is served."""
    link = await place.keep(PNG, *[os.urandom(1_000_000)] * 30)
    async with httpx.AsyncClient() as leaving, leaving.stream("GET", link) as got:
        await anext(got.aiter_raw())
    await until(nothing_is_served)
    assert (await place.client.head(link)).status_code == 200


async def test_a_client_that_stops_reading_is_let_go(tmp_path: Path) -> None:
    """Who takes nothing for the time allowed finds the picture cut, and holds neither us nor the store any longer."""
    place = Place(tmp_path / "images", httpx.AsyncClient(timeout=30))
    async with serving(place, send_seconds=0.05):
        link = await place.keep(PNG, *[os.urandom(1_000_000)] * 30)
        async with place.client.stream("GET", link) as got:
            body = got.aiter_raw()
            await anext(body)
            await until(nothing_is_served)  # and meanwhile nothing is read
            with pytest.raises(httpx.RemoteProtocolError):
                await drain(body)


@given(
    st.text(st.sampled_from("bytes=-0123456789, "), max_size=30)
    | st.from_regex(r"bytes=[0-9]{0,20}-[0-9]{0,20}", fullmatch=True),
    st.integers(1, 10_000),
)
def test_whatever_is_asked_is_within_the_picture(asked: str, size: int) -> None:
    """No Range header, however odd, leads beyond the picture or to a length that is not the one promised."""
    image = HostedImage(NAME, "image/png", size, 3600)
    answer = decide("GET", Headers({"range": asked}), image)
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    assert 0 <= answer.start <= answer.stop <= size
    assert int(headers["content-length"]) == answer.stop - answer.start
    if answer.status == 206:
        found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", headers["content-range"])
        assert found is not None
        assert [int(number) for number in found.groups()] == [answer.start, answer.stop - 1, size]
    else:
        assert answer.status in (200, 416)
