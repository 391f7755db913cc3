"""What every HTTP request passes on its way in, as plain ASGI: an id of its own."""

import secrets
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.accounts.credentials import BASE62


class RequestIds:
    """Gives each request an id that sorts by time; it is the reservation's id and the answer's ``x-request-id``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the id and pass on; every answer carries it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = new_request_id()
        header = (b"x-request-id", request_id.encode())
        # A fresh dict: uvicorn's own is the lifespan's state, shared by all requests.
        scope["state"] = {**scope.get("state", {}), "request_id": request_id}

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [header, *message["headers"]]
            await send(message)

        await self._app(scope, receive, send_with_id)


def new_request_id() -> str:
    """``req_`` and 20 characters: the time in milliseconds, then 77 random bits."""
    return "req_" + _base62(time.time_ns() // 1_000_000, 7) + _base62(secrets.randbits(77), 13)


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(BASE62[digit])
    return "".join(reversed(digits))
