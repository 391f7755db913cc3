"""httpx's own transport keeps the rules about money that ours keeps."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from app.errors import ClientGone
from app.upstream.httpx_transport import HttpxTransport
from tests.upstream.http1.scripted import Caller, answering, post, sending, serving


@asynccontextmanager
async def transporting(read_seconds: float = 5.0) -> AsyncIterator[HttpxTransport]:
    """Such a transport, closed at the end."""
    transport = HttpxTransport(
        connect_seconds=5.0,
        read_seconds=read_seconds,
        ssl_context=ssl.create_default_context(),
        proxy=None,
        max_connections=2,
        max_idle_connections=2,
        idle_seconds=60.0,
    )
    try:
        yield transport
    finally:
        await transport.aclose()


async def test_dispatch_is_told_before_the_first_byte_each_time() -> None:
    """``dispatched`` is called when the connection stands and nothing is written yet; each request has its own."""
    events: list[str] = []

    async def script(caller: Caller) -> None:
        while True:
            await caller.request()
            events.append("received")
            await caller.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async with serving(script) as server, transporting() as transport:
        for _ in range(2):
            request = post(server.url, extensions={"dispatched": lambda: events.append("dispatched")})
            response = await transport.handle_async_request(request)
            assert await response.aread() == b"ok"
        assert server.connections == 2
    assert events == ["dispatched", "received"] * 2


async def test_what_stands_behind_an_answer_is_nobody_s() -> None:
    """A second answer in the same bytes is not the answer to the next request."""
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"

    async with serving(sending(whole + b"mine" + whole + b"his!")) as server, transporting() as transport:
        for _ in range(3):
            answer = await transport.handle_async_request(post(server.url))
            assert await answer.aread() == b"mine"


async def test_what_dispatched_raises_stops_the_request_unsent() -> None:
    """The caller's last word: an exception from ``dispatched`` reaches it, and no byte leaves."""
    received: list[bytes] = []

    async def script(caller: Caller) -> None:
        received.append(await caller.reader.read())

    def refuse() -> None:
        raise ClientGone("it has left")

    async with serving(script) as server, transporting() as transport:
        with pytest.raises(ClientGone):
            await transport.handle_async_request(post(server.url, extensions={"dispatched": refuse}))
    assert received in ([], [b""])


async def test_a_silent_server_is_given_up_and_asked_once() -> None:
    """The deadline between bytes holds, and nothing is sent again behind the caller's back."""
    asked: list[bytes] = []

    async def script(caller: Caller) -> None:
        asked.append(await caller.request())
        await caller.hang_up_seen()

    async with serving(script) as server, transporting(read_seconds=0.05) as transport:
        with pytest.raises(httpx.ReadTimeout):
            await transport.handle_async_request(post(server.url))
    assert len(asked) == 1


async def test_no_connection_is_no_dispatch() -> None:
    """Where nobody listens the caller learns that nothing was sent."""
    sent: list[str] = []
    async with serving(answering) as server:
        url = server.url
    async with transporting() as transport:
        with pytest.raises(httpx.ConnectError):
            await transport.handle_async_request(post(url, extensions={"dispatched": lambda: sent.append("sent")}))
    assert not sent
