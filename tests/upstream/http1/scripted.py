"""A server that sends exactly the bytes a test scripts, and the transport and request such tests talk to it with."""

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx

from app.upstream.http1.transport import UpstreamTransport

CERTIFICATES = Path(__file__).parents[2] / "support" / "certificates"

Script = Callable[["Caller"], Awaitable[None]]


class Caller:
    """One accepted connection, as a script sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.reader = reader
        self.writer = writer
        self.number = number

    async def head(self) -> bytes:
        """The head of the next request."""
        return await self.reader.readuntil(b"\r\n\r\n")

    async def request(self) -> bytes:
        """The next request, head and body; its body must have a Content-Length or none."""
        head = await self.head()
        length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
        return head + await self.reader.readexactly(int(length[1]) if length else 0)

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, body: bytes = b"ok", headers: bytes = b"") -> None:
        """Read a request and give an ordinary answer."""
        await self.request()
        await self.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%b\r\n%b" % (len(body), headers, body))

    async def hang_up_seen(self) -> None:
        """Return when the client has closed its side."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(65536):
                pass


class Server:
    """Where a scripted server listens, and what has happened to it."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._tasks: list[asyncio.Task[None]] = []
        self.connections = 0
        self.scheme = "http"
        self.port = 0

    @property
    def url(self) -> str:
        """The address to ask."""
        return f"{self.scheme}://127.0.0.1:{self.port}/v1/images/generations"

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Run the script on a new connection."""
        self.connections += 1
        self._tasks.append(asyncio.ensure_future(self._run(Caller(reader, writer, self.connections))))

    async def _run(self, caller: Caller) -> None:
        try:
            await self._script(caller)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client left, which many tests are about; what it saw is asserted on its own side
        finally:
            caller.writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await caller.writer.wait_closed()

    async def finish(self) -> None:
        """Stop all scripts; one that failed for a reason of its own fails the test."""
        for task in self._tasks:
            task.cancel()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result


@contextlib.asynccontextmanager
async def serving(script: Script, context: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """A server running the script on every connection."""
    server = Server(script)
    listener = await asyncio.start_server(server.accept, "127.0.0.1", 0, ssl=context)
    server.port = listener.sockets[0].getsockname()[1]
    server.scheme = "http" if context is None else "https"
    try:
        yield server
    finally:
        listener.close()
        await server.finish()


def sending(*parts: bytes, then_close: bool = False) -> Script:
    """A script that answers every request with these bytes, one write each, and then stays or hangs up."""

    async def script(caller: Caller) -> None:
        while True:
            await caller.request()
            for part in parts:
                await caller.send(part)
            if then_close:
                return

    return script


async def answering(caller: Caller) -> None:
    """A script: ordinary answers for as long as the client asks."""
    while True:
        await caller.answer()


@contextlib.asynccontextmanager
async def transporting(**settings: Any) -> AsyncIterator[UpstreamTransport]:
    """A transport with deadlines no healthy test reaches, closed at the end."""
    defaults: dict[str, Any] = {
        "connect_seconds": 5.0,
        "read_seconds": 5.0,
        "ssl_context": None,
        "max_connections": 4,
        "max_idle_connections": 4,
        "idle_seconds": 60.0,
    }
    transport = UpstreamTransport(**(defaults | settings))
    try:
        yield transport
    finally:
        await transport.aclose()


def post(url: str, **settings: Any) -> httpx.Request:
    """A small request such as the gateway sends."""
    return httpx.Request("POST", url, **({"content": b'{"prompt":"a lighthouse"}'} | settings))


async def ask(transport: UpstreamTransport, url: str, **settings: Any) -> tuple[httpx.Response, bytes]:
    """Send a request and read its whole answer."""
    response = await transport.handle_async_request(post(url, **settings))
    return response, await response.aread()
