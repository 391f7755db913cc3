"""Whatever bytes come, in whatever portions: the parser is indifferent to the portions and never surprised."""

import asyncio

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.upstream.http1.incoming import Incoming
from tests.upstream.http1.scripted import Caller, ask, serving, transporting

CHUNKED = (
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;name=value\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nTrailer: t\r\n\r\n"
)
BY_LENGTH = b"HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 11\r\n\r\nhello world"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nhello world"

PIECES = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 100 Continue\r\n",
        b"HTTP/1.1 204 No Content\r\n",
        b"Content-Length: 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Connection: close\r\n",
        b"\r\n",
        b"5\r\nhello\r\n",
        b"0\r\n",
        b"hello",
        b"\0",
    ]
)


def parse(portions: list[bytes], *, eof: bool = True) -> Incoming:
    """An answer fed in these portions."""
    incoming = Incoming(to_head=False, max_header_bytes=65536)
    for portion in portions:
        incoming.feed(memoryview(portion))
    if eof:
        incoming.feed_eof()
    return incoming


@pytest.mark.parametrize("answer", [CHUNKED, BY_LENGTH, UNTIL_CLOSE])
def test_an_answer_may_be_split_at_every_byte(answer: bytes) -> None:
    """Cut in two at each position, and sent byte by byte, an answer reads the same."""
    splits = [[answer[:at], answer[at:]] for at in range(1, len(answer))]
    for portions in [*splits, [answer[at : at + 1] for at in range(len(answer))]]:
        incoming = parse(portions)
        assert (incoming.status, incoming.take()) == (200, b"hello world")
        assert (b"X-A", b"b") in incoming.headers
        assert incoming.is_complete


@pytest.mark.parametrize("answer", [CHUNKED, BY_LENGTH])
def test_an_answer_cut_at_any_byte_is_never_complete(answer: bytes) -> None:
    """The connection's end before the answer's raises, wherever it falls."""
    for at in range(len(answer)):
        with pytest.raises(httpx.RemoteProtocolError):
            parse([answer[:at]])


@pytest.mark.parametrize("answer", [CHUNKED, BY_LENGTH])
async def test_an_answer_split_on_the_wire_is_received(answer: bytes) -> None:
    """The same over a real socket, in small writes, many requests on one connection."""

    async def script(caller: Caller) -> None:
        for size in range(1, 12):
            await caller.request()
            for at in range(0, len(answer), size):
                await caller.send(answer[at : at + size])
                await asyncio.sleep(0)

    async with serving(script) as server, transporting() as transport:
        for _ in range(1, 12):
            _, body = await ask(transport, server.url)
            assert body == b"hello world"

        assert server.connections == 1


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES | st.binary(max_size=20), max_size=12))
def test_random_bytes_parse_or_raise_a_protocol_error(portions: list[bytes]) -> None:
    """Any bytes give an answer or RemoteProtocolError, the same for any portions: no other exception, no in-between."""

    def outcome(portions: list[bytes]) -> tuple[int, bytes] | None:
        try:
            incoming = parse(portions)
        except httpx.RemoteProtocolError:
            return None
        assert incoming.is_complete
        return incoming.status, incoming.take()

    assert outcome(portions) == outcome([b"".join(portions)])


@settings(max_examples=60, deadline=None)
@given(st.lists(PIECES | st.binary(max_size=20), max_size=12))
def test_random_bytes_on_the_wire_never_hang(portions: list[bytes]) -> None:
    """A server that says anything at all and hangs up leaves the caller with an answer or an httpx error, soon."""

    async def script(caller: Caller) -> None:
        await caller.request()
        await caller.send(b"".join(portions))

    async def exchange() -> None:
        async with asyncio.timeout(5), serving(script) as server, transporting() as transport:
            try:
                response, _ = await ask(transport, server.url)
                assert 200 <= response.status_code <= 999
            except httpx.TransportError:
                pass
            assert "0 active, 0 waiting" in repr(transport)

    asyncio.run(exchange())
