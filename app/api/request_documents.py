"""A request as a document, and what may be asked about requests. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from app.assets.names import expiry_of
from app.errors import InvalidRequest
from app.money import dollars
from app.requests.models import RequestRecord

LONGEST_WAIT_SECONDS: Final = 60
"""Below what proxies allow a silent answer: Cloudflare 100 s, nginx and AWS 60 s."""
MOST_LISTED: Final = 100
"""As many of a key are remembered."""
_USUALLY_LISTED: Final = 20
_SECONDS: Final = re.compile(r"[0-9]{1,2}(\.[0-9]{1,3})?")
_NUMBER: Final = re.compile(r"[0-9]{1,3}")


class Question(Struct, frozen=True):
    """What is asked about one request."""

    wait_seconds: float | None
    """How long to wait for its end; None: not said."""
    is_for_state: bool
    """Whether the document is wanted even where there is an answer."""


def read_question(query: Mapping[str, str]) -> Question:
    """The question in a query string; parameters that mean nothing here are left alone.

    Raises:
        InvalidRequest: ``wait`` or ``view`` is none.

    """
    wait, view = query.get("wait"), query.get("view")
    if wait is not None and (not _SECONDS.fullmatch(wait) or float(wait) > LONGEST_WAIT_SECONDS):
        raise InvalidRequest(f"`wait` is a number of seconds from 0 to {LONGEST_WAIT_SECONDS}.", param="wait")
    if view not in (None, "state"):
        raise InvalidRequest("`view` may be `state`, or be left out.", param="view")
    return Question(None if wait is None else float(wait), view == "state")


def read_limit(query: Mapping[str, str]) -> int:
    """How many requests are to be listed.

    Raises:
        InvalidRequest: ``limit`` is no such number.

    """
    limit = query.get("limit", str(_USUALLY_LISTED))
    if not _NUMBER.fullmatch(limit) or not 1 <= int(limit) <= MOST_LISTED:
        raise InvalidRequest(f"`limit` is a whole number from 1 to {MOST_LISTED}.", param="limit")
    return int(limit)


def document(record: RequestRecord, now: float) -> dict[str, Any]:
    """The request as the caller sees it; money in dollars as text, times in Unix seconds."""
    resolved = record.resolved_at
    seconds = (resolved - record.admitted_at).total_seconds() if resolved else None
    return {
        "object": "image.request",
        "id": record.id,
        "status": record.state,
        "model": record.model,
        "operation": record.operation,
        "created_at": int(record.admitted_at.timestamp()),
        "finished_at": int(resolved.timestamp()) if resolved else None,
        "seconds": round(max(0.0, seconds), 3) if seconds is not None else None,
        "cost": dollars(record.cost) if record.cost is not None else None,
        "quote": dollars(record.quote),
        "images": record.images,
        "result": _result(record, now),
        "error": record.error.envelope.get("error") if record.error else None,
        "stages": record.about.get("stages", {}),
        "normalized": record.about.get("normalized", []),
    }


def _result(record: RequestRecord, now: float) -> dict[str, Any] | None:
    """How long its answer is kept; None where it is not, or not any more."""
    if record.result is None or expiry_of(record.result) <= now:
        return None
    return {"kept": True, "expires_at": expiry_of(record.result)}
