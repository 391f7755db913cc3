"""What the transport puts on the wire, and when it says that it does."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from typing_extensions import override

from tests.upstream.http1.scripted import Caller, Script, answering, ask, serving, transporting

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def keeping(received: list[bytes]) -> Script:
    """A script that keeps what it is sent, up to a whole request by length or by chunks."""

    async def script(caller: Caller) -> None:
        head = await caller.head()
        if b"chunked" in head:
            received.append(head + await caller.reader.readuntil(b"0\r\n\r\n"))
        else:
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
            received.append(head + await caller.reader.readexactly(length))
        await caller.send(OK)

    return script


async def parts(*pieces: bytes) -> AsyncIterator[bytes]:
    """A request body that comes in pieces."""
    for piece in pieces:
        yield piece


class Stream(httpx.AsyncByteStream):
    """A body for which httpx writes no headers."""

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"ab"


async def test_a_request_is_written_as_httpx_has_it() -> None:
    """Header order and case, target with its query, and body are httpx's; nothing is added."""
    received: list[bytes] = []
    async with serving(keeping(received)) as server, transporting() as transport:
        await ask(
            transport, server.url + "?a=b%20c", headers={"X-Case": "Kept", "host": "upstream.test"}, content=b"{}"
        )

    head = b"POST /v1/images/generations?a=b%20c HTTP/1.1\r\n"
    assert [head + b"X-Case: Kept\r\nhost: upstream.test\r\nContent-Length: 2\r\n\r\n{}"] == received


async def test_a_stream_goes_out_in_chunks_or_by_its_length() -> None:
    """A stream is chunked unless its length is announced; empty pieces are left out, for one would end the chunks."""
    received: list[bytes] = []
    async with serving(keeping(received)) as server, transporting() as transport:
        await ask(transport, server.url, content=parts(b"abc", b"", b"defg"))
        await ask(transport, server.url, content=parts(b"abc", b"defg"), headers={"Content-Length": "7"})

    assert received[0].endswith(b"\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
    assert received[1].endswith(b"\r\nContent-Length: 7\r\n\r\nabcdefg")


async def test_host_and_framing_are_added_when_missing() -> None:
    """A request built around a bare stream still goes out as valid HTTP/1.1."""
    received: list[bytes] = []
    async with serving(keeping(received)) as server, transporting() as transport:
        for stream in (Stream(), httpx.ByteStream(b"ab"), httpx.ByteStream(b"")):
            request = httpx.Request("PUT", server.url, stream=stream)
            await (await transport.handle_async_request(request)).aread()

    start = b"PUT /v1/images/generations HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % server.port
    assert [
        start + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        start + b"Content-Length: 2\r\n\r\nab",
        start + b"Content-Length: 0\r\n\r\n",
    ] == received


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"headers": {"X-A": "b\r\nX-Injected: c"}}, id="line break"),
        pytest.param({"headers": {"X-A": "b\0"}}, id="nul"),
        pytest.param({"headers": {"Content-Length": "3"}, "content": b"{}"}, id="wrong length"),
        pytest.param({"headers": {"Content-Length": "x"}, "content": b"{}"}, id="length no number"),
        pytest.param({"headers": {"Content-Length": "2", "Transfer-Encoding": "chunked"}}, id="two framings"),
        pytest.param({"headers": {"Content-Length": "3"}, "content": b"{" * 300_000}, id="wrong length, large"),
    ],
)
async def test_a_request_that_is_not_one_message_is_never_sent(settings: dict[str, object]) -> None:
    """Header injection and false lengths are refused before a connection is even opened."""
    async with serving(answering) as server, transporting() as transport:
        with pytest.raises(httpx.LocalProtocolError):
            await ask(transport, server.url, **settings)

        assert server.connections == 0


@pytest.mark.parametrize("pieces", [(b"abc", b"defg"), (b"ab",)])
async def test_a_stream_of_the_wrong_length_is_cut_off(pieces: tuple[bytes, ...]) -> None:
    """A stream longer or shorter than announced raises, and its connection is closed, lest the server misread it."""
    async with serving(answering) as server, transporting() as transport:
        with pytest.raises(httpx.LocalProtocolError):
            await ask(transport, server.url, content=parts(*pieces), headers={"Content-Length": "3"})

        assert "0 active, 0 waiting | connections: 0 idle" in repr(transport)


async def test_a_large_body_passes_at_the_servers_pace() -> None:
    """Twelve megabytes to a server that starts to read only later: all of it arrives, none of it is lost."""
    body = bytes(range(256)) * 48_000
    received: list[bytes] = []
    reading = asyncio.Event()

    async def script(caller: Caller) -> None:
        await reading.wait()
        received.append((await caller.request()).partition(b"\r\n\r\n")[2])
        await caller.send(OK)

    async with serving(script) as server, transporting() as transport:
        await ask(transport, server.url, content=body, extensions={"dispatched": reading.set})

    assert [body] == received


async def test_an_early_answer_stops_the_upload() -> None:
    """A server that refuses before it has heard everything is heard; the rest is not sent, the connection not kept."""

    async def script(caller: Caller) -> None:
        await caller.head()
        await caller.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        await caller.hang_up_seen()

    async with serving(script) as server, transporting() as transport:
        response, body = await ask(transport, server.url, content=b"x" * 50_000_000)

        assert (response.status_code, body) == (413, b"no")
        assert "0 active, 0 waiting | connections: 0 idle" in repr(transport)


async def test_dispatch_is_told_once_before_the_first_byte() -> None:
    """``dispatched`` is called when the connection stands and nothing is written yet, on new and kept connections."""
    events: list[str] = []

    async def script(caller: Caller) -> None:
        while True:
            await caller.request()
            events.append("received")
            await caller.send(OK)

    async with serving(script) as server, transporting() as transport:
        for _ in range(2):
            await ask(transport, server.url, extensions={"dispatched": lambda: events.append("dispatched")})

    assert events == ["dispatched", "received"] * 2


async def test_nothing_is_dispatched_when_the_body_fails_at_once() -> None:
    """A body that raises before its first piece raises before dispatch, and the server hears nothing."""
    seen: list[str] = []

    async def failing() -> AsyncIterator[bytes]:
        raise ValueError("no picture")
        yield b""

    async with serving(answering) as server, transporting() as transport:
        with pytest.raises(ValueError, match="no picture"):
            await ask(transport, server.url, content=failing(), extensions={"dispatched": lambda: seen.append("sent")})

        assert seen == []
        assert "0 active, 0 waiting | connections: 0 idle" in repr(transport)


async def test_what_dispatched_raises_stops_the_request_unsent() -> None:
    """The caller's last word: an exception from ``dispatched`` reaches it, and no byte leaves."""
    received: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def script(caller: Caller) -> None:
        received.set_result(await caller.reader.read())

    def refuse() -> None:
        raise LookupError("changed my mind")

    async with serving(script) as server, transporting() as transport:
        with pytest.raises(LookupError):
            await ask(transport, server.url, extensions={"dispatched": refuse})

        assert await received == b""


async def test_a_request_whose_connection_breaks_is_not_sent_again() -> None:
    """One request, one arrival: a connection cut after dispatch is an error, whatever might be tried instead."""
    arrivals: list[bytes] = []

    async def script(caller: Caller) -> None:
        arrivals.append(await caller.request())

    async with serving(script) as server, transporting() as transport:
        with pytest.raises(httpx.RemoteProtocolError):
            await ask(transport, server.url)

        assert len(arrivals) == 1
        assert server.connections == 1
