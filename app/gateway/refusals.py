"""What a teammate is told when the ledger refuses, and the rate headers of every answer. Pure."""

from datetime import UTC, datetime

from app.errors import (
    Conflict,
    Forbidden,
    GatewayError,
    InsufficientQuota,
    LimitExceeded,
    Overloaded,
    StoreUnavailable,
    UpstreamUnknown,
)
from app.gateway.door import Header
from app.keyspace import TEAM_SCOPE
from app.ledger.models import Admission, Reason, Resolution
from app.money import format_dollars

_COUNTED = {
    "requests": "requests per minute",
    "images": "images per minute",
    "tokens": "tokens per minute",
    "concurrent_images": "images at once",
    "images_per_day": "images per day",
}

_LONG_MS = 120_000
"""Nobody's SDK waits longer than this for a second try, and older ones try at once instead (facts §3)."""


def refusal(admission: Admission, quoted: int) -> GatewayError:
    """The error for a refused admission; money is quoted in nano-dollars."""
    error = told(admission.reason, quoted)
    error.headers = rate_headers(admission)
    return error


def mismatch() -> Conflict:
    """The error for an Idempotency-Key that stands for another purchase."""
    return Conflict(
        "This Idempotency-Key was used for another request within the last day. Every purchase needs a key of its own.",
        code="idempotency_key_reused",
        param="Idempotency-Key",
        should_retry=False,
    )


def told(reason: Reason, quoted: int) -> GatewayError:
    """One reason as an error."""
    who = "team" if reason.scope == TEAM_SCOPE else "virtual key"
    if reason.code == "blocked":
        return Forbidden(f"This {who} is blocked: a limit of it is 0. Ask whoever runs the gateway.", code="blocked")
    if reason.code == "budget":
        return _over_budget(reason, who, quoted)
    if reason.code == "resolved":
        return StoreUnavailable("This request was given up before it was admitted; try again.", retry_after_seconds=1)
    counted = _COUNTED[reason.code.removeprefix("too_many_").removesuffix("_per_minute")]
    if reason.code.startswith("too_many_"):
        return LimitExceeded(
            f"This request is larger than the limit of this {who}: {reason.limit} {counted}. Ask for fewer at once.",
            should_retry=False,
        )
    seconds = max(0.001, reason.retry_after_ms / 1000)
    when = f"in {seconds:.3g} s" if reason.resets_ms == 0 else f"after {_time(reason.resets_ms)}"
    return LimitExceeded(
        f"Limit reached for this {who}: {reason.limit} {counted}. Try again {when}.",
        retry_after_seconds=seconds,
        should_retry=False if reason.retry_after_ms > _LONG_MS else None,
    )


def _over_budget(reason: Reason, who: str, quoted: int) -> InsufficientQuota:
    resets = f" It resets at {_time(reason.resets_ms)}." if reason.resets else ""
    return InsufficientQuota(
        f"The budget of this {who} does not cover this request: it can cost up to {format_dollars(quoted)}, and "
        f"{format_dollars(max(0, reason.available))} of {format_dollars(reason.limit)} is left.{resets} "
        "A smaller size, a lower quality or fewer pictures cost less."
    )


def _time(unix_ms: int) -> str:
    return f"{datetime.fromtimestamp(unix_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def stopped(resolution: Resolution | None) -> GatewayError:
    """The error for a request that a stopping gateway breaks off."""
    if resolution is not None and resolution.charged:
        return UpstreamUnknown("This gateway stopped before the answer was whole; the picture may have been billed.")
    return Overloaded("This gateway is stopping; try again in a moment.", retry_after_seconds=2)


def rate_headers(admission: Admission) -> list[Header]:
    """``x-ratelimit-*``: the tightest of key and team; resets as OpenAI writes them, those of images in seconds."""
    headers: list[Header] = []
    for what in ("requests", "images", "tokens"):
        if found := admission.tightest(what):
            reset = str(-(-found.reset_ms // 1000)) if what == "images" else duration(found.reset_ms)
            for name, value in (("limit", found.limit), ("remaining", max(0, found.remaining)), ("reset", reset)):
                headers.append((f"x-ratelimit-{name}-{what}".encode(), str(value).encode()))
    return headers


def duration(milliseconds: int) -> str:
    """A Go-style duration as OpenAI's headers have it: ``12ms``, ``1.5s``, ``6m0s``."""
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:g}s"
    minutes, rest = divmod(-(-milliseconds // 1000), 60)
    return f"{minutes}m{rest}s"
