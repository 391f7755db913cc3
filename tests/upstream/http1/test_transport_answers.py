"""What the transport makes of the answers a server can give."""

import httpx
import pytest

from tests.upstream.http1.scripted import Caller, ask, post, sending, serving, transporting

WHOLE = [
    pytest.param((b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",), b"hello", True, id="length"),
    pytest.param(
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nT: v\r\n\r\n",),
        b"hello",
        True,
        id="chunked",
    ),
    pytest.param((b"HTTP/1.1 204 No Content\r\n\r\n",), b"", True, id="204"),
    pytest.param((b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",), b"", True, id="304"),
    pytest.param((b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",), b"", True, id="empty"),
    pytest.param((b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",), b"ok", True, id="no reason"),
    pytest.param((b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",), b"ok", False, id="http/1.0"),
    pytest.param((b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",), b"ok", False, id="close"),
    pytest.param((b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n",), b"ok", False, id="junk"),
    pytest.param(
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\njunk",),
        b"ok",
        False,
        id="junk after chunks",
    ),
    pytest.param(
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n",),
        b"ok",
        False,
        id="a second answer",
    ),
    pytest.param(
        (
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        ),
        b"ok",
        True,
        id="interim",
    ),
]


@pytest.mark.parametrize(("parts", "body", "reused"), WHOLE)
async def test_an_answer_is_read_and_its_connection_kept_only_when_clean(
    parts: tuple[bytes, ...], body: bytes, reused: bool
) -> None:
    """Every framing gives its body; the connection is kept exactly when the answer allows it and nothing followed."""
    async with serving(sending(*parts)) as server, transporting() as transport:
        for _ in range(2):
            _, received = await ask(transport, server.url)
            assert body == received

        assert (1 if reused else 2) == server.connections


async def test_a_body_without_length_ends_with_the_connection() -> None:
    """Neither length nor chunks: the body is all there is until the server closes."""
    async with (
        serving(sending(b"HTTP/1.1 200 OK\r\n\r\nfirst ", b"second", then_close=True)) as server,
        transporting() as transport,
    ):
        response, body = await ask(transport, server.url)

    assert body == b"first second"
    assert response.status_code == 200


async def test_an_answer_to_head_has_no_body() -> None:
    """The length in an answer to HEAD announces nothing."""

    async def script(caller: Caller) -> None:
        for _ in range(2):
            await caller.head()
            await caller.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")

    async with serving(script) as server, transporting() as transport:
        for _ in range(2):
            response = await transport.handle_async_request(httpx.Request("HEAD", server.url))
            assert await response.aread() == b""

        assert server.connections == 1


async def test_the_head_is_passed_on_as_it_came() -> None:
    """Status, reason, and every header including repeated ones reach the caller; interim headers do not."""
    answer = (
        b"HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n"
        b"HTTP/1.1 429 Slow Down\r\nX-Request-Id: r1\r\nset-cookie: a\r\nSet-Cookie: b\r\nContent-Length: 0\r\n\r\n"
    )
    async with serving(sending(answer)) as server, transporting() as transport:
        response, _ = await ask(transport, server.url)

    expected = [(b"X-Request-Id", b"r1"), (b"set-cookie", b"a"), (b"Set-Cookie", b"b"), (b"Content-Length", b"0")]
    assert expected == response.headers.raw
    assert response.status_code == 429
    assert response.extensions["reason_phrase"] == b"Slow Down"
    assert response.extensions["http_version"] == b"HTTP/1.1"


BROKEN_HEADS = [
    pytest.param(b"", id="nothing"),
    pytest.param(b"HTTP/1.1 200 OK\r\nContent-", id="half a head"),
    pytest.param(b"<html>Bad gateway</html>\r\n\r\n", id="not http"),
    pytest.param(b"HTTP/2.0 200 OK\r\n\r\n", id="http/2"),
    pytest.param(b"HTTP/1.1 2x0 OK\r\n\r\n", id="status"),
    pytest.param(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", id="header"),
    pytest.param(b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", id="101"),
    pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" * 17, id="endless interims"),
    pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", id="two lengths"),
    pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nok", id="a list of lengths"),
    pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok", id="negative length"),
    pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", id="length and chunks"),
    pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", id="another coding"),
    pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\nContent-Length: 0\r\n\r\n", id="head too large"),
    pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, id="endless header"),
]


@pytest.mark.parametrize("answer", BROKEN_HEADS)
async def test_a_malformed_head_is_refused(answer: bytes) -> None:
    """What is not one well-formed, bounded HTTP/1.1 head raises RemoteProtocolError, and its connection is dropped."""
    async with serving(sending(answer, then_close=True)) as server, transporting() as transport:
        with pytest.raises(httpx.RemoteProtocolError):
            await transport.handle_async_request(post(server.url))

        assert "0 active, 0 waiting | connections: 0 idle" in repr(transport)


BROKEN_BODIES = [
    pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut", id="shorter than its length"),
    pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ncut", id="cut chunk"),
    pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ncut\r\n", id="no last chunk"),
    pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", id="chunk size"),
    pytest.param(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"T: v\r\n" * 20_000, id="endless trailers"
    ),
]


@pytest.mark.parametrize("answer", BROKEN_BODIES)
async def test_a_cut_or_malformed_body_never_ends_cleanly(answer: bytes) -> None:
    """A body that does not reach its announced end raises; what came before may be read, the end is never silent."""
    async with serving(sending(answer, then_close=True)) as server, transporting() as transport:
        with pytest.raises(httpx.RemoteProtocolError):
            await ask(transport, server.url)

        assert "0 active, 0 waiting | connections: 0 idle" in repr(transport)


async def test_a_body_given_up_cannot_be_taken_for_a_whole_one() -> None:
    """Reading on after aclose raises instead of ending; the half-read connection is closed."""

    async def script(caller: Caller) -> None:
        await caller.request()
        await caller.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        await caller.hang_up_seen()

    async with serving(script) as server, transporting() as transport:
        response = await transport.handle_async_request(post(server.url))
        assert isinstance(response.stream, httpx.AsyncByteStream)
        await response.stream.aclose()
        with pytest.raises(httpx.ReadError):
            await anext(aiter(response.stream))

        assert "0 active, 0 waiting | connections: 0 idle" in repr(transport)


async def test_a_large_body_arrives_whole_in_bounded_chunks() -> None:
    """Twenty megabytes, by length and by chunks: every byte, in order, never more than 256 KiB at once."""
    body = bytes(range(256)) * 80_000
    chunked = b"".join(
        b"%x\r\n%b\r\n" % (len(p), p) for p in (body[i : i + 50_000] for i in range(0, len(body), 50_000))
    )
    answers = [
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%b0\r\n\r\n" % chunked,
    ]
    for answer in answers:
        async with serving(sending(answer)) as server, transporting() as transport:
            response = await transport.handle_async_request(post(server.url))
            chunks = [chunk async for chunk in response.aiter_raw()]

        assert body == b"".join(chunks)
        assert max(map(len, chunks)) <= 256 * 1024
