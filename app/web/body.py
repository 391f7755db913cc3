"""The body of one HTTP request: pieces under a byte cap and a deadline; after the last one the client is watched."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable

from msgspec import Struct
from starlette.types import Receive, Scope

from app.errors import BodyTooLarge, BodyTooSlow, ClientGone, InvalidRequest
from app.web.wire import wire_of


class BodyLimits(Struct, frozen=True):
    """How much of a body is read, and how long it may take to arrive."""

    max_bytes: int
    seconds: float


class RequestBody:
    """Read once, by whoever learned from the request's head how large it may be."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._headers: list[tuple[bytes, bytes]] = list(scope["headers"])
        self._receive = receive
        self._wire = wire_of(scope)
        self._watch: asyncio.Task[None] | None = None
        self.is_left = False
        """Whether the client has hung up."""
        self._note: Callable[[], None] | None = None

    @property
    def content_type(self) -> str:
        """The ``Content-Type`` header; "" without one.

        Raises:
            InvalidRequest: there are several, or the body is compressed.

        """
        if self._header(b"content-encoding").lower() not in ("", "identity"):
            raise InvalidRequest("The body is compressed; send it as it is.", code="invalid_content_type")
        return self._header(b"content-type")

    async def pieces(self, limits: BodyLimits) -> AsyncGenerator[bytes]:
        """The body as it comes; the deadline counts from the first call and includes what the reader does meanwhile.

        Raises:
            BodyTooLarge: more than the cap, by its declared length or by count.
            BodyTooSlow: not all there before the deadline.
            InvalidRequest: what comes is no HTTP.
            ClientGone: the client hung up in the middle of it.

        """
        declared = self._header(b"content-length")
        if not declared and self._header(b"transfer-encoding").lower() not in ("", "chunked"):
            raise InvalidRequest("The body has a Transfer-Encoding other than 'chunked'.", code="invalid_http")
        if declared.isascii() and declared.isdigit() and int(declared) > limits.max_bytes:
            raise _too_large(limits)
        deadline = time.monotonic() + limits.seconds
        size_bytes, is_last = 0, False
        while not is_last:
            piece, is_last = await self._next(deadline, limits)
            size_bytes += len(piece)
            if size_bytes > limits.max_bytes:
                raise _too_large(limits)
            if is_last:
                self._begin_to_watch()
            if piece:
                yield piece

    async def whole(self, limits: BodyLimits) -> bytes:
        """All of it at once; raises what `pieces` does."""
        parts = [piece async for piece in self.pieces(limits)]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def when_left(self, note: Callable[[], None] | None) -> None:
        """Have it noted when the client hangs up; at once where it has. None: not any more."""
        self._note = note
        if self.is_left and note is not None:
            note()

    async def close(self) -> None:
        """Stop watching the client."""
        if self._wire is not None:
            self._wire.when_gone(None)
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)

    async def _next(self, deadline: float, limits: BodyLimits) -> tuple[bytes, bool]:
        """The next piece, and whether it is the last."""
        if self._wire is not None and self._wire.has_news:
            message = await self._receive()  # which waits for nothing then, and so needs no timer
        else:
            try:
                async with asyncio.timeout(deadline - time.monotonic()):
                    message = await self._receive()
            except TimeoutError:
                raise BodyTooSlow(f"The request's body did not arrive within {limits.seconds:g} seconds.") from None
        if message["type"] == "http.disconnect":
            self.is_left = True
            raise ClientGone("The client hung up before its body was complete.")
        if self._wire is not None and self._wire.is_broken:
            raise InvalidRequest("The request's body is no valid HTTP/1.1.", code="invalid_http")
        return message.get("body", b""), not message.get("more_body", False)

    def _begin_to_watch(self) -> None:
        if self._wire is not None:
            self._wire.when_gone(self._left)
        else:
            self._watch = asyncio.create_task(self._wait_until_left())

    async def _wait_until_left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._left()

    def _left(self) -> None:
        self.is_left = True
        if self._note is not None:
            self._note()

    def _header(self, name: bytes) -> str:
        found = [value for key, value in self._headers if key == name]
        if len(found) > 1:
            raise InvalidRequest(f"There are several {name.decode().title()} headers; send one.", code="invalid_http")
        return found[0].decode("latin-1").strip() if found else ""


def _too_large(limits: BodyLimits) -> BodyTooLarge:
    return BodyTooLarge(f"The request's body is larger than {limits.max_bytes:,} bytes.")
