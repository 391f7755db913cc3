"""What the ledger is told and what it answers: plain values."""

from enum import StrEnum
from typing import Any, Final, Literal, Self

import orjson
from msgspec import Struct, field
from msgspec.structs import fields

from app.catalog.pricing import NO_USAGE, TokenUsage
from app.keyspace import Naming
from app.ledger.periods import LAST_MS
from app.money import ZERO, Money


class Verdict(StrEnum):
    """The admission's answer (design: steps of a request)."""

    ADMITTED = "admitted"
    REFUSED = "refused"
    QUEUED = "queued"
    STALE = "stale"
    JOIN = "join"
    """An earlier request is the same purchase: its answer is this one's."""
    MISMATCH = "mismatch"
    """Its Idempotency-Key stands for another purchase."""


class Mode(StrEnum):
    """What an admission is asked for."""

    ADMIT = "admit"
    WAIT = "wait"
    """As ``admit``, and a request that lacks nothing but a slot may queue for it."""
    QUOTE = "quote"
    """Decide, and set nothing aside."""


Outcome = Literal["delivered", "refused", "failed", "unknown"]


class Identity(Struct, frozen=True):
    """What a request is, and by what it is known again."""

    operation: str = ""
    fingerprint: str = ""
    """Of everything that is asked for (`app.requests.fingerprint`)."""
    idempotency: str = ""
    """The digest of its Idempotency-Key; "" without one."""
    retry_count: int = 0
    """Which retry of an SDK it is; 0 for a first try, and where retries are not joined."""
    attended: bool = True
    """Whether its client waits for the answer, rather than come for it later."""

    def naming(self, request_id: str) -> Naming:
        """What its keys in Redis are named by.

        Retries without a key of their own find only what was asked for without one, and in the same manner: who waits
        for an answer is not given that of somebody who comes for it later.
        """
        kind = "-named" if self.idempotency else "" if self.attended or not self.fingerprint else "-later"
        return Naming(request_id, self.fingerprint + kind, self.idempotency)


NOBODY = Identity()
"""Of what is not to be known again."""


class Standing(Struct, frozen=True):
    """How one limit of key or team stands behind a decision; money in nano-dollars."""

    what: str
    """``requests``, ``images``, ``tokens`` (per minute), ``concurrent_images``, ``images_per_day`` or ``budget``."""
    scope: str
    limit: int
    remaining: int
    reset_ms: int
    """From now until it is whole again."""


class Reason(Struct, frozen=True):
    """Why a request does not fit."""

    code: str
    """``blocked``, ``budget``, ``<what>_per_minute``, ``too_many_<what>``, ``images_per_day``, … (``admit.lua``)."""
    scope: str
    retry_after_ms: int
    """-1: waiting does not help."""
    limit: int
    available: int
    resets_ms: int
    """When the period of a budget or a day ends (Unix ms); 0 where there is none."""

    @property
    def resets(self) -> bool:
        """Whether a new period comes that brings what is lacking."""
        return 0 < self.resets_ms < LAST_MS


class Hold(Struct, frozen=True):
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
    identity: Identity = NOBODY


NO_REASON = Reason("", "", -1, -1, -1, 0)


class Admission(Struct, frozen=True):
    """The verdict on one request; ``hold`` when it was admitted, every reason when not."""

    verdict: Verdict
    now_ms: int = 0
    hold: Hold | None = None
    reasons: tuple[Reason, ...] = ()
    standings: tuple[Standing, ...] = ()
    place: int = 0
    """How many are before it in the queue."""
    earlier: str = ""
    """The request that is the same purchase, to be joined; or of a mismatch the one that has its Idempotency-Key."""

    @property
    def reason(self) -> Reason:
        """The one to tell of several: a block before all, what waiting never heals before what takes longest to."""
        never = [reason for reason in self.reasons if reason.retry_after_ms < 0]
        if never:
            return next((reason for reason in never if reason.code == "blocked"), never[0])
        return max(self.reasons, key=lambda reason: reason.retry_after_ms, default=NO_REASON)

    def tightest(self, what: str) -> Standing | None:
        """Of key and team the one with less left; None where neither has such a limit."""
        return min([found for found in self.standings if found.what == what], key=_remaining, default=None)


class Resolution(Struct, frozen=True):
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
    again: bool = False
    """Nothing can have been made, so whoever repeats the request buys it."""


class Ending(Struct, frozen=True):
    """What is kept of a request's end beside its cost, for whoever asks what became of it."""

    attended: bool = False
    """Whether its client was there to be answered."""
    result: str = ""
    """The name of its kept answer; "" where none is kept."""
    error: dict[str, Any] | None = None
    """What it was told instead of an answer: ``status`` and ``envelope``."""
    about: dict[str, Any] = field(default_factory=dict)
    """Stages, normalisation, upstream id."""


UNWITNESSED = Ending()


def _remaining(standing: Standing) -> int:
    return standing.remaining


class Settled(Struct, frozen=True):
    """What came of a settlement."""

    came: str
    """``settled``, ``corrected``, ``already`` (``settle.lua``)."""
    team_spent: int | None = None
    """Nano-dollars of the request's periods, this entry included; None where nothing was written."""
    key_spent: int | None = None


class Entry(Struct, frozen=True):
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
        """Read a stream entry (``entries.lua``: write_entry)."""
        texts = {name.decode(): value.decode() for name, value in fields.items()}
        values: dict[str, Any] = {
            name: int(texts[name]) if name in NUMBERS else texts[name]
            for name in cls.__struct_fields__
            if name not in ("id", "note")
        }
        return cls(id=entry_id.decode(), **values, note=orjson.loads(texts["note"] or "{}"))


NUMBERS: Final = frozenset(field.name for field in fields(Entry) if field.type is int)
"""The fields of an entry that are whole numbers; a stream has only text."""


def id_parts(entry_id: str) -> tuple[int, int]:
    """The id of an entry as it is ordered: milliseconds, and the number within that."""
    time_ms, _, number = entry_id.partition("-")
    return int(time_ms), int(number)
