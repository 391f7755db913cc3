"""What became of a request, as plain values: its state, what it cost, where its answer lies, or its error."""

from datetime import datetime
from typing import Any, Literal, Self

import orjson
from msgspec import Struct, field

from app.errors import GatewayError
from app.logs import redacted
from app.money import Money

State = Literal["waiting", "in_progress", "delivered", "failed", "unknown"]
"""``waiting``: in the queue. ``in_progress``: held, the exchange is under way. ``unknown``: charged, and nobody knows
what was made of it."""


class StoredError(Struct, frozen=True):
    """The error a request ended in, as it was told or would have been."""

    status: int
    envelope: dict[str, Any]
    """OpenAI's: an object under ``error``."""

    @classmethod
    def of(cls, error: GatewayError) -> Self:
        """What is kept of a refusal: what its caller may see, without a key that stands in it."""
        return cls(error.status, redacted(error.envelope()))

    @classmethod
    def read(cls, text: bytes) -> Self | None:
        """From a record; None where there was no error."""
        if not text:
            return None
        stored = orjson.loads(text)
        return cls(stored["status"], stored["envelope"])

    def as_json(self) -> str:
        """As it stands in a record."""
        return orjson.dumps({"status": self.status, "envelope": self.envelope}).decode()


class RequestRecord(Struct, frozen=True):
    """One request as it stood at ``seen_at``; all times are the server's, UTC."""

    id: str
    key_id: str
    model: str
    operation: str
    state: State
    admitted_at: datetime
    """When it was admitted, or took its place in the queue."""
    seen_at: datetime
    quote: Money
    resolved_at: datetime | None = None
    cost: Money | None = None
    """None while nobody knows."""
    images: int = 0
    """Pictures that came."""
    result: str | None = None
    """The name of its kept answer; that may not be there yet, or not any more."""
    again: bool = False
    """Whether nothing can have been made, so that whoever repeats it buys it."""
    error: StoredError | None = None
    retries: str = ""
    """By what its retries look for it."""
    about: dict[str, Any] = field(default_factory=dict)
    """``stages`` (milliseconds by stage), ``normalized``, ``first_byte_seconds``, ``upstream_id``."""

    @property
    def has_ended(self) -> bool:
        """Whether its state will not change any more, but for a late truth about an unknown one."""
        return self.state not in ("waiting", "in_progress")
