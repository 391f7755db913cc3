"""The transport of upstream requests: one request in, one streamed answer out, over pooled HTTP/1.1 connections.

It implements ``httpx.AsyncBaseTransport`` and nothing above it: no redirects, cookies, decompression or retries. A
request is sent at most once; when it fails, the caller alone knows whether it may be sent again, and learns from the
``dispatched`` extension whether any byte of it can have reached the upstream. Why it is our own: docs/adr/0002.

All failures are ``httpx.TransportError``s. Those raised before dispatch include ``ConnectError``, ``ConnectTimeout``,
``ProxyError``, ``PoolTimeout``, ``UnsupportedProtocol`` and ``LocalProtocolError``; after it come ``WriteError``,
``WriteTimeout``, ``ReadError``, ``ReadTimeout`` and ``RemoteProtocolError``.
"""

import ssl
import time
from collections.abc import AsyncIterator, Callable

import httpx
from typing_extensions import override

from app.upstream.http1.connection import Connection, Origin
from app.upstream.http1.deadlines import Deadlines
from app.upstream.http1.dial import Dialer
from app.upstream.http1.incoming import Incoming
from app.upstream.http1.outgoing import Outgoing
from app.upstream.http1.pool import Pool
from app.upstream.http1.read_buffer import ReadBuffer

_PORTS = {"http": 80, "https": 443}


class UpstreamTransport(httpx.AsyncBaseTransport):
    """Sends requests to upstreams; lives in one event loop, owns its connections until ``aclose()``.

    Request extensions it reads: ``timeout`` (httpx's own; missing entries take the defaults given here),
    ``sni_hostname`` (httpx's own: the name in TLS, when the URL holds a pinned address) and ``dispatched``, a callable
    without arguments, called immediately before the first byte of the request is handed to the socket.

    ``read_seconds`` and ``write_seconds`` bound the silence between bytes, not the whole: a total deadline is the
    caller's, by cancellation, which closes the connection concerned and leaves the rest as it was.
    """

    def __init__(
        self,
        *,
        connect_seconds: float,
        read_seconds: float,
        write_seconds: float | None = None,
        pool_seconds: float | None = None,
        ssl_context: ssl.SSLContext | None,
        proxy: httpx.URL | str | None = None,
        max_connections: int,
        max_idle_connections: int,
        idle_seconds: float,
        max_header_bytes: int = 64 * 1024,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._defaults = Deadlines(
            connect=connect_seconds,
            read=read_seconds,
            write=read_seconds if write_seconds is None else write_seconds,
            pool=connect_seconds if pool_seconds is None else pool_seconds,
        )
        self._dialer = Dialer(ssl_context, proxy)
        self._max_header_bytes = max_header_bytes
        self._buffer = ReadBuffer()
        self._pool = Pool(
            max_connections=max_connections,
            max_idle_connections=max_idle_connections,
            idle_seconds=idle_seconds,
            clock=clock,
        )

    @override
    def __repr__(self) -> str:
        return f"<UpstreamTransport {self._pool!r}>"

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request and return its answer once the head is here; close the answer to free its connection."""
        deadlines = Deadlines.of(request, self._defaults)
        origin = _origin(request)
        outgoing = self._outgoing(request, origin)
        answer = Incoming(to_head=request.method == "HEAD", max_header_bytes=self._max_header_bytes)
        await self._pool.acquire(deadlines.pool)
        try:
            connection = self._pool.take_idle(origin) or await self._dial(origin, deadlines.connect)
        except BaseException:
            self._pool.release()
            raise
        try:
            await connection.exchange(outgoing, answer, deadlines, request.extensions.get("dispatched", _nobody))
        except BaseException:
            self._pool.put_back(connection)
            raise
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=AnswerStream(connection, self._pool, deadlines.read),
            extensions={"http_version": answer.http_version, "reason_phrase": answer.reason},
        )

    @override
    async def aclose(self) -> None:
        """Close every connection; answers still being read end in a ``ReadError``."""
        await self._pool.aclose()

    def _outgoing(self, request: httpx.Request, origin: Origin) -> Outgoing:
        if self._dialer.is_forwarding(origin):
            return Outgoing(request, absolute=True, extra_headers=self._dialer.proxy_headers)
        return Outgoing(request)

    async def _dial(self, origin: Origin, connect_seconds: float | None) -> Connection:
        self._pool.make_room()
        connection = await self._dialer.dial(
            origin, lambda: Connection(origin, self._buffer, self._pool.lost), connect_seconds
        )
        self._pool.opened(connection)
        return connection


class AnswerStream(httpx.AsyncByteStream):
    """The body of an answer, in chunks of up to 256 KiB, as they arrive.

    The connection goes back to the pool with the last chunk; giving up earlier closes it.
    """

    def __init__(self, connection: Connection, pool: Pool, read_seconds: float | None) -> None:
        self._connection: Connection | None = connection
        self._pool = pool
        self._read_seconds = read_seconds
        self._is_whole = False
        self._free_if_drained(connection)

    @override
    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """The next chunk."""
        connection = self._connection
        if connection is None:
            if self._is_whole:
                raise StopAsyncIteration
            raise httpx.ReadError("the answer was closed before its end")
        try:
            chunk = await connection.read(self._read_seconds)
        except BaseException:
            self._free()
            raise
        self._free_if_drained(connection)
        if not chunk:
            raise StopAsyncIteration
        return chunk

    @override
    async def aclose(self) -> None:
        """Give the connection up; it is kept for others only if the whole answer has arrived."""
        self._free()

    def _free_if_drained(self, connection: Connection) -> None:
        if connection.is_drained():
            self._is_whole = True
            self._free()

    def _free(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.put_back(connection)


def _origin(request: httpx.Request) -> Origin:
    url = request.url
    host = url.raw_host.decode("ascii")
    port = url.port or _PORTS.get(url.scheme, 0)
    return Origin(url.scheme, host, port, request.extensions.get("sni_hostname") or host)


def _nobody() -> None:
    """Nobody asked to be told of the dispatch."""
