"""CometAPI's wire: the headers it wants, and what its error answers mean. Pure.

Its errors are those of a new-api fork: a client's mistake can come as a 500, a missing model as a 503, and our own
empty balance as a 403; so an error is read by code and message before its status (facts §4.6).

A teammate gets sentences of ours. Of the upstream's own words only those pass that are known to speak of the request
(OpenAI's validation and its safety system). Whatever else it says may echo a prompt: the log gets our words for what
it is about (`_for_the_log`), and its own only where prompts may be logged.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from app.catalog.normalise import ImageRequest
from app.catalog.order import InputImage
from app.errors import (
    GatewayError,
    InvalidRequest,
    LimitExceeded,
    UpstreamFailed,
    UpstreamTimeout,
    UpstreamUnavailable,
    UpstreamUnknown,
)
from app.upstream.failure import Cause, ExchangeFailed
from app.upstream.mask import NO_KEYS, Mask

ERROR_ANSWERS_ARE_BILLED = False
"""Whether CometAPI bills a request it answers with an error of its own. Undocumented; until somebody shows otherwise an
error in its JSON envelope gives the hold back."""

OUTCOME_UNKNOWN = "The image service did not give a whole answer; the picture may have been made and billed."

_BUSY_SECONDS = 5.0
"""Retry-After for a saturated upstream, which documents none itself (facts §4.6)."""
_RETRY_AFTER_SECONDS = (1.0, 300.0)
"""What a Retry-After may ask for; beyond that it is a mistake, or nothing a request or a key should be bound by."""
_MOST_TOLD_CHARS = 300
_MOST_LOGGED_CHARS = 500

_NO_ANSWER = frozenset({408, 499, 504, *range(520, 530)})
"""Somebody between us and the models gave up waiting, in whatever form: the models may have gone on."""

_NOT_THE_CALLERS = {402, 404, 405, 407}
"""Our balance, our base URL, our proxy: a teammate can do nothing about these."""
_MISCONFIGURED = "The image service cannot be reached as configured; whoever runs this gateway has to look."

_OUR_ACCOUNT = {
    "invalid_api_key",
    "insufficient_user_quota",
    "pre_consume_token_quota_failed",
    "billing_hard_limit_reached",
    "insufficient_quota",
}
_TIMED_OUT = {"channel:response_time_exceeded"}
_BUSY_CODES = {"rate_limited", "rate_limit_exceeded", "too_many_requests", "429"}
_NO_CHANNEL = "model_not_found"
"""Of new-api: no channel for the model now, as a 503. OpenAI's own, a 404, means that there is no such model."""
_MODERATION = {"moderation_blocked", "content_policy_violation", "sensitive_words_detected", "prompt_blocked"}
_CALLERS_FAULT = {"invalid_request", "convert_request_failed", "bad_request_body", "invalid_value", "unknown_parameter"}

_REQUEST_ID = re.compile(r"\s*\(request id: ([^)]*)\)")
_ABOUT_THE_REQUEST = re.compile(
    r"(Invalid (size|type|value)\b|Invalid image file|Unknown parameter: |Unsupported (value|parameter)"
    r"|Missing required parameter|Prompt must be |Your request was rejected (by the|as a result of our) safety system)"
)
"""How OpenAI's messages about a request begin (facts §1.5)."""
_ABOUT_ITSELF = re.compile(r"\b(channels?|distributor|group|comet\w*|one-?api|new-?api|sk-\w+)\b", re.IGNORECASE)
"""Words with which a relay speaks of itself, also behind such a beginning (facts §4.6)."""
_SUBJECTS = re.compile(
    r"\b(channel|distributor|group|quota|balance|billing|token|api key|api_key|model|rate limit|saturated|overloaded"
    r"|capacity|unavailable|maintenance|timeout|timed out|safety system|parameter|prompt|image|size)s?\b",
    re.IGNORECASE,
)
"""Words of ours for what a message is about; an operator learns from them where to look."""
_NAME = re.compile(r"[\w.:-]{1,60}", re.ASCII)
_ID = re.compile(r"[\w.:-]{1,100}", re.ASCII)
_ID_HEADERS = (b"x-oneapi-request-id", b"x-request-id")
"""Where an answer's id stands, the first one first: CometAPI documents none, new-api and OpenAI have one."""
_CATEGORY = re.compile(r"[\w/ -]{1,40}", re.ASCII)
_PARAM = re.compile(r"[a-z_]{1,40}(\[\d{1,2}\])?")


def request_headers(key: str, user_agent: str) -> list[tuple[str, str]]:
    """The headers of every request upstream, beside those of its body and its trace; nothing else of the client's."""
    return [
        ("Authorization", f"Bearer {key}"),
        ("Accept", "application/json"),
        ("Accept-Encoding", "identity"),
        ("User-Agent", user_agent),
    ]


