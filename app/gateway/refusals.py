"""What a teammate is told when the ledger refuses, and the rate headers of every answer. Pure."""

from collections.abc import Callable

from app.errors import (
    Forbidden,
    GatewayError,
    InsufficientQuota,
    LimitExceeded,
    Overloaded,
    StoreUnavailable,
    UpstreamUnknown,
)
from app.gateway.door import Header
from app.ledger.models import Admission, Rate, Resolution
from app.money import format_dollars

_COUNTED = {
    "requests": "requests per minute",
    "images": "images per minute",
    "concurrent_images": "images at once",
}


def refusal(admission: Admission, quoted: int) -> GatewayError:
    """The error for a refused admission; money is quoted in nano-dollars."""
    error = _refusal(admission, quoted)
    error.headers = rate_headers(admission)
    return error


def _refusal(admission: Admission, quoted: int) -> GatewayError:
    who = "team" if admission.scope == "team" else "virtual key"
    reason = admission.reason
    if reason == "blocked":
        return Forbidden(f"This {who} is blocked: a limit of it is 0. Ask whoever runs the gateway.", code="blocked")
    if reason == "budget":
        return InsufficientQuota(
            f"The budget of this {who} does not cover this request: it can cost up to {format_dollars(quoted)}, and "
            f"{format_dollars(max(0, admission.available))} of {format_dollars(admission.limit)} is left. "
            "A smaller size, a lower quality or fewer pictures cost less."
        )
    if reason == "resolved":
        return StoreUnavailable("This request was given up before it was admitted; try again.", retry_after_seconds=1)
    counted = _COUNTED[reason.removeprefix("too_many_").removesuffix("_per_minute")]
    if reason.startswith("too_many_"):
        return LimitExceeded(
            f"This request is larger than the limit of this {who}: {admission.limit} {counted}. Ask for fewer at once.",
            should_retry=False,
        )
    seconds = max(0.001, admission.retry_after_ms / 1000)
    return LimitExceeded(
        f"Limit reached for this {who}: {admission.limit} {counted}. Try again in {seconds:.3g} s.",
        retry_after_seconds=seconds,
    )


def stopped(resolution: Resolution | None) -> GatewayError:
    """The error for a request that a stopping gateway breaks off."""
    if resolution is not None and resolution.charged:
        return UpstreamUnknown("This gateway stopped before the answer was whole; the picture may have been billed.")
    return Overloaded("This gateway is stopping; try again in a moment.", retry_after_seconds=2)


def rate_headers(admission: Admission) -> list[Header]:
    """``x-ratelimit-*`` for requests and images, the tightest of key and team; resets as OpenAI writes them."""
    headers = _rate("requests", admission.requests, duration)
    return headers + _rate("images", admission.images, lambda ms: str(-(-ms // 1000)))


def duration(milliseconds: int) -> str:
    """A Go-style duration as OpenAI's headers have it: ``12ms``, ``1.5s``, ``6m0s``."""
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:g}s"
    minutes, rest = divmod(-(-milliseconds // 1000), 60)
    return f"{minutes}m{rest}s"


def _rate(what: str, rate: Rate | None, reset: Callable[[int], str]) -> list[Header]:
    if rate is None:
        return []
    values = (("limit", str(rate.limit)), ("remaining", str(rate.remaining)), ("reset", reset(rate.reset_ms)))
    return [(f"x-ratelimit-{name}-{what}".encode(), value.encode()) for name, value in values]
