"""The HTTP/1.1 server protocol with an edge: heads of requests are bounded in size and in time.

uvicorn's own reads a head of any size for as long as a client likes to send it, before anybody knows who is asking.
"""

import asyncio
import re
from typing import Any

import orjson
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.web.middleware import SAFE
from app.web.wire import WIRE, Wire

MAX_HEAD_BYTES = 65_536
"""What nginx allows with its large buffers, twice over; a virtual key has 60 bytes."""

_UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)
_SAFE = b"".join(b"%b: %b\r\n" % header for header in SAFE)
_PHRASES = {400: b"Bad Request", 431: b"Request Header Fields Too Large"}


class EdgeProtocol(HttpToolsProtocol):
    """Refuses heads that are too large, closes connections whose head does not come, ignores offers to upgrade."""

    def __init__(self, *args: Any, head_seconds: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_seconds = head_seconds
        self._head_bytes = 0
        self._head_deadline: asyncio.TimerHandle | None = None
        self._unanswered: list[tuple[RequestResponseCycle, Wire]] = []

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        super().connection_made(transport)
        self._expect_head()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_deadline()
        super().connection_lost(exc)
        for cycle, wire in self._unanswered:  # uvicorn tells only the newest of several on one connection
            cycle.disconnected = True
            cycle.message_event.set()
            if not cycle.response_complete:
                wire.lost()

    @override
    def data_received(self, data: bytes) -> None:
        if not self._is_in_head():
            super().data_received(data)
            return
        self._head_bytes += len(data)
        super().data_received(_without_upgrade(data))
        if self._is_in_head() and self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(431, f"The request's head is larger than {MAX_HEAD_BYTES:,} bytes.")

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        if not self._is_in_head():  # a further request on a connection that is kept
            self._expect_head()

    @override
    def on_headers_complete(self) -> None:
        self._forget_deadline()
        wire = Wire(self.transport, self.flow)
        self.scope["extensions"] = {WIRE: {"wire": wire}}
        super().on_headers_complete()
        self._unanswered = [pair for pair in self._unanswered if not pair[0].response_complete]
        if self.cycle is not None:
            wire.carries(self.cycle)
            self._unanswered.append((self.cycle, wire))

    @override
    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "This is no valid HTTP/1.1 request.")

    def _is_in_head(self) -> bool:
        return self._head_deadline is not None

    def _expect_head(self) -> None:
        self._head_bytes = 0
        self._head_deadline = self.loop.call_later(self._head_seconds, self._close)

    def _forget_deadline(self) -> None:
        if self._head_deadline is not None:
            self._head_deadline.cancel()
            self._head_deadline = None

    def _close(self) -> None:
        self._head_deadline = None
        self.transport.close()

    def _refuse(self, status: int, message: str) -> None:
        """Answer in the envelope and close: what follows on this connection cannot be read any more."""
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": "invalid_http"}
        body = orjson.dumps({"error": error})
        head = b"HTTP/1.1 %d %s\r\n%bcontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        self._forget_deadline()
        self.transport.write(head % (status, _PHRASES[status], _SAFE, len(body)) + body)
        self.transport.close()


def _without_upgrade(data: bytes) -> bytes:
    """The data with an offer to change the protocol made harmless (RFC 9110 §7.8: a server may ignore it).

    The parser would take the offer for a deal and drop the body; HTTP/2-capable clients make it on plain connections.
    """
    if _UPGRADE.search(data) is None:
        return data
    head, end, rest = data.partition(b"\r\n\r\n")
    return _UPGRADE.sub(b"\r\nx-ignored-upgrade:", head) + end + rest if _UPGRADE.search(head) else data