def json_body(request: ImageRequest) -> bytes:
    """The body of a generation; keys sorted, so that equal requests are equal bytes."""
    return orjson.dumps(request.fields, option=orjson.OPT_SORT_KEYS)


def form_files(request: ImageRequest) -> list[tuple[str, InputImage]]:
    """The pictures of an edit under the names of their fields: one is ``image``, several are ``image[]`` (facts §3)."""
    name = "image" if len(request.images) == 1 else "image[]"
    files = [(name, image) for image in request.images]
    return files + [(name, image) for name, image in (("mask", request.mask), ("markup", request.markup)) if image]


def is_event_stream(content_type: str) -> bool:
    """Whether an answer is one of server-sent events; parameters of the type do not matter."""
    return content_type.partition(";")[0].strip().lower() == "text/event-stream"


def read_retry_after(value: str, now: datetime) -> float | None:
    """The seconds a Retry-After asks for, as a number or a date (RFC 9110 §10.2.3), within bounds; None without one."""
    try:
        if value.isascii() and value.strip().isdecimal():
            seconds = float(value)
        else:
            until = parsedate_to_datetime(value)
            seconds = (until if until.tzinfo else until.replace(tzinfo=UTC)).timestamp() - now.timestamp()
    except (ValueError, OverflowError):  # a time zone of a hundred digits
        return None
    least, most = _RETRY_AFTER_SECONDS
    return min(most, max(least, seconds))


