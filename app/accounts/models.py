"""Teams, virtual keys and their limits: plain values, and their JSON form in Redis."""

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Self, get_args

import orjson
from msgspec import Struct, to_builtins

from app.money import Money

Period = Literal["day", "week", "month", "total"]
PERIODS: tuple[Period, ...] = get_args(Period)
LAST_RESET_DAY: Mapping[Period, int] = {"day": 1, "week": 7, "month": 28, "total": 1}
"""The last day on which a period may begin; every month has a 28th."""
HEARTBEAT_SECONDS = (1, 600)
"""The shortest and the longest: no proxy gives up sooner, and no generation takes longer."""
KeyState = Literal["active", "disabled", "expired", "revoked"]


class Budget(Struct, frozen=True):
    """Money that may be spent per period. Periods begin at midnight in ``timezone``."""

    limit: Money
    period: Period = "month"
    timezone: str = "UTC"
    reset_day: int = 1
    """Of a week 1 (Monday) to 7, of a month 1 to 28: the day on which it begins."""
    alerts: tuple[int, ...] = ()
    """Per cents of the limit at which the log says so; nothing is refused for them."""

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Read the JSON form back."""
        fields = _known(cls, document)
        return cls(**{**fields, "alerts": tuple(fields.get("alerts", ()))})


class Limits(Struct, frozen=True):
    """What a team or a key may use; None means no such limit, 0 means blocked."""

    requests_per_minute: int | None = None
    images_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent_images: int | None = None
    images_per_day: int | None = None
    """Days begin at midnight in the budget's time zone; without a budget, in UTC."""
    budget: Budget | None = None

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Read the JSON form back."""
        budget = document.get("budget")
        return cls(**{**_known(cls, document), "budget": Budget.from_document(budget) if budget else None})


class Team(Struct, frozen=True):
    """Who pays: owns virtual keys and a budget."""

    id: str
    name: str
    created_at: datetime
    limits: Limits
    key_limits: Limits = Limits()
    """What a new virtual key of this team gets where nobody says otherwise."""
    version: int = 1
    """Grows with every change; admission compares it, so that a cached principal never outlives a change."""

    def document(self) -> bytes:
        """The JSON form in Redis."""
        return orjson.dumps(_without(to_builtins(self, builtin_types=(datetime,)), "version"))

    @classmethod
    def from_document(cls, document: bytes, version: int) -> Self:
        """Read the JSON form back."""
        fields = _known(cls, orjson.loads(document))
        fields["created_at"] = datetime.fromisoformat(fields["created_at"])
        fields["limits"] = Limits.from_document(fields["limits"])
        fields["key_limits"] = Limits.from_document(fields.get("key_limits", {}))
        return cls(**fields | {"version": version})


class KeyOptions(Struct, frozen=True):
    """How requests of a key are read and answered; None leaves it to the gateway's own setting."""

    strict: bool | None = None
    """Refuse a parameter that the model does not take, instead of leaving it out and saying so."""
    unknown_fields: Literal["refuse", "pass"] | None = None
    """Whether fields that nobody knows are sent upstream as they are."""
    fan_out: bool = False
    """Send a request for several pictures as several, where the model makes one at a time."""
    heartbeat_seconds: float | None = None
    """A sign of life after so long a silence, where the answer is no stream; None: only where a request asks for it."""


class PreviousSecret(Struct, frozen=True):
    """A secret that was replaced; good until its grace is over."""

    sha256: str
    until: datetime


MOST_PREVIOUS = 8
"""Secrets that were replaced and are remembered, the newest."""


class VirtualKey(Struct, frozen=True):
    """A credential we minted; only the SHA-256 of its secret is kept."""

    id: str
    team_id: str
    alias: str
    secret_sha256: str
    created_at: datetime
    limits: Limits
    models: tuple[str, ...] | None = None
    """The models it may use; None means every model of the catalog."""
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    disabled_at: datetime | None = None
    """Since when it is out of use until somebody enables it again."""
    previous: tuple[PreviousSecret, ...] = ()
    """Its secrets before, the newest first: each rotation keeps its promise, whatever comes after it."""
    metadata: tuple[tuple[str, str], ...] = ()
    """The operator's own notes; the gateway reads nothing in them."""
    options: KeyOptions = KeyOptions()
    version: int = 1

    @property
    def public_id(self) -> str:
        """The part before the secret: safe to show and to log."""
        return f"sk-ig-{self.team_id}-{self.id}"

    def state(self, now: datetime) -> KeyState:
        """Whether it opens the door at ``now``; what cannot be undone is told before what can."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and now >= self.expires_at:
            return "expired"
        return "active" if self.disabled_at is None else "disabled"

    @property
    def previous_until(self) -> datetime | None:
        """Until when a secret from before the last rotation works; None where there was none."""
        return max((secret.until for secret in self.previous), default=None)

    def knows(self, secret_sha256: str, now: datetime) -> Literal["good", "over"] | None:
        """Whether this is the hash of a secret of its own, and that one good; compared in constant time, with all."""
        found: Literal["good", "over"] | None = None
        for sha256, until in ((self.secret_sha256, None), *((old.sha256, old.until) for old in self.previous)):
            if hmac.compare_digest(secret_sha256, sha256):
                found = "good" if until is None or now < until or found == "good" else "over"
        return found

    def document(self) -> bytes:
        """The JSON form in Redis."""
        return orjson.dumps(_without(to_builtins(self, builtin_types=(datetime,)), "version"))

    @classmethod
    def from_document(cls, document: bytes, version: int) -> Self:
        """Read the JSON form back."""
        fields = _known(cls, orjson.loads(document))
        for name in ("created_at", "expires_at", "revoked_at", "disabled_at"):
            fields[name] = datetime.fromisoformat(fields[name]) if fields.get(name) else None
        fields["previous"] = tuple(
            PreviousSecret(secret["sha256"], datetime.fromisoformat(secret["until"]))
            for secret in fields.get("previous", ())
        )
        fields["limits"] = Limits.from_document(fields["limits"])
        fields["models"] = tuple(fields["models"]) if fields["models"] is not None else None
        fields["metadata"] = tuple((name, value) for name, value in fields.get("metadata", ()))
        fields["options"] = KeyOptions(**_known(KeyOptions, fields.get("options", {})))
        return cls(**fields | {"version": version})


class Principal(Struct, frozen=True):
    """The authenticated caller: a key, its team, and the limits of both."""

    team: Team
    key: VirtualKey

    def may_use(self, model: str) -> bool:
        """Whether the key's allow-list has this model."""
        return self.key.models is None or model in self.key.models


def _known(kind: type[Struct], document: dict[str, Any]) -> dict[str, Any]:
    """The fields this version knows; during a deploy a newer replica may have written more."""
    return {name: document[name] for name in kind.__struct_fields__ if name in document}


def _without(fields: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key != name}
