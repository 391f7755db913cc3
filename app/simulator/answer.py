"""The values that cross the simulator's wire: a request as it was received, and an answer before its delivery."""

from msgspec import Struct


class ReceivedRequest(Struct, frozen=True):
    """One request, whole, with its headers in the order and spelling they arrived in."""

    method: str
    path: str
    """Without the query string."""
    query: str
    headers: list[tuple[str, str]]
    body: bytes
    keep_alive: bool
    """Whether the client means to send more on this connection."""

    def header(self, name: str) -> str | None:
        """The first header of that name in any case, or None."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


class HttpAnswer(Struct, frozen=True):
    """Status, body and headers; framing and faults belong to the delivery."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    events: tuple[bytes, ...] | None = None
    """The body of a stream, in place of ``body``, event by event."""
