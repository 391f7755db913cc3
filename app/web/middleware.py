"""What every HTTP request passes on its way in, as plain ASGI: an id, and an answer that gives nothing away."""

import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.accounts.credentials import BASE62
from app.gateway.door import Header
from app.metrics import Metrics
from app.web.errors import is_admin, send_fault
from app.web.wire import wire_of

SAFE: Final[tuple[Header, ...]] = (
    # What a model or a caller made is never taken for a page or a script, whatever it looks like.
    (b"x-content-type-options", b"nosniff"),
    # The link to a picture is a secret, which no other site is told as the page somebody came from.
    (b"referrer-policy", b"no-referrer"),
    # No page of others draws ours inside itself, to have its buttons pressed.
    (b"x-frame-options", b"DENY"),
)
"""On every answer, unless it says otherwise itself."""
OPERATORS: Final[tuple[Header, ...]] = (*SAFE, (b"cache-control", b"private, no-store"))
"""On every answer of the operator's door: no cache keeps money, keys or names."""


_CLOSE: Final[Header] = (b"connection", b"close")
"""With an answer that comes before the body of its request, for what the client would send next is not read; and with
that to a fault of ours, behind which the server closes."""

_FAULT: Final = 500

_PAIRS: Final = [high + low for high in BASE62 for low in BASE62]
"""Two digits at once: an id is made for every request."""


class RequestHeads:
    """Gives each request an id that sorts by time; it is the reservation's id and the answer's ``x-request-id``.

    Every answer carries it, and the headers above; also that to a fault, which Starlette would give outside of this.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the id and pass on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = new_request_id()
        header = (b"x-request-id", request_id.encode())
        usual = OPERATORS if is_admin(scope) else SAFE
        # A fresh dict: uvicorn's own is the lifespan's state, shared by all requests.
        state = scope["state"] = {**scope.get("state", {}), "request_id": request_id}

        is_answered = False

        async def send_with_id(message: Message) -> None:
            nonlocal is_answered
            if message["type"] == "http.response.start":
                is_answered = True
                self._metrics.http_requests.labels(state.get("route", "other"), message["status"]).inc()
                message["headers"] = [header, *_with(usual, message["headers"])]
                wire = wire_of(scope)
                if wire is not None and wire.is_early:
                    message["headers"].append(_CLOSE)
                    await send(message)
                    wire.ends()
                    return
                if message["status"] == _FAULT:
                    message["headers"].append(_CLOSE)
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception as error:
            if not is_answered:
                await send_fault(scope, send_with_id, error)
            raise


class RouteNames:
    """Notes the template of the route that answers, for whoever counts; a request that none takes has none."""

    def __init__(self, app: ASGIApp, templates: Mapping[object, str]) -> None:
        self._app = app
        self._templates = templates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and look at the scope when the answer begins: routing has changed it then."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_noted(message: Message) -> None:
            if message["type"] == "http.response.start" and "endpoint" in scope:
                own = getattr(scope.get("route"), "path", None)
                scope["state"]["route"] = own or self._templates.get(scope["endpoint"], "other")
            await send(message)

        await self._app(scope, receive, send_noted)


def _with(usual: Sequence[Header], headers: Iterable[Header]) -> list[Header]:
    """An answer's own headers, and those of the usual ones that it does not set itself."""
    own = list(headers)
    names = {name for name, _ in own}
    return [*(header for header in usual if header[0] not in names), *own]


def new_request_id() -> str:
    """``req_`` and 20 characters: the time in milliseconds, then 77 random bits."""
    return "req_" + _base62(time.time_ns() // 1_000_000, 7) + _base62(secrets.randbits(77), 13)


def _base62(number: int, width: int) -> str:
    pairs = []
    for _ in range(0, width, 2):
        number, pair = divmod(number, len(_PAIRS))
        pairs.append(_PAIRS[pair])
    return "".join(reversed(pairs))[-width:]
