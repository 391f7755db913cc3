"""What the form of an answer must be, whatever has been broken: its status, its headers, the envelope of an error."""

import json
from collections.abc import Mapping
from http import HTTPStatus

from tests.soak.errands import Wanted
from tests.soak.facts import Order

_MEMBERS = {"message", "type", "param", "code"}
"""Of an error in OpenAI's envelope."""
_FURTHER = {"moderation_details"}
"""What a picture was refused for, where the upstream tells."""
_OVERLOADED = {429, 503}
"""Statuses that must say when to come back, or not to."""
_AWAY = {503}
"""Redis is away, or the replica is stopping."""
_FAILED = {429, 502, 503, 504}
"""What may come of a sound request: limits, and an upstream that breaks or is away."""


def expected(order: Order, attempt: int, *, is_fetched: bool) -> set[int]:
    """The statuses that an order may be answered with."""
    if is_fetched:
        return {200, 202, 410} | _AWAY  # its answer or how it stands; or that it is not kept
    match order.kind:
        case "bad":
            return {400, 404} | _AWAY
        case "quote":
            return {200} | _AWAY
        case "later" if attempt == 0:
            statuses = {202, 429} | _AWAY
        case "later":
            statuses = {200, 202} | _FAILED
        case _:
            statuses = {200} | _FAILED
    if order.fault:
        statuses.add(400)  # the upstream refuses it as its caller's mistake
    if order.is_named and attempt:
        statuses |= {410} | _FAILED
    return statuses


def error_of(body: bytes) -> Mapping[str, object] | None:
    """The error in OpenAI's envelope; None where a body is no such thing."""
    try:
        error = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        return None
    return error if isinstance(error, dict) else None


def complaint_of_head(
    wanted: Wanted, attempt: int, status: int, headers: Mapping[str, str], *, is_fetched: bool = False
) -> str:
    """What is wrong with the beginning of an answer; "" for nothing."""
    if status not in expected(wanted.order, attempt, is_fetched=is_fetched):
        return f"status {status} is not expected"
    if not headers.get("x-request-id", "").startswith("req_"):
        return "no x-request-id"
    if status in _OVERLOADED and not _says_when(headers):
        return f"{status} without retry-after or x-should-retry"
    return ""


def complaint_of_error(body: bytes) -> str:
    """What is wrong with the body of a refusal; "" for nothing."""
    error = error_of(body)
    if error is None or set(error) - _FURTHER != _MEMBERS:
        return f"an error that is not in OpenAI's form: {body[:200]!r}"
    if not error["message"] or not error["type"] or not error["code"]:
        return f"an error that leaves something out: {body[:200]!r}"
    return ""


def is_refusal(status: int) -> bool:
    """Whether the body is an error rather than an answer."""
    return status >= HTTPStatus.BAD_REQUEST


def _says_when(headers: Mapping[str, str]) -> bool:
    return int(headers.get("retry-after", "0")) > 0 or headers.get("x-should-retry") == "false"
