"""The operator's door in JSON: what it takes and what it gives. Money is a string of dollars, exact to 9 decimals."""

import re
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from app.accounts.models import Budget, KeyOptions, Limits, Period, Team, VirtualKey
from app.ledger.usage import Difference
from app.money import format_dollars, parse_dollars


def _dollars(text: str) -> str:
    parse_dollars(text)
    return text


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(
            "a name is 1 to 63 letters, digits, dots, dashes or underscores, and begins with a letter or digit"
        )
    return text


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("not a time zone of the IANA database, such as Europe/Berlin")
    return name


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")

Dollars = Annotated[str, AfterValidator(_dollars), Field(examples=["12.50"])]
Name = Annotated[str, AfterValidator(_name), Field(examples=["design"])]
Count = Annotated[int, Field(ge=0, le=1_000_000_000)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class BudgetBody(_Body):
    """Money per period."""

    limit: Dollars
    period: Period = "month"
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"

    @classmethod
    def of(cls, budget: Budget) -> "BudgetBody":
        """The JSON form of a budget."""
        return cls(limit=plain_dollars(budget.limit), period=budget.period, timezone=budget.timezone)


class LimitsBody(_Body):
    """What may be used; a missing limit is no limit, 0 blocks."""

    requests_per_minute: Count | None = None
    images_per_minute: Count | None = None
    concurrent_images: Count | None = None
    budget: BudgetBody | None = None

    def limits(self) -> Limits:
        """The value behind it."""
        budget = self.budget and Budget(parse_dollars(self.budget.limit), self.budget.period, self.budget.timezone)
        return Limits(self.requests_per_minute, self.images_per_minute, self.concurrent_images, budget or None)

    @classmethod
    def of(cls, limits: Limits) -> "LimitsBody":
        """The JSON form of limits."""
        return cls(
            requests_per_minute=limits.requests_per_minute,
            images_per_minute=limits.images_per_minute,
            concurrent_images=limits.concurrent_images,
            budget=BudgetBody.of(limits.budget) if limits.budget else None,
        )


class NewTeam(_Body):
    """A team to be made."""

    name: Name
    limits: LimitsBody = LimitsBody()


class TeamBody(_Body):
    """A team."""

    id: str
    name: str
    created_at: datetime
    limits: LimitsBody

    @classmethod
    def of(cls, team: Team) -> "TeamBody":
        """The JSON form of a team."""
        return cls(id=team.id, name=team.name, created_at=team.created_at, limits=LimitsBody.of(team.limits))


class NewKey(_Body):
    """A virtual key to be made."""

    alias: Name
    limits: LimitsBody = LimitsBody()
    models: list[str] | None = Field(None, description="The models it may use; missing: all.")
    expires_at: AwareDatetime | None = None
    strict: bool | None = Field(None, description="Refuse what a model does not take; missing: as the gateway does.")
    unknown_fields: Literal["refuse", "pass"] | None = Field(None, description="Likewise, of fields nobody knows.")
    fan_out: bool = Field(False, description="Several pictures of a model that makes one at a time.")

    def options(self) -> KeyOptions:
        """The value behind them."""
        return KeyOptions(self.strict, self.unknown_fields, self.fan_out)


class KeyBody(_Body):
    """A virtual key, without its secret."""

    id: str
    public_id: str
    team: str
    alias: str
    state: Literal["active", "expired", "revoked"]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    models: list[str] | None
    strict: bool | None
    unknown_fields: Literal["refuse", "pass"] | None
    fan_out: bool
    limits: LimitsBody

    @classmethod
    def of(cls, key: VirtualKey, team: Team, now: datetime) -> "KeyBody":
        """The JSON form of a key."""
        return cls(**_key_fields(key, team, now))


class CreatedKey(KeyBody):
    """A virtual key just made: the only time its secret is shown."""

    key: str = Field(description="The virtual key itself. Keep it now: only its hash is stored.")

    @classmethod
    def with_secret(cls, key: VirtualKey, team: Team, now: datetime, text: str) -> "CreatedKey":
        """The JSON form of a key with its text."""
        return cls(**_key_fields(key, team, now), key=text)


class UsageRow(_Body):
    """What one key used of one model."""

    key: str
    alias: str
    model: str
    requests: int
    delivered: int
    refused: int
    failed: int
    unknown: int
    images: int
    text_input_tokens: int
    image_input_tokens: int
    text_output_tokens: int
    image_output_tokens: int
    cost: str


class UsageBody(_Body):
    """Usage of a team over a time, and how it stands with its budget now."""

    team: str
    since: datetime
    until: datetime
    rows: list[UsageRow]
    cost: str
    budget: BudgetBody | None
    spent: str = Field(description="Settled in the current budget period.")
    held: str = Field(description="Set aside for requests under way.")


class DifferenceBody(_Body):
    """Two figures that should be equal."""

    what: str
    expected: int
    found: int

    @classmethod
    def of(cls, difference: Difference) -> "DifferenceBody":
        """The JSON form of a difference."""
        return cls(what=difference.what, expected=difference.expected, found=difference.found)


class Verification(_Body):
    """Whether the books of a team add up."""

    team: str
    entries: int
    differences: list[DifferenceBody]


def plain_dollars(amount: int) -> str:
    """Nano-dollars as a bare string of dollars."""
    return format_dollars(amount).replace("$", "").replace(",", "")


def _key_fields(key: VirtualKey, team: Team, now: datetime) -> dict[str, Any]:
    return {
        "id": key.id,
        "public_id": key.public_id,
        "team": team.name,
        "alias": key.alias,
        "state": key.state(now),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "models": list(key.models) if key.models is not None else None,
        "limits": LimitsBody.of(key.limits),
        **asdict(key.options),
    }
