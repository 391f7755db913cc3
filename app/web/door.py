"""One HTTP request over ASGI: its body under a cap and a deadline, its answer in pieces, its client watched."""

import asyncio
from collections.abc import Sequence

from starlette.types import Message, Receive, Scope, Send

from app.errors import BodyTooLarge, BodyTooSlow, ClientGone, GatewayError
from app.gateway.door import Header
from app.web.errors import send_refusal


class HttpDoor:
    """Implements `app.gateway.door.Door` over ASGI."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, max_body_bytes: int, body_seconds: float) -> None:
        self._scope = scope
        self.request_id: str = scope["state"]["request_id"]
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        self._receive = receive
        self._send = send
        self._max_body_bytes = max_body_bytes
        self._body_seconds = body_seconds
        self._body: bytes | None = None
        self._watch: asyncio.Task[None] | None = None
        self.is_open = False
        self.is_left = False

    @property
    def authorization(self) -> str | None:
        """The ``Authorization`` header."""
        value = self._headers.get(b"authorization")
        return value.decode("latin-1") if value is not None else None

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
        head = [(b"x-request-id", self.request_id.encode()), *headers]
        await self._send({"type": "http.response.start", "status": 200, "headers": head})

    async def send(self, piece: bytes) -> None:
        """Send a piece; uvicorn drops it without complaint when the client is gone."""
        await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    async def finish(self, piece: bytes) -> None:
        """Send the last piece and end the answer."""
        await self._send({"type": "http.response.body", "body": piece, "more_body": False})

    async def refuse(self, error: GatewayError) -> None:
        """Answer with an error; when the 200 is out already, leave the answer unfinished: the client sees it cut."""
        if self.is_open:
            return
        self.is_open = True
        await send_refusal(self._scope, self._send, error)

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
