"""The image routes of the public door: raw ASGI, because FastAPI would read the body before we know who is asking."""

from collections.abc import Awaitable, Callable

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from app.catalog.order import Operation
from app.errors import GatewayError, forget_way
from app.gateway.door import Door
from app.web.door import HttpDoor
from app.web.order_reader import OrderReader

Serve = Callable[[Door], Awaitable[None]]
"""What is done with a request: bought, or only quoted."""


class ImageRoute:
    """``POST /v1/images/…``; ``send_seconds`` is how long a client may take none of its answer.

    Without an ``operation`` of its own a route takes forms for edits, and everything else for generations.
    """

    def __init__(self, serve: Serve, operation: Operation | None, reader: OrderReader, send_seconds: float) -> None:
        self._serve = serve
        self._operation: Operation | None = operation
        self._reader = reader
        self._send_seconds = send_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; an answer that fails after its 200 is left unfinished, which closes the connection."""
        operation = self._operation or _operation_of(scope)
        scope["state"]["has_line"] = self._operation is not None  # in the log, by the story
        door = HttpDoor(scope, receive, send, operation=operation, reader=self._reader, send_seconds=self._send_seconds)
        try:
            await self._serve(door)
        except GatewayError as error:
            try:
                await door.refuse(error)
            finally:
                forget_way(error)
        finally:
            await door.close()


def _operation_of(scope: Scope) -> Operation:
    is_form = Headers(scope=scope).get("content-type", "").lower().startswith("multipart/")
    return "edits" if is_form else "generations"
