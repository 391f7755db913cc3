"""The HTTP/1.1 server protocol with an edge: bounds for heads, for the taking of answers, and for connections.

uvicorn's own reads a head of any size for as long as a client likes to send it, before anybody knows who is asking.
"""

import asyncio
import re
import time
from typing import Any, Final

from httptools import HttpParserError, HttpParserUpgrade
from typing_extensions import override
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.web.connections import Connections
from app.web.entrance import Entrance
from app.web.turned_away import TurnedAway
from app.web.wire import ENTRANCE_SECONDS, WIRE, Wire

MAX_HEAD_BYTES = 65_536
"""What nginx allows with its large buffers, twice over; a virtual key has 60 bytes."""

_MOST_HEADERS: Final = 256
"""Each costs some hundred bytes however short it is; 64 KiB have room for thousands. Real requests have thirty."""

_MOST_WAITING: Final = 16
"""Requests behind the one that is being answered. A quarter of a megabyte, which is read at once, can hold thousands of
them, and each costs a hundred times its bytes. Clients that send one before the other's answer are rare."""

_LAST_WORDS_SECONDS: Final = 2.0
"""How long a client whose head was refused may go on sending."""

_UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)
_IGNORED = b"\r\nignored:"
"""As long, so that nothing moves whatever stands around it."""


