"""The headers of a 200: what kind of answer it is, what was changed, how the limits stand. Pure."""

from datetime import UTC, date, datetime, time
from email.utils import format_datetime

from app.catalog.profile import Profile
from app.gateway.door import Header
from app.gateway.purchase import Purchase
from app.gateway.refusals import rate_headers

_JSON: list[Header] = [(b"content-type", b"application/json")]
_UNBUFFERED: list[Header] = [(b"cache-control", b"no-cache, no-transform"), (b"x-accel-buffering", b"no")]
"""Neither a cache nor a proxy's buffer may sit on an event, or on a heartbeat (facts §6)."""
_EVENTS: list[Header] = [(b"content-type", b"text/event-stream; charset=utf-8"), *_UNBUFFERED]


def json_head(purchase: Purchase, kept: str | None = None, *, beats: bool = False) -> list[Header]:
    """The head of a JSON answer; ``kept`` is the container of pictures that could not be had in the one asked for."""
    return _JSON + (_UNBUFFERED if beats else []) + _of_every_answer(purchase, kept)


def event_head(purchase: Purchase, kept: str | None = None) -> list[Header]:
    """The head of a stream; what is not known when its first comment leaves cannot be told any more."""
    return _EVENTS + _of_every_answer(purchase, kept)


def replay_head(bought_by: str | None, *, stream: bool) -> list[Header]:
    """The head of an answer that an earlier request has bought; None while it is not known whether it has."""
    kind = _EVENTS if stream else _JSON + _UNBUFFERED
    if bought_by is None:
        return kind
    return [*kind, (b"idempotent-replayed", b"true"), (b"x-imagegate-request", bought_by.encode())]


def lifecycle_headers(profile: Profile) -> list[Header]:
    """What an answer says of the model's end: ``Deprecation`` (RFC 9745) and ``Sunset`` (RFC 8594), midnight UTC."""
    headers: list[Header] = []
    if profile.deprecation is not None:
        headers.append((b"deprecation", b"@%d" % _midnight(profile.deprecation).timestamp()))
    if profile.sunset is not None:
        headers.append((b"sunset", format_datetime(_midnight(profile.sunset), usegmt=True).encode("ascii")))
    return headers


def _of_every_answer(purchase: Purchase, kept: str | None) -> list[Header]:
    request, delivered = purchase.request, purchase.resolution.delivered
    headers = [*rate_headers(purchase.admission), *lifecycle_headers(request.profile)]
    if request.normalized:
        headers.append((b"x-imagegate-normalized", ", ".join(request.normalized).encode("ascii")))
    if request.exchanges > 1 and delivered < request.n:
        headers.append((b"x-imagegate-delivered", b"%d/%d" % (delivered, request.n)))
    if kept is not None:
        headers.append((b"x-imagegate-warning", b'response_format;kept="%b"' % kept.encode()))
    return headers


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
