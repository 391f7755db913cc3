"""One HTTP request over ASGI: its body under a cap and a deadline, its answer in pieces, its client watched."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.types import Message, Receive, Scope, Send

from app.errors import BodyTooLarge, BodyTooSlow, ClientGone, GatewayError
from app.gateway.door import Header
from app.web.errors import bearer_of, send_refusal


@dataclass(frozen=True, slots=True)
class DoorLimits:
    """What a client may take its time with, and how much it may send."""

    max_body_bytes: int
    body_seconds: float
    send_seconds: float


class HttpDoor:
    """Implements `app.gateway.door.Door` over ASGI."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, limits: DoorLimits) -> None:
        self._scope = scope
        self.request_id: str = scope["state"]["request_id"]
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        self._receive = receive
        self._send = send
        self._max_body_bytes = limits.max_body_bytes
        self._body_seconds = limits.body_seconds
        self._send_seconds = limits.send_seconds
        self._is_stuck = False
        self._body: bytes | None = None
        self._watch: asyncio.Task[None] | None = None
        self.is_open = False
        self.is_left = False

    @property
    def authorization(self) -> str | None:
        """The ``Authorization`` header."""
        return bearer_of(self._scope)

    async def body(self) -> bytes:
        """The whole body; the same bytes when asked again.

        Raises:
            BodyTooLarge: more than the cap, by its declared length or by count.
            BodyTooSlow: not all there before the deadline.
            ClientGone: the client hung up in the middle of it.

        """
        if self._body is None:
            declared = self._headers.get(b"content-length", b"")
            if declared.isdigit() and int(declared) > self._max_body_bytes:
                raise self._too_large()
            try:
                async with asyncio.timeout(self._body_seconds):
                    self._body = await self._read()
            except TimeoutError:
                raise BodyTooSlow(f"The request's body did not arrive within {self._body_seconds:g} seconds.") from None
            self._watch = asyncio.create_task(self._wait_until_left())
        return self._body

    async def start(self, headers: Sequence[Header]) -> None:
        """Send the head of a 200."""
        self.is_open = True
        await self._pass({"type": "http.response.start", "status": 200, "headers": list(headers)})

    async def send(self, piece: bytes) -> None:
        """Send a piece at the client's pace; a client that stopped reading counts as gone."""
        await self._pass({"type": "http.response.body", "body": piece, "more_body": True})

    async def finish(self, piece: bytes) -> None:
        """Send the last piece and end the answer."""
        await self._pass({"type": "http.response.body", "body": piece, "more_body": False})

    async def refuse(self, error: GatewayError) -> None:
        """Answer with an error; when the 200 is out already, leave the answer unfinished: the client sees it cut."""
        if self.is_open:
            return
        self.is_open = True
        await send_refusal(self._scope, self._pass, error)

    async def _pass(self, message: Message) -> None:
        """Give a message to the server, which drops it without complaint when the client is gone.

        The exchange with the upstream must not wait for a client for ever: one that does not take a piece in its time
        is gone for us, gets nothing more, and finds its answer unfinished.
        """
        if self._is_stuck:
            return
        try:
            async with asyncio.timeout(self._send_seconds):
                await self._send(message)
        except TimeoutError:
            self._is_stuck = self.is_left = True

    async def close(self) -> None:
        """Stop watching the client."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)

    async def _read(self) -> bytes:
        parts: list[bytes] = []
        size = 0
        while True:
            message: Message = await self._receive()
            if message["type"] == "http.disconnect":
                self.is_left = True
                raise ClientGone("The client hung up before its body was complete.")
            part = message.get("body", b"")
            size += len(part)
            if size > self._max_body_bytes:
                raise self._too_large()
            parts.append(part)
            if not message.get("more_body", False):
                return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _wait_until_left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.is_left = True

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(f"The request's body is larger than {self._max_body_bytes:,} bytes.")
