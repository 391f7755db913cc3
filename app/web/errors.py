"""Rendering errors, in one place: OpenAI's envelope and the headers its SDKs obey; problems at the operator's door."""

import logging
import math
from collections.abc import Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from app.errors import GatewayError, InternalError, InvalidRequest, MethodNotAllowed, NotFound, Unauthenticated
from app.gateway.door import Header
from app.logs import redacted_json

log = logging.getLogger(__name__)
request_log = logging.getLogger("imagegate.request")

ADMIN_PREFIX = "/admin/"
"""Where paths of the operator's door begin."""

_PLACES = ("body", "query", "path")
"""Where FastAPI found what it complains about; the caller knows."""

_PROBLEM: Header = (b"content-type", b"application/problem+json")

_MOST_RETRY_SECONDS = 60
"""Older SDKs fall back to a quick retry of their own when asked to wait longer than this (facts §3)."""


def bearer_of(scope: Scope) -> str | None:
    """The ``Authorization`` header.

    Raises:
        Unauthenticated: there are several, and nobody can say which is meant.

    """
    found = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(found) > 1:
        raise Unauthenticated("There are several Authorization headers; send one.")
    return found[0].decode("latin-1") if found else None


def is_admin(scope: Scope) -> bool:
    """Whether a request is for the operator's door, whose errors are problems (RFC 9457)."""
    path: str = scope["path"]
    return path.startswith(ADMIN_PREFIX)


def refusal_body(error: GatewayError) -> bytes:
    """The envelope as JSON. A message may repeat what its caller wrote, and some write a key in the wrong place."""
    return redacted_json(error.envelope())


def refusal_headers(error: GatewayError) -> list[Header]:
    """Content type, when to try again, and whether to."""
    headers: list[Header] = [(b"content-type", b"application/json"), *error.headers]
    if error.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if error.should_retry is not None:
        headers.append((b"x-should-retry", b"true" if error.should_retry else b"false"))
    if error.retry_after_seconds is not None:
        # Who is told not to try again by itself may still be told when it is worth it.
        most = math.inf if error.should_retry is False else _MOST_RETRY_SECONDS
        seconds = min(error.retry_after_seconds, most)
        headers.append((b"retry-after", str(max(1, math.ceil(seconds))).encode()))
        headers.append((b"retry-after-ms", str(max(1, math.ceil(seconds * 1000))).encode()))
    return headers


async def send_refusal(scope: Scope, send: Send, error: GatewayError, extra: Sequence[Header] = ()) -> None:
    """Answer a request with an error: the one place where that is done. A mistake that nobody else logs is logged."""
    state = scope.get("state", {})
    if error.status < 500 and not state.get("has_line"):
        told = {"code": error.code, "status": error.status, "outcome": "refused"}
        request_log.info("refused", extra={"fields": {"request_id": state.get("request_id"), **told}})
        state["has_line"] = True
    body, headers = refusal_body(error), refusal_headers(error)
    if is_admin(scope):
        body, headers[0] = redacted_json(error.problem()), _PROBLEM
    headers += [*extra, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body if scope["method"] != "HEAD" else b""})


class Refusal(Response):
    """A refusal as a response, for routes that FastAPI serves."""

    def __init__(self, error: GatewayError, extra: Sequence[Header] = ()) -> None:
        super().__init__()
        self._error = error
        self._extra = extra

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send_refusal(scope, send, self._error, self._extra)


async def on_gateway_error(_: Request, error: Exception) -> Response:
    """A refusal of ours."""
    return Refusal(error if isinstance(error, GatewayError) else _internal())


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Starlette's own refusals, in the envelope."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    method, path = request.method, request.url.path
    if status == 405 and isinstance(error, HTTPException):
        allowed = (error.headers or {}).get("Allow", "").encode("latin-1")
        return Refusal(MethodNotAllowed(f"{method} is not allowed on {path}."), [(b"allow", allowed)])
    if status == 404:
        return Refusal(NotFound(f"There is no {method} {path} here."))
    return Refusal(InvalidRequest("The body could not be read.", code="invalid_json") if status < 500 else _internal())


async def on_invalid_body(_: Request, error: Exception) -> Response:
    """A body or query that does not fit the operator's door; only names and rules are repeated, never values."""
    first: dict[str, Any] = error.errors()[0] if isinstance(error, RequestValidationError) else {}
    place = [part for part in first.get("loc", ()) if isinstance(part, str) and part not in _PLACES]
    param = ".".join(place) or None
    message = str(first.get("msg", "invalid")).removeprefix("Value error, ")
    return Refusal(InvalidRequest(f"{param or 'The body'}: {message}", param=param))


async def on_fault(request: Request, error: Exception) -> Response:
    """A fault of ours in a route of FastAPI, which raises it on, for the server to log."""
    return Refusal(_fault_of(request.scope, error))


async def send_fault(scope: Scope, send: Send, error: Exception) -> None:
    """Answer a request that failed by a fault of ours; whoever calls this raises it on, for the server to log."""
    await send_refusal(scope, send, _fault_of(scope, error))


def _fault_of(scope: Scope, error: Exception) -> InternalError:
    # The pattern of its route: the path itself may be a link, which is a secret.
    pattern = getattr(scope.get("route"), "path", None) or scope["state"].get("route")
    log.error("a route failed", extra={"route": pattern, "detail": repr(error)})
    return _internal()


def _internal() -> InternalError:
    return InternalError("The gateway failed to serve this request; it has been logged.")
