"""Write errors the way CometAPI does: its envelope, its request id inside the message, its surprising statuses.

A body it cannot use is a 500, a model without a channel a 503, an empty balance a 403.
"""

import json
import secrets
import string
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from app.simulator.answer import HttpAnswer
from app.simulator.scenario import Content, Scenario


class Refusal(Struct, frozen=True):
    """One error answer, before it gets its request id."""

    status: int
    message: str
    code: str | None = "invalid_request"
    type: str = "comet_api_error"
    param: str | None = ""
    moderation: tuple[str, ...] = ()
    """The categories of a moderation refusal, relayed from OpenAI."""


class RefusalError(Exception):
    """An exchange ends in this refusal."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


KNOWN_REFUSALS = (
    Refusal(500, "field messages is required"),
    Refusal(400, "model name is required", code=""),
    Refusal(401, "invalid token", code=""),
    Refusal(403, "user quota is not enough", code="insufficient_user_quota"),
    Refusal(429, "the upstream load of the current group is saturated, please try again later", code="rate_limited"),
    Refusal(502, "bad response status code 502", code="bad_response_status_code"),
    Refusal(503, "no available channel for group default and model gpt-image-2 (distributor)", code="model_not_found"),
    Refusal(504, "upstream request timeout", code="channel:response_time_exceeded"),
    Refusal(500, "upstream error: do request failed", code="do_request_failed"),
    Refusal(500, "not supported model for image generation", code="convert_request_failed"),
    Refusal(400, "user sensitive words detected", code="sensitive_words_detected"),
    Refusal(
        400,
        "Your request was rejected by the safety system. If you believe this is an error, contact us at"
        " help.openai.com and include the request ID. safety_violations=[sexual].",
        code="moderation_blocked",
        type="image_generation_user_error",
        param=None,
        moderation=("sexual",),
    ),
)
"""What CometAPI and its kin have been seen to answer; a scenario names one by its code, or else by its status."""

HTML_STATUS = 524
"""Cloudflare's own "a timeout occurred", the usual HTML answer in front of CometAPI."""


def played_refusal(scenario: Scenario) -> Refusal:
    """The refusal a scenario asks for: a known one, changed by what the scenario says itself."""
    by_code = (known for known in KNOWN_REFUSALS if scenario.code and known.code == scenario.code)
    by_status = (known for known in KNOWN_REFUSALS if known.status == scenario.status)
    refusal = next(by_code, None) or next(by_status, None) or Refusal(scenario.status, "upstream error")
    if scenario.status != 200:
        refusal = replace(refusal, status=scenario.status)
    if scenario.code is not None:
        refusal = replace(refusal, code=scenario.code)
    return replace(refusal, message=scenario.message) if scenario.message is not None else refusal


def is_html(scenario: Scenario) -> bool:
    """Whether Cloudflare answers in CometAPI's place, as it always does from status 520 up."""
    return scenario.content is Content.HTML or scenario.status >= 520


def refuse(refusal: Refusal, retry_after_seconds: float | None = None) -> HttpAnswer:
    """Render a refusal in CometAPI's envelope."""
    headers = (("Retry-After", f"{retry_after_seconds:g}"),) if retry_after_seconds is not None else ()
    return HttpAnswer(refusal.status, json.dumps(envelope(refusal)).encode(), headers=headers)


def envelope(refusal: Refusal) -> dict[str, Any]:
    """The JSON of a refusal, with a fresh request id at the end of its message."""
    error: dict[str, Any] = {
        "message": f"{refusal.message} (request id: {new_request_id()})",
        "type": refusal.type,
        "param": refusal.param,
        "code": refusal.code,
    }
    if refusal.moderation:
        error["moderation_details"] = {"moderation_stage": "output", "categories": list(refusal.moderation)}
    return {"error": error}


def html_page(status: int) -> HttpAnswer:
    """Cloudflare's page for an origin that failed or took too long."""
    title = "A timeout occurred" if status == HTML_STATUS else "Web server is returning an unknown error"
    page = (
        f"<!DOCTYPE html>\n<html lang='en-US'><head><title>api.cometapi.com | {status}: {title}</title></head>\n"
        f"<body><h1>{title} <span>Error code {status}</span></h1><p>Cloudflare Ray ID: {secrets.token_hex(8)}</p>"
        "</body></html>\n"
    )
    return HttpAnswer(status, page.encode(), content_type="text/html; charset=UTF-8")


def new_request_id() -> str:
    """An id in new-api's form: the time to the nanosecond, then eight random letters and digits."""
    now = datetime.now(UTC)
    tail = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(8))
    return f"{now:%Y%m%d%H%M%S%f}{secrets.randbelow(1000):03d}{tail}"
