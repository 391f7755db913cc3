"""One connection to the gateway with any bytes on it, and what came back."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httptools

END_SECONDS = 12.0
"""By when a connection has an answer or its end. The gateway's deadlines are set to one second while it is fuzzed."""

_QUIET_SECONDS = 0.05
"""How long to listen for what does not belong behind an answer."""


@dataclass(slots=True)
class Heard:
    """What came back. The ``on_`` methods are httptools' callbacks."""

    statuses: list[int] = field(default_factory=list)
    """Of the answers that are whole; not those of 1xx."""
    begun: list[int] = field(default_factory=list)
    has_ended: bool = False
    """The gateway closed the connection."""
    is_http: bool = True
    parser: Any = None

    def on_headers_complete(self) -> None:
        """A head is there."""
        status = self.parser.get_status_code()
        if status >= 200:
            self.begun.append(status)

    def on_message_complete(self) -> None:
        """And its body."""
        if (status := self.parser.get_status_code()) >= 200:
            self.statuses.append(status)

    def fault(self, *, may_wait: bool = False) -> str | None:
        """What must not be, if it is; silence is one, unless it ``may_wait``."""
        if not self.is_http:
            return "the answer is no HTTP"
        if mine := [status for status in self.begun if status >= 500]:
            return f"answered {mine}"
        if not self.statuses and not self.has_ended and not may_wait:
            return "neither an answer nor an end in time"
        return None


async def exchange(address: str, pieces: list[bytes], seconds: float = END_SECONDS) -> Heard:
    """Send these, and listen until the gateway has answered or hung up, or so many seconds are over; then hang up."""
    place = urlsplit(address)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    heard = Heard()
    heard.parser = httptools.HttpResponseParser(heard)
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                sending = asyncio.create_task(_send(writer, pieces))
                try:
                    await _listen(reader, heard)
                finally:
                    sending.cancel()
                    await asyncio.wait([sending])
    finally:
        writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    return heard


async def _send(writer: asyncio.StreamWriter, pieces: list[bytes]) -> None:
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)


async def _listen(reader: asyncio.StreamReader, heard: Heard) -> None:
    while True:
        try:
            async with asyncio.timeout(_QUIET_SECONDS if heard.statuses else None):
                data = await reader.read(65_536)
        except TimeoutError:
            return
        except ConnectionError:
            data = b""
        if not data:
            heard.has_ended = True
            return
        try:
            heard.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return
        except httptools.HttpParserError:
            heard.is_http = False
            return
