"""What the ledger is told and what it answers: plain values."""

from dataclasses import dataclass, field
from dataclasses import fields as dataclass_fields
from enum import StrEnum
from typing import Any, Literal, Self

import orjson

from app.catalog.pricing import NO_USAGE, TokenUsage
from app.money import ZERO, Money


class Verdict(StrEnum):
    """The admission's answer (design: steps of a request)."""

    ADMITTED = "admitted"
    REFUSED = "refused"
    STALE = "stale"


Outcome = Literal["delivered", "refused", "failed", "unknown"]


@dataclass(frozen=True, slots=True)
class Rate:
    """One count per time as the ``x-ratelimit-*`` headers tell it: the tightest of key and team."""

    limit: int
    remaining: int
    reset_ms: int


@dataclass(frozen=True, slots=True)
class Hold:
    """A reservation: what is set aside for one request, and all that is needed to resolve it, come what may."""

    request_id: str
    team_id: str
    key_id: str
    model: str
    quote: Money
    images: int
    team_period: str
    key_period: str
    admitted_ms: int
    note: dict[str, Any]
    """What an entry keeps besides the numbers: unit prices, catalog version, end user."""


@dataclass(frozen=True, slots=True)
class Admission:
    """The verdict on one request; ``hold`` when it was admitted, ``reason`` and the numbers behind it when not."""

    verdict: Verdict
    reason: str = ""
    scope: str = ""
    retry_after_ms: int = -1
    limit: int = -1
    available: int = -1
    now_ms: int = 0
    requests: Rate | None = None
    images: Rate | None = None
    hold: Hold | None = None


@dataclass(frozen=True, slots=True)
class Resolution:
    """How a hold ends: at what cost, with what outcome. ``charged`` False gives it back (a release)."""

    outcome: Outcome
    charged: bool
    cost: Money = ZERO
    delivered: int = 0
    usage: TokenUsage = NO_USAGE
    flags: tuple[str, ...] = ()
    """``at_quote``, ``above_quote``, ``bad_usage``: why the cost is what it is."""
    note: dict[str, Any] = field(default_factory=dict)
    """Added to the hold's note: upstream id, error code."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the ledger, as read back."""

    id: str
    kind: str
    request: str
    outcome: str
    key: str
    model: str
    cost: int
    quote: int
    images: int
    text_input: int
    image_input: int
    text_output: int
    image_output: int
    team_period: str
    key_period: str
    admitted_ms: int
    resolved_ms: int
    flags: str
    note: dict[str, Any]

    @classmethod
    def from_stream(cls, entry_id: bytes, fields: dict[bytes, bytes]) -> Self:
        """Read a stream entry (``books.lua``: write_entry)."""
        texts = {name.decode(): value.decode() for name, value in fields.items()}
        values: dict[str, Any] = {
            field.name: int(texts[field.name]) if field.type is int else texts[field.name]
            for field in dataclass_fields(cls)
            if field.name not in ("id", "note")
        }
        return cls(id=entry_id.decode(), **values, note=orjson.loads(texts["note"] or "{}"))
