"""Where bad inputs are played: a connection of bytes, a server that leads astray, and a trap that counts who comes."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from tests.hostile.bad_inputs_row import GUIDE, KEY, TRAP, Row

GUIDE_HOST = "127.0.0.1"
"""The gateway may fetch from this address and from no other of this machine."""
_TRAP_HOSTS = ("127.0.0.2", "127.0.0.1", "::1")
"""Not every machine has all three; one that it has not leads nobody anywhere."""
_MOST_SECONDS = 20
_PIECE_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back on one connection."""

    status: int
    """0: nothing came, or not in time."""
    headers: dict[str, str]
    body: bytes
    rest: bytes
    """Behind the first answer; there must be none."""

    @property
    def error(self) -> dict[str, object]:
        """The error in OpenAI's form; empty where there is none."""
        try:
            found = json.loads(self.body).get("error", {})
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(slots=True)
class Stage:
    """What bad inputs need beside a gateway."""

    trap_port: int = 0
    guide_port: int = 0
    visits: int = 0
    """Connections to the trap."""
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def set(self, row: Row, key: str) -> bytes:
        """The bytes of a row with everything filled in."""
        told = row.bytes().replace(KEY, key.encode())
        return told.replace(TRAP, b"%d" % self.trap_port).replace(GUIDE, b"%d" % self.guide_port)

    async def catch(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Somebody has walked into the trap."""
        self.visits += 1
        writer.close()

    async def guide(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer a fetch by what its path asks for."""
        self._writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
            if path == "/silence":
                await reader.read()
            writer.write(self._answer(path))
            while path == "/endless":
                writer.write(b"\x89PNG" * 16_384)
                await writer.drain()
        writer.close()

    def _answer(self, path: str) -> bytes:
        trap = f"127.0.0.2:{self.trap_port}"
        places = {"/trap": f"http://{trap}/", "/file": "file:///etc/passwd", "/slashes": f"//{trap}/", "/loop": "/loop"}
        if place := places.get(path):
            return f"HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode()
        coding = "Content-Encoding: gzip\r\n" if path == "/gzip" else ""
        return f"HTTP/1.1 200 OK\r\n{coding}Connection: close\r\n\r\n".encode() + b"<html></html>"

    def close(self) -> None:
        """Hang up on whoever still waits."""
        for writer in self._writers:
            writer.close()


@asynccontextmanager
async def standing_stage() -> AsyncIterator[Stage]:
    """The guide and the trap, on ports of five digits, as the placeholders are long."""
    stage = Stage()
    async with AsyncExitStack() as servers:
        guide = await servers.enter_async_context(await asyncio.start_server(stage.guide, GUIDE_HOST, 0))
        stage.guide_port = guide.sockets[0].getsockname()[1]
        for host in _TRAP_HOSTS:
            with contextlib.suppress(OSError):
                family = socket.AF_INET6 if ":" in host else socket.AF_INET
                trap = await asyncio.start_server(stage.catch, host, stage.trap_port, family=family)
                stage.trap_port = (await servers.enter_async_context(trap)).sockets[0].getsockname()[1]
        assert stage.trap_port > 9_999 < stage.guide_port
        yield stage
        stage.close()


async def play(port: int, sent: bytes, drip_seconds: float = 0) -> Answer:
    """Send bytes over a connection of their own and read what comes back until the gateway hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sending = asyncio.create_task(_send(writer, sent, drip_seconds))
    try:
        async with asyncio.timeout(_MOST_SECONDS):
            status, headers, body = await _answer(reader)
            sending.cancel()
            with contextlib.suppress(OSError):
                writer.write_eof()
            return Answer(status, headers, body, await _rest(reader))
    except TimeoutError:
        return Answer(0, {}, b"", b"")
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.close()


async def _send(writer: asyncio.StreamWriter, sent: bytes, drip_seconds: float) -> None:
    step = 1 if drip_seconds else _PIECE_BYTES
    with contextlib.suppress(ConnectionError):
        for at in range(0, len(sent), step):
            writer.write(sent[at : at + step])
            await writer.drain()
            if drip_seconds:
                await asyncio.sleep(drip_seconds)


async def _answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """The first answer that is none of 1xx."""
    status = 100
    headers: dict[str, str] = {}
    try:
        while status < 200:
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            status = int(first.split()[1])
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if "content-length" in headers:
            return status, headers, await reader.readexactly(int(headers["content-length"]))
        body = b""
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
    except (asyncio.IncompleteReadError, ConnectionError):
        return 0, {}, b""
    return status, headers, body


async def _rest(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""
