"""CometAPI's wire: the headers it wants, and what its error answers mean. Pure.

Its errors are those of a new-api fork: a client's mistake can come as a 500, a missing model as a 503, and our own
empty balance as a 403; so an error is read by code and message before its status (facts §4.6). Words about the
provider's inside (channels, groups, request ids, keys) never reach a teammate.
"""

import re
from typing import Any

import orjson

from app.errors import (
    GatewayError,
    InvalidRequest,
    LimitExceeded,
    UpstreamFailed,
    UpstreamTimeout,
    UpstreamUnavailable,
    UpstreamUnknown,
)
from app.upstream.failure import ExchangeFailed

GENERATIONS_PATH = "/images/generations"

ERROR_ANSWERS_ARE_BILLED = False
"""Whether CometAPI bills a request it answers with an error of its own. Undocumented; until somebody shows otherwise an
error in its JSON envelope gives the hold back."""

_BUSY_SECONDS = 5.0
"""Retry-After for a saturated upstream, which documents none itself (facts §4.6)."""

_OUR_BALANCE = {"insufficient_user_quota", "pre_consume_token_quota_failed"}
_MODERATION = {"moderation_blocked", "content_policy_violation", "sensitive_words_detected", "prompt_blocked"}
_CALLERS_FAULT = {"invalid_request", "convert_request_failed", "bad_request_body", "invalid_value", "unknown_parameter"}

_REQUEST_ID = re.compile(r"\s*\(request id: ([^)]*)\)")
_INSIDE = re.compile(
    r"channel|distributor|\bgroup\b|new.?api|one.?api|comet|sk-\w|token|quota|upstream|https?://", re.IGNORECASE
)


def request_headers(key: str, user_agent: str) -> list[tuple[str, str]]:
    """All headers of a request upstream; nothing of the client's goes along."""
    return [
        ("Authorization", f"Bearer {key}"),
        ("Content-Type", "application/json"),
        ("Accept", "application/json"),
        ("Accept-Encoding", "identity"),
        ("User-Agent", user_agent),
    ]


def read_failure(status: int, body: bytes, *, complete: bool = True) -> ExchangeFailed:
    """What an answer that is no 200 means."""
    error = _error_object(body) if complete else None
    if error is not None:
        return read_error(status, error)
    if 300 <= status < 500 and status not in (408, 499):
        # Whoever answered, a redirect or a refusal made no picture. It is our address or our access that is wrong.
        told = UpstreamUnavailable(
            "The image service cannot be reached as configured; whoever runs this gateway has to look.",
            detail=f"status {status} without an error envelope",
        )
        return ExchangeFailed(told, charged=False)
    kind = UpstreamTimeout if status in (408, 499, 504, 522, 524) else UpstreamUnknown
    told_unknown = kind(
        "The image service did not give a proper answer; the picture may have been made and billed.",
        detail=f"status {status} without an error envelope",
    )
    return ExchangeFailed(told_unknown, charged=True)


def read_error(status: int, error: dict[str, Any]) -> ExchangeFailed:
    """What an error in the upstream's own envelope means; ``status`` 200 for one inside a 200."""
    message = error.get("message") if isinstance(error.get("message"), str) else ""
    found = _REQUEST_ID.search(str(message))
    told = _told(status, error, _REQUEST_ID.sub("", str(message)))
    if not told.detail:
        told.detail = f"status {status}, code {error.get('code')!r}: {message}"
    return ExchangeFailed(told, charged=ERROR_ANSWERS_ARE_BILLED, upstream_id=found[1] if found else None)


def _told(status: int, error: dict[str, Any], message: str) -> GatewayError:
    """The refusal a teammate sees."""
    code = error.get("code") if isinstance(error.get("code"), str) else ""
    if code in _MODERATION or "safety system" in message:
        return _moderated(error, str(code), message)
    if code in _OUR_BALANCE or "quota is not enough" in message or status in (401, 403):
        return UpstreamUnavailable(
            "The image service does not accept this gateway's account at the moment; whoever runs it has to look.",
            retry_after_seconds=30,
        )
    if code == "model_not_found":
        return UpstreamUnavailable(
            "The image service has no capacity for this model at the moment.", retry_after_seconds=_BUSY_SECONDS
        )
    if status == 429:
        return LimitExceeded("The image service is busy; try again shortly.", retry_after_seconds=_BUSY_SECONDS)
    if code in _CALLERS_FAULT or 400 <= status < 500:
        param = error.get("param")
        return InvalidRequest(
            _without_inside(message, "The image service refused this request as invalid."),
            param=param if isinstance(param, str) and param else None,
            code="invalid_request" if code not in _CALLERS_FAULT else str(code),
        )
    return UpstreamFailed("The image service failed to make this picture; nothing was charged.")


def _moderated(error: dict[str, Any], code: str, message: str) -> InvalidRequest:
    details = error.get("moderation_details")
    return InvalidRequest(
        _without_inside(message, "The image service's safety system refused this request."),
        code=code or "moderation_blocked",
        extra={"moderation_details": details} if isinstance(details, dict) else None,
    )


def no_picture(document: dict[str, Any]) -> ExchangeFailed:
    """What a whole 200 without a picture means: an error inside it, or a prompt that was filtered."""
    error = document.get("error")
    if isinstance(error, dict):
        return read_error(200, error)
    usage = document.get("usage")
    usage = usage if isinstance(usage, dict) and usage.get("output_tokens") else None
    told = InvalidRequest(
        "The image service made no picture for this prompt; it may have been filtered.", code="content_policy_violation"
    )
    return ExchangeFailed(told, charged=usage is not None, usage=usage)


def _error_object(body: bytes) -> dict[str, Any] | None:
    """The ``error`` of an answer, or the answer itself where the envelope is bare (facts §4.6)."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict):
        return None
    error = document.get("error", document)
    return error if isinstance(error, dict) and "message" in error else None


def _without_inside(message: str, otherwise: str) -> str:
    """The upstream's message where it speaks of the request, ours where it speaks of itself."""
    return message if message and not _INSIDE.search(message) else otherwise