def read_upstream_id(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The upstream's own id of an answer, by its headers as they came."""
    found: dict[bytes, str] = {}
    for name, value in headers:
        lowered = name.lower()
        if lowered in _ID_HEADERS and _ID.fullmatch(text := value.decode("latin-1")):
            found.setdefault(lowered, text)
    return next((found[name] for name in _ID_HEADERS if name in found), None) if found else None


def read_failure(
    status: int, body: bytes, retry_after_seconds: float | None = None, mask: Mask = NO_KEYS
) -> ExchangeFailed:
    """What an answer that is no 200 means; ``body`` is as much of it as came."""
    failure = _read_failure(status, body, mask)
    failure.retry_after_seconds = retry_after_seconds
    if retry_after_seconds is not None and failure.error.retry_after_seconds is not None:
        failure.error.retry_after_seconds = retry_after_seconds
    return failure


def _read_failure(status: int, body: bytes, mask: Mask) -> ExchangeFailed:
    found = _error_object(body)
    error = None if found is None else mask.document(found)
    if status in _NO_ANSWER or (error is not None and _text(error.get("code")) in _TIMED_OUT):
        return _unknown(UpstreamTimeout, status)
    if error is not None:
        return read_error(status, error)
    if status == 429:
        busy = _busy(f"status {status} without an error envelope")
        return ExchangeFailed(busy, charged=False, cause=Cause.BUSY, nothing_made=True)
    if 300 <= status < 500:
        # Whoever answered, a redirect or a refusal made no picture. It is our address or our access that is wrong.
        told = UpstreamUnavailable(
            _MISCONFIGURED,
            detail=f"status {status} without an error envelope; is the /v1 missing from COMETAPI_BASE_URL?",
            should_retry=False,
        )
        return ExchangeFailed(told, charged=False)
    return _unknown(UpstreamUnknown, status)


def read_error(status: int, error: dict[str, Any]) -> ExchangeFailed:
    """What an error in the upstream's own envelope means; ``status`` 200 for one inside a 200."""
    message, code = _text(error.get("message")), _code(error)
    found = _REQUEST_ID.search(message)
    told = _told(status, error, _REQUEST_ID.sub("", message))
    told.detail = _for_the_log(status, error, message)
    cause = _cause(status, code, told)
    return ExchangeFailed(
        told,
        charged=ERROR_ANSWERS_ARE_BILLED,
        upstream_id=found[1] if found and _ID.fullmatch(found[1]) else None,
        cause=cause,
        nothing_made=cause is not None and status != 200,
        words=message[:_MOST_LOGGED_CHARS],
    )


def _for_the_log(status: int, error: dict[str, Any], message: str) -> str:
    """What the log may have of an error, which can echo a prompt: its status, its names, and our words for it."""
    named = {"code": _code(error), "type": _text(error.get("type"))}
    parts = [f"status {status}", *(f"{what} {name!r}" for what, name in named.items() if _NAME.fullmatch(name))]
    if subjects := list(dict.fromkeys(word.lower() for word in _SUBJECTS.findall(message))):
        parts.append(f"says something of: {', '.join(subjects)}")
    return ", ".join(parts)


def _cause(status: int, code: str, told: GatewayError) -> Cause | None:
    """Which of the refusals it was that come before any model has the request.

    It is read from status and code alone: an echoed prompt can stand in a message, and must not take a key out.
    """
    if not isinstance(told, LimitExceeded | UpstreamUnavailable):
        return None
    if status in (401, 402) or code in _OUR_ACCOUNT:
        return Cause.ACCOUNT
    if status == 429 or code in _BUSY_CODES:
        return Cause.BUSY
    if status == 403:
        return Cause.NOT_PERMITTED
    return Cause.NO_CAPACITY if code == _NO_CHANNEL and status != 404 else None


def no_picture(document: dict[str, Any]) -> ExchangeFailed:
    """What a whole 200 without a picture means: an error inside it, a filtered prompt, or an answer of another kind."""
    usage = document.get("usage")
    billed = usage if isinstance(usage, dict) and usage.get("output_tokens") else None
    error, has_data = document.get("error"), isinstance(document.get("data"), list)
    if isinstance(error, dict):
        failure = read_error(200, error)
    elif has_data and isinstance(error, str) and error:
        failure = read_error(200, {"message": error})
    elif has_data:
        told = InvalidRequest(
            "The image service made no picture for this prompt; it may have been filtered. Try other words.",
            code="content_policy_violation",
        )
        failure = ExchangeFailed(told, charged=False)
    else:
        return ExchangeFailed(
            UpstreamUnknown(OUTCOME_UNKNOWN, detail="a 200 of another kind"),
            charged=True,
            usages=(billed,) if billed else (),
        )
    if billed is not None:
        failure.charged, failure.usages = True, (billed,)
        failure.error.should_retry = False
    return failure


def _told(status: int, error: dict[str, Any], message: str) -> GatewayError:
    """The refusal a teammate sees."""
    code = _code(error)
    if code in _MODERATION or "safety system" in message:
        return _moderated(error, code, message)
    if ours := _ours(status, code, message):
        return ours
    if status == 429 or code in _BUSY_CODES:
        return _busy("")
    if code in _CALLERS_FAULT or 400 <= status < 500:
        param = _text(error.get("param"))
        return InvalidRequest(
            _about_the_request(message, "The image service refused this request as invalid."),
            param=param if _PARAM.fullmatch(param) else None,
            code=code if code in _CALLERS_FAULT else "invalid_request",
        )
    return UpstreamFailed("The image service failed to make this picture; try again.")


def _ours(status: int, code: str, message: str) -> UpstreamUnavailable | None:
    """What a teammate can do nothing about: our key, our balance, our address, their channels."""
    if code in _OUR_ACCOUNT or status in (401, 403) or "quota" in message or "API key" in message:
        return UpstreamUnavailable(
            "The image service does not accept this gateway's account at the moment; whoever runs it has to look.",
            retry_after_seconds=30,
        )
    if code == _NO_CHANNEL:
        return UpstreamUnavailable(
            "The image service has no capacity for this model at the moment.", retry_after_seconds=_BUSY_SECONDS
        )
    if status in _NOT_THE_CALLERS and code not in _CALLERS_FAULT:
        return UpstreamUnavailable(_MISCONFIGURED, should_retry=False)
    return None


def _moderated(error: dict[str, Any], code: str, message: str) -> InvalidRequest:
    details = error.get("moderation_details")
    kept = {}
    if isinstance(details, dict):
        categories = details.get("categories")
        words = [word for word in categories if _is_word(word)] if isinstance(categories, list) else []
        stage = details.get("moderation_stage")
        kept = {"moderation_stage": stage if _is_word(stage) else None, "categories": words[:20]}
    return InvalidRequest(
        _about_the_request(message, "The image service's safety system refused this request."),
        code=code if code in _MODERATION else "moderation_blocked",
        extra={"moderation_details": kept} if kept else None,
    )


def _busy(detail: str) -> LimitExceeded:
    return LimitExceeded(
        "The image service is busy; try again shortly.", retry_after_seconds=_BUSY_SECONDS, detail=detail
    )


def _unknown(kind: type[UpstreamUnknown], status: int) -> ExchangeFailed:
    return ExchangeFailed(kind(OUTCOME_UNKNOWN, detail=f"status {status}"), charged=True)


def _error_object(body: bytes) -> dict[str, Any] | None:
    """The ``error`` of an answer, or the answer itself where the envelope is bare (facts §4.6)."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict):
        return None
    if isinstance(error := document.get("error"), dict):
        return error
    # A proxy's own {"message": …} is nobody's word on what became of the picture.
    return document if "message" in document and ("code" in document or "type" in document) else None


def _about_the_request(message: str, otherwise: str) -> str:
    """The upstream's message where it is known to speak of the request, ours where it speaks of anything else."""
    is_told = len(message) <= _MOST_TOLD_CHARS and _ABOUT_THE_REQUEST.match(message)
    return message if is_told and not _ABOUT_ITSELF.search(message) else otherwise


def _is_word(value: object) -> bool:
    return isinstance(value, str) and _CATEGORY.fullmatch(value) is not None


def _code(error: dict[str, Any]) -> str:
    """The code of an error; a few relays write a number."""
    code = error.get("code")
    return str(code) if type(code) is int else _text(code)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
