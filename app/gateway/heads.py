"""The headers of a 200: what kind of answer it is, what was changed, how the limits stand. Pure."""

from app.catalog.profile import lifecycle_headers
from app.gateway.door import Header
from app.gateway.purchase import Purchase
from app.gateway.refusals import rate_headers

_JSON: list[Header] = [(b"content-type", b"application/json")]
_EVENTS: list[Header] = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]
"""Neither a cache nor a proxy's buffer may sit on an event (facts §6)."""


def json_head(purchase: Purchase, *, kept: str | None = None) -> list[Header]:
    """The head of a JSON answer; ``kept`` names the container of pictures that could not be had in the one asked for.

    Under fan-out it tells how many pictures came of how many asked for, where that is not the same.
    """
    headers = _JSON + _of_every_answer(purchase)
    asked, delivered = purchase.request.n, purchase.resolution.delivered
    if purchase.request.exchanges > 1 and delivered < asked:
        headers.append((b"x-imagegate-delivered", b"%d/%d" % (delivered, asked)))
    if kept is not None:
        headers.append((b"x-imagegate-warning", b'response_format;kept="%b"' % kept.encode()))
    return headers


def event_head(purchase: Purchase) -> list[Header]:
    """The head of a stream."""
    return _EVENTS + _of_every_answer(purchase)


def _of_every_answer(purchase: Purchase) -> list[Header]:
    request = purchase.request
    headers = [*rate_headers(purchase.admission), *lifecycle_headers(request.profile)]
    if request.normalized:
        headers.append((b"x-imagegate-normalized", ", ".join(request.normalized).encode("ascii")))
    return headers
