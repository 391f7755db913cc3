"""TLS, proxies, and both together."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

import httpx
import pytest

from app.upstream.http1.route import ssl_context
from tests.upstream.http1.scripted import CERTIFICATES, Caller, Script, answering, ask, serving, transporting

BASIC_AUTH = b"Proxy-Authorization: Basic dXNlcjpwJTQwc3M="  # user:p%40ss, escaped once in the URL


@pytest.fixture
def server_context() -> ssl.SSLContext:
    """What the test's server shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "localhost.pem")
    return context


@pytest.fixture
def trust() -> ssl.SSLContext:
    """A client that trusts the authority of the tests."""
    return ssl_context(CERTIFICATES / "authority.pem")


async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes on until they end."""
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()


def tunnelling(heads: list[bytes]) -> Script:
    """A script: a proxy that opens every tunnel it is asked for, and keeps what it was asked."""

    async def script(caller: Caller) -> None:
        head = await caller.head()
        heads.append(head)
        host, _, port = head.split(b" ")[1].decode().rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        await caller.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            await asyncio.gather(relay(caller.reader, writer), relay(reader, caller.writer))
        finally:
            writer.close()

    return script


@contextlib.asynccontextmanager
async def proxied(heads: list[bytes], credentials: str = "") -> AsyncIterator[str]:
    """The URL of a running proxy."""
    async with serving(tunnelling(heads)) as proxy:
        yield f"http://{credentials}127.0.0.1:{proxy.port}"


async def test_an_exchange_over_tls(server_context: ssl.SSLContext, trust: ssl.SSLContext) -> None:
    """A verified connection carries requests, is kept, and carries large bodies both ways."""
    body = bytes(range(256)) * 8_000

    async def script(caller: Caller) -> None:
        while True:
            received = await caller.request()
            echoed = received.partition(b"\r\n\r\n")[2]
            await caller.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(echoed), echoed))

    async with serving(script, server_context) as server, transporting(ssl_context=trust) as transport:
        for _ in range(2):
            _, received = await ask(transport, server.url, content=body)
            assert body == received

        assert server.connections == 1


async def test_an_unknown_authority_is_refused(server_context: ssl.SSLContext) -> None:
    """A certificate no trusted authority has signed is a ConnectError: nothing is dispatched."""
    sent: list[str] = []
    async with serving(answering, server_context) as server, transporting(ssl_context=ssl_context(None)) as transport:
        with pytest.raises(httpx.ConnectError, match="certificate"):
            await ask(transport, server.url, extensions={"dispatched": lambda: sent.append("sent")})

        assert sent == []
        assert "0 active, 0 waiting" in repr(transport)


async def test_the_name_is_verified(server_context: ssl.SSLContext, trust: ssl.SSLContext) -> None:
    """A trusted certificate for another name is refused; the ``sni_hostname`` extension says which name to expect."""
    async with serving(answering, server_context) as server, transporting(ssl_context=trust) as transport:
        with pytest.raises(httpx.ConnectError, match="certificate"):
            await ask(transport, server.url, extensions={"sni_hostname": "other.test"})
        response, _ = await ask(transport, server.url, extensions={"sni_hostname": "upstream.test"})

    assert response.status_code == 200


async def test_plain_text_where_tls_is_due_is_refused(trust: ssl.SSLContext) -> None:
    """A server that does not speak TLS gets no request."""
    async with serving(answering) as server, transporting(ssl_context=trust, connect_seconds=0.1) as transport:
        with pytest.raises((httpx.ConnectError, httpx.ConnectTimeout)):
            await ask(transport, server.url.replace("http://", "https://"))

        assert "0 active, 0 waiting" in repr(transport)


async def test_https_goes_through_a_tunnel(server_context: ssl.SSLContext, trust: ssl.SSLContext) -> None:
    """CONNECT with the credentials, TLS with the upstream, which never sees them; the tunnel is kept for the next."""
    heads: list[bytes] = []
    seen: list[bytes] = []

    async def script(caller: Caller) -> None:
        while True:
            seen.append(await caller.request())
            await caller.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async with (
        serving(script, server_context) as server,
        proxied(heads, "user:p%2540ss@") as proxy,
        transporting(ssl_context=trust, proxy=proxy) as transport,
    ):
        for _ in range(2):
            _, body = await ask(transport, server.url)
            assert body == b"ok"

    authority = b"127.0.0.1:%d" % server.port
    assert [b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n%b\r\n\r\n" % (authority, authority, BASIC_AUTH)] == heads
    assert len(seen) == 2
    assert b"proxy-authorization" not in b"".join(seen).lower()


async def test_http_is_asked_of_the_proxy_itself() -> None:
    """Without TLS the proxy gets the whole URL and its credentials, and passes the request on."""
    seen: list[bytes] = []

    async def script(caller: Caller) -> None:
        seen.append(await caller.request())
        await caller.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async with (
        serving(script) as proxy,
        transporting(proxy=f"http://user:p%2540ss@127.0.0.1:{proxy.port}") as transport,
    ):
        await ask(transport, "http://upstream.test/v1/models")

    assert seen[0].startswith(b"POST http://upstream.test/v1/models HTTP/1.1\r\nHost: upstream.test\r\n")
    assert BASIC_AUTH in seen[0]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", id="refused"),
        pytest.param(b"nonsense\r\n\r\n", id="not http"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\nhello", id="speaks first"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 4000, id="endless"),
        pytest.param(b"", id="hangs up"),
    ],
)
async def test_a_tunnel_that_does_not_open_is_a_proxy_error(answer: bytes, trust: ssl.SSLContext) -> None:
    """Whatever a proxy does instead of opening the tunnel is a ProxyError before dispatch; nothing is left behind."""

    async def script(caller: Caller) -> None:
        await caller.head()
        await caller.send(answer)

    async with (
        serving(script) as proxy,
        transporting(ssl_context=trust, proxy=f"http://127.0.0.1:{proxy.port}") as transport,
    ):
        with pytest.raises(httpx.ProxyError):
            await ask(transport, "https://upstream.test/")

        assert "0 active, 0 waiting | connections: 0 idle, 0 open" in repr(transport)


async def test_a_cancelled_tunnel_is_closed(trust: ssl.SSLContext) -> None:
    """Cancelled while the proxy or the handshake takes its time, the socket to the proxy is closed."""
    closed = asyncio.Event()
    asked = asyncio.Event()

    async def script(caller: Caller) -> None:
        await caller.head()
        await caller.send(b"HTTP/1.1 200 OK\r\n\r\n")
        asked.set()
        await caller.hang_up_seen()
        closed.set()

    async with (
        serving(script) as proxy,
        transporting(ssl_context=trust, proxy=f"http://127.0.0.1:{proxy.port}") as transport,
    ):
        task = asyncio.ensure_future(ask(transport, "https://upstream.test/"))
        await asked.wait()
        task.cancel()
        await asyncio.wait([task])
        async with asyncio.timeout(5):
            await closed.wait()

        assert "0 active, 0 waiting" in repr(transport)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "https://127.0.0.1:8443"])
async def test_other_proxies_are_refused_at_once(proxy: str) -> None:
    """A proxy this transport does not speak to is a configuration error at start, not at the first request."""
    with pytest.raises(ValueError, match="http://"):
        async with transporting(proxy=proxy):
            pass
