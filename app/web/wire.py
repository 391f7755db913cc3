"""The connection under one request, as our server protocol offers it beside ASGI: cut it, see it block, see it go."""

import asyncio
import weakref
from collections.abc import Callable, Iterable
from typing import Protocol

from starlette.types import Scope

WIRE = "imagegate.wire"
"""The ASGI extension in which it is offered. Other servers do not: what needs it there has to do without."""


ENTRANCE_SECONDS = "entrance_seconds"
"""Where the state of a request tells how long it stood at the entrance, if it did."""


class _Transport(Protocol):
    def abort(self) -> None: ...

    def writelines(self, list_of_data: Iterable[bytes]) -> None: ...


class _Flow(Protocol):
    write_paused: bool


class _Cycle(Protocol):
    chunked_encoding: bool | None
    disconnected: bool
    keep_alive: bool
    more_body: bool

    @property
    def message_event(self) -> asyncio.Event: ...


class Wire:
    """What ASGI has no words for; watching it costs no task, and a piece sent while it does not block no timer."""

    __slots__ = ("_cycle", "_flow", "_note", "_transport", "is_broken", "is_gone", "is_last", "is_owed")

    def __init__(self, transport: _Transport, flow: _Flow) -> None:
        self._transport = transport
        self._flow = flow
        self._note: Callable[[], None] | None = None
        self._cycle: Callable[[], _Cycle | None] = _none
        self.is_gone = False
        """Whether the client has hung up."""
        self.is_owed = False
        """Whether what is sent was bought: such a connection makes room for nobody."""
        self.is_last = False
        """Whether the client was told that nothing follows this answer."""
        self.is_broken = False
        """Whether the rest of the request's body cannot be read: what came in its place is no HTTP."""

    @property
    def is_blocked(self) -> bool:
        """Whether the client takes nothing at this moment; sending waits for nothing otherwise."""
        return self._flow.write_paused

    @property
    def has_news(self) -> bool:
        """Whether something has come that was not received yet; receiving waits for nothing then."""
        cycle = self._cycle()
        return cycle is not None and cycle.message_event.is_set()

    @property
    def is_early(self) -> bool:
        """Whether something of the request's body is still to come; the connection is of no more use then."""
        cycle = self._cycle()
        return cycle is not None and cycle.more_body

    def ends(self) -> None:
        """The head went out, with ``connection: close``.

        The server would close at once now, and with something unread that may cost the client its answer (RFC 9112
        §9.6); our protocol waits for the client to go.
        """
        self.is_last = True
        if (cycle := self._cycle()) is not None:
            cycle.keep_alive = True

    def takes_chunk(self, piece: bytes) -> bool:
        """Send a piece of a chunked answer (RFC 9112 §7.1) as it is; False where the server has to do that itself.

        The server would first copy a megabyte to put its length before it.
        """
        cycle = self._cycle()
        if not piece or self._flow.write_paused or cycle is None or cycle.disconnected or not cycle.chunked_encoding:
            return False
        self._transport.writelines((b"%x\r\n" % len(piece), piece, b"\r\n"))
        return True

    def carries(self, cycle: _Cycle) -> None:
        """Learn by what the server knows how far it is with this request; that refers to us, so we do so weakly."""
        self._cycle = weakref.ref(cycle)

    def cut(self) -> None:
        """Drop the connection. Closing would wait until the client takes what is buffered for it, which is for ever."""
        self._transport.abort()

    def when_gone(self, note: Callable[[], None] | None) -> None:
        """Have it noted when the client hangs up; at once where it has. None: not any more."""
        self._note = note
        if self.is_gone and note is not None:
            note()

    def broke(self) -> None:
        """No more of the body will come; told by the server protocol."""
        self.is_broken = True

    def lost(self) -> None:
        """The connection is gone; told by the server protocol."""
        self.is_gone = True
        if self._note is not None:
            self._note()


def _none() -> None:
    """Stands for a request that the server has not begun."""


def wire_of(scope: Scope) -> Wire | None:
    """The connection of a request; None where the server offers none."""
    offer = scope.get("extensions", {}).get(WIRE)
    return None if offer is None else offer["wire"]


def cut(scope: Scope) -> None:
    """Drop the connection of a request, whatever of its answer has not been sent."""
    if (wire := wire_of(scope)) is not None:
        wire.cut()
