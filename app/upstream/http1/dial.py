"""Opens a connection to an origin: TCP, a proxy's tunnel where there is one, TLS."""

import asyncio
import base64
import re
import ssl
from collections.abc import Callable

import httpx
from typing_extensions import override

from app.upstream.http1.connection import Connection, Origin

MAX_TUNNEL_ANSWER_BYTES = 16 * 1024
"""The most a proxy may say about CONNECT; what it says beyond the status is not read."""

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r]")


class Dialer:
    """Knows the way: the trust store for TLS and the proxy.

    An ``https`` origin is reached through the proxy's CONNECT; an ``http`` one by asking the proxy itself, in which
    case ``is_forwarding`` tells that requests must name their whole URL and carry ``proxy_headers``.
    """

    def __init__(self, ssl_context: ssl.SSLContext | None, proxy: httpx.URL | str | None) -> None:
        self._ssl_context = ssl_context
        self._proxy = httpx.URL(proxy) if proxy else None
        if self._proxy is not None and self._proxy.scheme != "http":
            raise ValueError(f"the proxy must be an http:// URL, not {self._proxy.scheme}://")
        self.proxy_headers = _proxy_headers(self._proxy)

    def is_forwarding(self, origin: Origin) -> bool:
        """Whether requests to this origin are addressed to the proxy, which passes them on."""
        return self._proxy is not None and origin.scheme == "http"

    async def dial(self, origin: Origin, make: Callable[[], Connection], connect_seconds: float | None) -> Connection:
        """A connection ready for its first request; raises ``ConnectError``, ``ConnectTimeout`` or ``ProxyError``."""
        context = self._context_for(origin)
        try:
            async with asyncio.timeout(connect_seconds):
                if self._proxy is None:
                    return await _dial_directly(origin, make, context)
                return await _dial_by_proxy(origin, make, context, self._proxy, self.proxy_headers)
        except TimeoutError as error:
            raise httpx.ConnectTimeout(f"no connection to {origin.host}:{origin.port} in time") from error
        except (OSError, UnicodeError) as error:  # UnicodeError: a host name DNS cannot carry
            raise httpx.ConnectError(f"no connection to {origin.host}:{origin.port}: {error}") from error

    def _context_for(self, origin: Origin) -> ssl.SSLContext | None:
        if origin.scheme == "http":
            return None
        if origin.scheme != "https" or self._ssl_context is None:
            raise httpx.UnsupportedProtocol(f"this transport does not speak {origin.scheme}://")
        return self._ssl_context


class _Tunnel(asyncio.Protocol):
    """The proxy's answer to CONNECT."""

    def __init__(self) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._received = b""

    @override
    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if end:
            self._judge(head + b"\r", rest)
        elif len(self._received) > MAX_TUNNEL_ANSWER_BYTES:
            self._refuse("the proxy's answer to CONNECT is too long")

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._refuse("the proxy closed the connection instead of opening a tunnel")

    def _judge(self, head: bytes, rest: bytes) -> None:
        status = _STATUS_LINE.match(head)
        if status is None:
            self._refuse("the proxy's answer to CONNECT is not HTTP")
        elif not status[1].startswith(b"2"):
            self._refuse(f"the proxy refused the tunnel with status {status[1].decode()}")
        elif rest:
            self._refuse("the proxy spoke into the tunnel it opened")
        elif not self.opened.done():
            self.opened.set_result(None)

    def _refuse(self, why: str) -> None:
        if not self.opened.done():
            self.opened.set_exception(httpx.ProxyError(why))


async def _dial_directly(origin: Origin, make: Callable[[], Connection], context: ssl.SSLContext | None) -> Connection:
    _, connection = await asyncio.get_running_loop().create_connection(
        make, origin.host, origin.port, ssl=context, server_hostname=origin.server_name if context else None
    )
    return connection


async def _dial_by_proxy(
    origin: Origin,
    make: Callable[[], Connection],
    context: ssl.SSLContext | None,
    proxy: httpx.URL,
    proxy_headers: list[tuple[bytes, bytes]],
) -> Connection:
    loop = asyncio.get_running_loop()
    port = proxy.port or 80
    if context is None:
        _, connection = await loop.create_connection(make, proxy.host, port)
        return connection
    raw, tunnel = await loop.create_connection(_Tunnel, proxy.host, port)
    try:
        raw.write(_connect_request(origin, proxy_headers))
        await tunnel.opened
        connection = make()
        secured = await loop.start_tls(raw, connection, context, server_hostname=origin.server_name)
    except BaseException:
        raw.abort()
        raise
    if secured is None:
        raise httpx.ConnectError("the proxy closed the tunnel during the TLS handshake")
    connection.connection_made(secured)
    return connection


def _connect_request(origin: Origin, proxy_headers: list[tuple[bytes, bytes]]) -> bytes:
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    authority = f"{host}:{origin.port}".encode("ascii")
    headers = [(b"Host", authority), *proxy_headers]
    lines = b"".join(b"%b: %b\r\n" % header for header in headers)
    return b"CONNECT %b HTTP/1.1\r\n%b\r\n" % (authority, lines)


def _proxy_headers(proxy: httpx.URL | None) -> list[tuple[bytes, bytes]]:
    if proxy is None or not proxy.userinfo:
        return []
    credentials = f"{proxy.username}:{proxy.password}".encode()
    return [(b"Proxy-Authorization", b"Basic " + base64.b64encode(credentials))]
