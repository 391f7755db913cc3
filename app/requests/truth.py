"""From what Redis holds about a request to what is true of it: a dead process leaves its last state behind. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from msgspec import Struct
from msgspec.structs import replace

from app.errors import Overloaded, UpstreamUnknown
from app.money import ZERO, Money
from app.requests.models import RequestRecord, State, StoredError

TICKET_MS: Final = 5000
"""A ticket whose holder has not asked for so long is dead (``register.lua``)."""

_STATES: Final[dict[str, State]] = {
    "waiting": "waiting",
    "in_progress": "in_progress",
    "delivered": "delivered",
    "refused": "failed",  # whose fault it was is in the error
    "failed": "failed",
    "unknown": "unknown",
}

_NOT_KNOWN: Final = StoredError.of(
    UpstreamUnknown(
        "The gateway process that carried this request ended before it was known what came of it. The picture may have "
        "been made, and is charged at the quote."
    )
)
_NEVER_CAME: Final = StoredError.of(
    Overloaded(
        "The gateway process in which this request waited for its turn ended, or it stopped waiting; nothing was "
        "bought. Send it again."
    )
)
_UNTOLD: Final[dict[State, StoredError]] = {"failed": _NEVER_CAME, "unknown": _NOT_KNOWN}
"""Where nobody was left to keep a closer error."""


class Facts(Struct, frozen=True):
    """What ``find.lua`` tells about one request."""

    now_ms: int
    is_held: bool
    charged: Money | None
    """What the expiry of its hold has charged, where that is the last word."""
    resolved_ms: int | None
    """When its hold was resolved."""
    asked_ms: int | None
    """When it last asked for its turn."""
    fields: dict[str, bytes]
    """The record as it is stored."""

    @classmethod
    def read(cls, reply: Sequence[Any]) -> "Facts | None":
        """From the reply of the script; None where this key has no such request."""
        if not reply:
            return None
        now, held, expired, resolved, ticket, *pairs = reply
        return cls(
            now_ms=int(now),
            is_held=held == 1,
            charged=Money(int(expired.split(b"|")[0])) if expired else None,
            resolved_ms=int(float(resolved)) if resolved else None,
            asked_ms=int(ticket.split(b"|")[0]) if ticket else None,
            fields={name.decode(): value for name, value in zip(pairs[::2], pairs[1::2], strict=True)},
        )


def record_of(request_id: str, facts: Facts) -> RequestRecord:
    """The request as it truly stands."""
    fields = facts.fields
    state = true_state(facts)
    stored = RequestRecord(
        id=request_id,
        key_id=fields["key"].decode(),
        model=fields["model"].decode(),
        operation=fields["operation"].decode(),
        state=state,
        admitted_at=_time(int(fields["admitted"])),
        seen_at=_time(facts.now_ms),
        quote=Money(int(fields["quote"])),
        retries=fields.get("retries", b"").decode(),
    )
    if state == _stored_state(facts):
        return _with_its_end(stored, fields) if stored.has_ended else stored
    if state == "failed":
        return _replaced(stored, resolved_ms=facts.asked_ms, cost=ZERO, error=_NEVER_CAME, again=True)
    return _replaced(stored, resolved_ms=facts.resolved_ms, cost=facts.charged, error=_NOT_KNOWN)


def true_state(facts: Facts) -> State:
    """The stored state, unless whoever was to change it is gone."""
    state = _stored_state(facts)
    if state == "in_progress" and not facts.is_held:
        return "unknown"
    if state == "waiting" and (facts.asked_ms is None or abs(facts.now_ms - facts.asked_ms) > TICKET_MS):
        return "failed"
    return state


def _stored_state(facts: Facts) -> State:
    return _STATES.get(facts.fields["state"].decode(), "unknown")  # a newer replica's word


def _with_its_end(record: RequestRecord, fields: dict[str, bytes]) -> RequestRecord:
    about, cost = fields.get("about"), fields.get("cost")
    nothing = ZERO if record.state == "failed" else None  # who gave up in the queue was never priced
    return _replaced(
        record,
        resolved_ms=int(fields["resolved"]) if fields.get("resolved") else None,
        cost=Money(int(cost)) if cost else nothing,
        images=int(fields.get("images") or 0),
        result=fields.get("result", b"").decode() or None,
        again=fields.get("again") == b"1",
        error=StoredError.read(fields.get("error", b"")) or _UNTOLD.get(record.state),
        about=orjson.loads(about) if about else {},
    )


def _replaced(record: RequestRecord, *, resolved_ms: int | None, **known: Any) -> RequestRecord:
    return replace(record, resolved_at=_time(resolved_ms) if resolved_ms is not None else None, **known)


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
