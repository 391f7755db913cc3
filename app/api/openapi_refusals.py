"""Refusals in the OpenAPI document: real errors of app/errors.py as examples, and answers made of them."""

from http import HTTPStatus
from typing import Any, Final

from app.api.openapi_headers import RATES, headers
from app.errors import (
    BodyTooLarge,
    BodyTooSlow,
    Conflict,
    Forbidden,
    GatewayError,
    ImageStoreUnavailable,
    InsufficientQuota,
    InternalError,
    InvalidRequest,
    LimitExceeded,
    LinkExpired,
    MethodNotAllowed,
    ModelNotFound,
    NotFound,
    Overloaded,
    ResultExpired,
    StoreUnavailable,
    Unauthenticated,
    UpstreamFailed,
    UpstreamTimeout,
    UpstreamUnavailable,
    UpstreamUnknown,
)

_SAMPLES: Final[tuple[GatewayError, ...]] = (
    InvalidRequest("Invalid 'size': expected one of '1024x1024', '1536x1024', '1024x1536', 'auto'.", param="size"),
    InvalidRequest("We could not parse the JSON body of your request.", code="invalid_json"),
    InvalidRequest("Invalid type for 'n': expected an integer.", param="n", code="invalid_type"),
    InvalidRequest("Missing required parameter: 'prompt'.", param="prompt", code="missing_required_parameter"),
    InvalidRequest("Unknown parameter: 'colour'.", param="colour", code="unknown_parameter"),
    InvalidRequest("This model does not take 'mask'.", param="mask", code="unsupported_parameter"),
    InvalidRequest("The route `generations` takes JSON (application/json).", code="invalid_content_type"),
    InvalidRequest("This model has no price here.", param="model", code="model_not_priced"),
    InvalidRequest("The upstream's safety system refused this prompt.", code="moderation_blocked"),
    InvalidRequest("This is no valid HTTP/1.1 request.", code="invalid_http"),
    BodyTooLarge("The request's body is larger than 1,048,576 bytes."),
    BodyTooSlow("The request's body did not arrive within 30 seconds."),
    Unauthenticated("This virtual key is not known here."),
    Unauthenticated("This virtual key is expired.", code="expired_api_key"),
    Unauthenticated("This virtual key is revoked.", code="revoked_api_key"),
    Unauthenticated("This virtual key is disabled.", code="disabled_api_key"),
    Unauthenticated("This virtual key was replaced by a new one.", code="rotated_api_key"),
    Unauthenticated("This is not an admin token that is known here.", code="invalid_admin_token"),
    Forbidden("This virtual key may not use the model `gpt-image-2`.", param="model"),
    Forbidden("This team is blocked: a limit of it is 0. Ask whoever runs the gateway.", code="blocked"),
    NotFound("There is no such thing here."),
    ModelNotFound("The model `gpt-picture` is not known here.", param="model"),
    LinkExpired("This link has run out, and its picture is gone."),
    ResultExpired("The answer of this request is not kept any more."),
    MethodNotAllowed("PUT is not allowed on /v1/models."),
    Conflict("This virtual key is being changed at this moment; try again.", should_retry=True),
    Conflict(
        "This Idempotency-Key was used for another request within the last day.",
        param="Idempotency-Key",
        code="idempotency_key_reused",
        should_retry=False,
    ),
    LimitExceeded("Limit reached for this team: 20 images per minute. Try again in 12 s.", retry_after_seconds=12),
    LimitExceeded(
        "This key or token is not one that works here, like many before it from the same address.",
        code="too_many_failures",
        retry_after_seconds=5,
        should_retry=False,
    ),
    InsufficientQuota("The budget of this team does not cover this request: it can cost up to $0.05."),
    InternalError("The gateway failed to serve this request; it has been logged."),
    UpstreamFailed("The upstream failed to make the picture; nothing was charged."),
    UpstreamUnknown("No whole answer came from the upstream; the picture may have been billed."),
    Overloaded("This gateway has as many requests in flight as it may carry.", retry_after_seconds=2),
    StoreUnavailable("The gateway's datastore is not available; nothing was charged.", retry_after_seconds=1),
    ImageStoreUnavailable("Hosted pictures cannot be read at this moment.", retry_after_seconds=5),
    UpstreamUnavailable("The upstream cannot be used at this moment; nothing was charged.", retry_after_seconds=5),
    UpstreamTimeout("The upstream stayed silent too long; the picture may have been billed."),
)
_BY_CODE: Final = {error.code: error for error in _SAMPLES}

BAD_REQUEST: Final = ("invalid_value", "invalid_http")
KEY: Final = (
    *("invalid_api_key", "expired_api_key", "revoked_api_key", "disabled_api_key", "rotated_api_key"),
    *("too_many_failures", "store_unavailable", "internal_error"),
)
"""What every route may say that asks for a virtual key."""
ORDER: Final = (
    *BAD_REQUEST,
    *("invalid_json", "invalid_type", "missing_required_parameter", "unknown_parameter", "unsupported_parameter"),
    *("invalid_content_type", "model_not_priced", "permission_denied", "model_not_found"),
    *("request_timeout", "conflict", "request_too_large", "overloaded"),
)
"""What every route may say that reads an order of pictures."""
PURCHASE: Final = (
    *("moderation_blocked", "blocked", "idempotency_key_reused", "result_expired"),
    *("rate_limit_exceeded", "insufficient_quota", "upstream_unavailable"),
    *("upstream_failed", "upstream_outcome_unknown", "upstream_timeout"),
)
"""What may come besides where pictures are bought."""

_ENVELOPE: Final = ("application/json", "Error", "error_")
_PROBLEM: Final = ("application/problem+json", "Problem", "problem_")


def examples() -> dict[str, Any]:
    """Every refusal in both forms, as the components of the document that routes refer to."""
    told = {f"{_ENVELOPE[2]}{code}": error.envelope() for code, error in _BY_CODE.items()}
    told |= {f"{_PROBLEM[2]}{code}": error.problem() for code, error in _BY_CODE.items()}
    return {name: {"value": value} for name, value in told.items()}


def refusals(*codes: str) -> dict[str, Any]:
    """The answers of a route of the public door that may refuse with these codes, by status."""
    return _answers(_ENVELOPE, codes)


def problems(*codes: str) -> dict[str, Any]:
    """The same at the operator's door."""
    return _answers(_PROBLEM, codes)


def _answers(form: tuple[str, str, str], codes: tuple[str, ...]) -> dict[str, Any]:
    statuses = sorted({_BY_CODE[code].status for code in codes})
    return {
        str(status): _answer(form, status, [code for code in codes if _BY_CODE[code].status == status])
        for status in statuses
    }


def _answer(form: tuple[str, str, str], status: int, codes: list[str]) -> dict[str, Any]:
    media_type, schema, prefix = form
    shown = {code: {"$ref": f"#/components/examples/{prefix}{code}"} for code in codes}
    return {
        "description": f"{HTTPStatus(status).phrase}: {', '.join(f'`{code}`' for code in codes)}",
        "headers": _headers(status) | (headers(*RATES) if "rate_limit_exceeded" in codes else {}),
        "content": {media_type: {"schema": {"$ref": f"#/components/schemas/{schema}"}, "examples": shown}},
    }


def _headers(status: int) -> dict[str, Any]:
    # What is no HTTP is refused before it gets an id.
    names = ["x-should-retry"] if status == 400 else ["x-request-id", "x-should-retry"]
    if status == 401:
        names.append("www-authenticate")
    if status in (409, 429, 503):
        names += ["retry-after", "retry-after-ms"]
    return headers(*names)
