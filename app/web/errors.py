"""Rendering errors, in one place: OpenAI's envelope and the headers its SDKs obey."""

import math

import orjson
from starlette.types import Scope, Send

from app.errors import GatewayError
from app.gateway.door import Header

_MOST_RETRY_SECONDS = 60
"""Older SDKs fall back to a quick retry of their own when asked to wait longer than this (facts §3)."""


def refusal_body(error: GatewayError) -> bytes:
    """The envelope as JSON."""
    return orjson.dumps(error.envelope())


def refusal_headers(error: GatewayError) -> list[Header]:
    """Content type, when to try again, and whether to."""
    headers: list[Header] = [(b"content-type", b"application/json"), *error.headers]
    if error.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if error.retry_allowed is not None:
        headers.append((b"x-should-retry", b"true" if error.retry_allowed else b"false"))
    if error.retry_after_seconds is not None and error.retry_allowed is not False:
        seconds = min(error.retry_after_seconds, _MOST_RETRY_SECONDS)
        headers.append((b"retry-after", str(max(1, math.ceil(seconds))).encode()))
        headers.append((b"retry-after-ms", str(max(1, math.ceil(seconds * 1000))).encode()))
    return headers


async def send_refusal(scope: Scope, send: Send, error: GatewayError) -> None:
    """Answer a request with an error, at the level of ASGI."""
    body = refusal_body(error)
    request_id = scope.get("state", {}).get("request_id", "").encode()
    headers = [(b"x-request-id", request_id), *refusal_headers(error), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body if scope["method"] != "HEAD" else b""})