class EdgeProtocol(HttpToolsProtocol):
    """Refuses heads that are too large, closes connections whose head does not come, ignores offers to upgrade."""

    def __init__(
        self,
        *args: Any,
        head_seconds: float,
        send_seconds: float,
        connections: Connections,
        entrance: Entrance,
        turned_away: TurnedAway,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._head_seconds = head_seconds
        self._send_seconds = send_seconds
        self._taking_deadline: asyncio.TimerHandle | None = None
        self._connections = connections
        self._entrance = entrance
        self._held: list[bytes] = []
        """What has come of a request that has not begun yet, as it came: an offer to upgrade is looked for in each."""
        self._held_since = 0.0  # by time.perf_counter
        self._entrance_seconds = 0.0
        """How long the next request to begin has been held back."""
        self._turned_away = turned_away
        self._bare_bytes = 0
        """Of a head, or in a row without any of a body: sizes of chunks, their extensions, trailers."""
        self._has_begun = False  # a head, which is not whole
        self._is_deaf = False
        """What still comes is not looked at."""
        self._head_deadline: asyncio.TimerHandle | None = None
        self._unanswered: list[tuple[RequestResponseCycle, Wire]] = []

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        super().connection_made(transport)
        if self._connections.opened(self):
            self._expect_head()
        else:
            self._refuse(503, "This gateway has as many connections as it may; try again in a moment.", "overloaded")
            self.transport.close()  # there is no room to wait for what it says

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_deadline()
        self._forget_taking()
        self._connections.closed(self)
        self._held = []
        super().connection_lost(exc)
        for cycle, wire in self._unanswered:  # uvicorn tells only the newest of several on one connection
            cycle.disconnected = True
            cycle.message_event.set()
            if not cycle.response_complete:
                wire.lost()

    @override
    def data_received(self, data: bytes) -> None:
        if self._held or self._lines_up(data):
            self._hold(data)
        elif not self._is_deaf:
            self._take(data)

    def enter(self) -> None:
        """Begin with the request that was held back, unless it has gone."""
        held, self._held = self._held, []
        if not held or self.transport.is_closing():
            return
        self._entrance_seconds = time.perf_counter() - self._held_since
        self._expect_head()
        self.flow.resume_reading()
        for data in held:
            if not self._is_deaf:
                self._take(data)
        if not self._is_answering():
            self._connections.fell_silent(self)  # it was less than a head, or none

    def _lines_up(self, data: bytes) -> bool:
        """Have a request that begins here wait for its turn, if it must; only what may be work is asked to."""
        if self._has_begun or self._is_deaf or self._is_answering() or not data.startswith(b"POST "):
            return False
        return not self._entrance.admits(self)

    def _hold(self, data: bytes) -> None:
        """Keep it for `enter`. No deadline runs meanwhile: it is we who are late."""
        if not self._held:
            self._held_since = time.perf_counter()
            self._unset_keepalive_if_required()
            self._forget_deadline()
            self._connections.spoke(self)
        self._held.append(data)
        if sum(map(len, self._held)) > HIGH_WATER_LIMIT:  # as for a body that nobody reads
            self.flow.pause_reading()

    def _take(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        body, had_bytes = None, 0
        if self._is_in_body():
            body = self.cycle.body
            had_bytes = len(body)
        elif b"pgrade:" in data or b"PGRADE:" in data:
            data = _without_upgrade(data)
        self._bare_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            if self._has_many_headers():
                self._stop_large()
            else:
                self._stop(400, "This is no valid HTTP/1.1 request.")
            return
        if body is not None and len(body) > had_bytes:
            self._bare_bytes = 0
        elif self._bare_bytes > MAX_HEAD_BYTES or self._has_many_headers():
            self._stop_large()

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._has_begun = True
        if not self._is_in_head():  # a further request on a connection that is kept
            self._expect_head()

    @override
    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= _MOST_WAITING or self._has_many_headers():
            raise ValueError("the parser stops at any exception")
        self._forget_deadline()
        self._has_begun = False
        self._bare_bytes = 0
        self._connections.spoke(self)
        wire = Wire(self.transport, self.flow)
        self.scope["extensions"] = {WIRE: {"wire": wire}}
        if self._entrance_seconds:
            self.scope["state"][ENTRANCE_SECONDS] = self._entrance_seconds
            self._entrance_seconds = 0.0
        super().on_headers_complete()
        self.headers = []  # trailers go there: they are none of the request's headers (RFC 9110 §6.5.1)
        self._unanswered = [pair for pair in self._unanswered if not pair[0].response_complete]
        if self.cycle is not None:
            wire.carries(self.cycle)
            self._unanswered.append((self.cycle, wire))

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self._expect_taking(self._send_seconds)
        if not any(wire.is_owed for _, wire in self._unanswered):
            self._connections.fell_silent(self)  # what anybody can ask for: it makes room like one that says nothing

    @override
    def resume_writing(self) -> None:
        super().resume_writing()
        self._forget_taking()
        if self._is_answering():
            self._connections.spoke(self)
        elif self.transport.get_write_buffer_size():
            self._expect_taking(self._send_seconds)

    @override
    def shutdown(self) -> None:
        self.enter()  # it has come before the end
        super().shutdown()
        if self.transport.is_closing() and self.transport.get_write_buffer_size():
            self._expect_taking(_LAST_WORDS_SECONDS)

    @override
    def on_response_complete(self) -> None:
        is_last = not self.pipeline
        if not self.flow.write_paused and self.transport.get_write_buffer_size():
            self._expect_taking(self._send_seconds)
        super().on_response_complete()
        if is_last:
            self._connections.fell_silent(self)
            is_told = bool(self._unanswered) and self._unanswered[-1][1].is_last
            if (self._is_deaf or is_told or self.cycle.more_body) and not self.transport.is_closing():
                self._linger(self._head_seconds)  # it was answered before its body was read, or nonsense came behind it
            elif not self.cycle.more_body:  # or it is being closed
                self._forget_request()

    def _forget_request(self) -> None:
        """Let go of what is over while it is at hand. Kept until the next one comes, it costs 4 KB, and more time."""
        self.cycle = None  # type: ignore[assignment] # as before the first one
        self._unanswered = []
        if not self._has_begun:
            self.scope = self.headers = None  # type: ignore[assignment]
            self._bare_bytes = 0

    def hang_up(self) -> None:
        """Drop the connection, which nobody is answered on; closing would wait for who takes nothing."""
        self._forget_deadline()
        self.transport.abort()

    def _expect_taking(self, seconds: float) -> None:
        """What is buffered has to be taken by then: neither a pause nor a closing has an end of its own."""
        self._forget_taking()
        self._taking_deadline = self.loop.call_later(seconds, self._drop_untaken)

    def _forget_taking(self) -> None:
        if self._taking_deadline is not None:
            self._taking_deadline.cancel()
            self._taking_deadline = None

    def _drop_untaken(self) -> None:
        is_stuck = self.flow.write_paused or not self._is_answering()
        if is_stuck and self.transport.get_write_buffer_size():
            self.hang_up()

    def _is_in_head(self) -> bool:
        return self._head_deadline is not None

    def _has_many_headers(self) -> bool:
        return self._has_begun and len(self.headers) > _MOST_HEADERS

    def _is_in_body(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and cycle.more_body and self._head_deadline is None

    def _is_answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _expect_head(self) -> None:
        self._head_deadline = self.loop.call_later(self._head_seconds, self._head_is_late)

    def _forget_deadline(self) -> None:
        if self._head_deadline is not None:
            self._head_deadline.cancel()
            self._head_deadline = None

    def _head_is_late(self) -> None:
        self._head_deadline = None
        if self._has_begun:
            late = f"The request's head did not arrive within {self._head_seconds:g} seconds."
            self._stop(408, late, "request_timeout")
        else:
            self.hang_up()

    def _stop_large(self) -> None:
        most = f"{MAX_HEAD_BYTES:,} bytes, or has more than {_MOST_HEADERS} headers"
        self._stop(431, f"The request's head is larger than {most}.")

    def _stop(self, status: int, message: str, code: str = "invalid_http") -> None:
        """What comes is not to be read: refuse it, unless requests before it, or that it is a part of, are answered."""
        self._is_deaf = True
        if not self._is_answering():
            self._refuse(status, message, code)
            return
        if self._is_in_body():
            self._unanswered[-1][1].broke()
            self.cycle.message_event.set()
        self._forget_deadline()

    def _linger(self, seconds: float) -> None:
        """Say that nothing follows, and wait for the client to go: what is closed with something unread may be lost."""
        self._is_deaf = True
        self._forget_deadline()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._head_deadline = self.loop.call_later(seconds, self.hang_up)

    def _refuse(self, status: int, message: str, code: str) -> None:
        self.transport.write(self._turned_away.answer(status, message, code))
        self._linger(_LAST_WORDS_SECONDS)


def _without_upgrade(data: bytes) -> bytes:
    """The data with an offer to change the protocol made harmless (RFC 9110 §7.8: a server may ignore it).

    The parser would take the offer for a deal and drop the body; HTTP/2-capable clients make it on plain connections,
    in small letters or large ones: how it is spelled else is not looked at, and ends as what cannot be read.
    """
    head, end, rest = data.partition(b"\r\n\r\n")
    return _UPGRADE.sub(_IGNORED, head) + end + rest
