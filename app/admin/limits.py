"""Limits and budgets in JSON, as both teams and virtual keys have them. Money is a string of dollars."""

from importlib.resources import files
from typing import Annotated, Final, Self

from msgspec.structs import replace
from pydantic import AfterValidator, Field, model_validator

from app.accounts.models import LAST_RESET_DAY, Budget, Limits, Period
from app.admin.documents import Document
from app.money import dollars, parse_dollars

_ZONES: Final = frozenset((files("tzdata") / "zones").read_text(encoding="utf-8").split())
"""As the package lists them: ``zoneinfo.available_timezones`` opens every file of the machine's database instead."""


def _dollars(text: str) -> str:
    parse_dollars(text)
    return text


def _zone(name: str) -> str:
    if name not in _ZONES:
        raise ValueError("not a time zone of the IANA database, such as Europe/Berlin")
    return name


def _ascending(alerts: tuple[int, ...]) -> tuple[int, ...]:
    if list(alerts) != sorted(set(alerts)):
        raise ValueError("per cents of the budget are wanted in ascending order, each once, such as [50, 80]")
    return alerts


Dollars = Annotated[str, AfterValidator(_dollars), Field(examples=["12.50"])]
Count = Annotated[int, Field(ge=0, le=1_000_000_000, strict=True)]
Percent = Annotated[int, Field(ge=1, le=100, strict=True)]
ResetDay = Annotated[int, Field(ge=1, le=28, strict=True)]


class BudgetBody(Document):
    """Money per period."""

    limit: Dollars
    period: Period = "month"
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    reset_day: ResetDay = Field(1, description="On which day it begins: of a week 1 (Monday) to 7, of a month 1 to 28.")
    alerts: Annotated[tuple[Percent, ...], AfterValidator(_ascending)] = Field(
        (), description="Per cents of the limit at which the log says so."
    )

    @model_validator(mode="after")
    def _day_is_of_the_period(self) -> Self:
        last = LAST_RESET_DAY[self.period]
        if self.reset_day > last:
            allowed = f"1 to {last}" if last > 1 else "1"
            raise ValueError(f"the reset_day of a budget by {self.period} is {allowed}, not {self.reset_day}")
        return self

    def budget(self) -> Budget:
        """The value behind it."""
        return Budget(parse_dollars(self.limit), self.period, self.timezone, self.reset_day, self.alerts)

    @classmethod
    def of(cls, budget: Budget) -> "BudgetBody":
        """The JSON form of a budget."""
        return cls(
            limit=dollars(budget.limit),
            period=budget.period,
            timezone=budget.timezone,
            reset_day=budget.reset_day,
            alerts=budget.alerts,
        )


class LimitsBody(Document):
    """What may be used; a missing limit is no limit, 0 blocks."""

    requests_per_minute: Count | None = None
    images_per_minute: Count | None = None
    tokens_per_minute: Count | None = None
    concurrent_images: Count | None = None
    images_per_day: Count | None = None
    budget: BudgetBody | None = None

    def limits(self) -> Limits:
        """The value behind it."""
        return self.over(Limits())

    def over(self, defaults: Limits) -> Limits:
        """The value behind it where something is given, ``null`` included; the defaults where nothing is."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if self.budget is not None:
            given["budget"] = self.budget.budget()
        return replace(defaults, **given)

    @classmethod
    def of(cls, limits: Limits) -> "LimitsBody":
        """The JSON form of limits."""
        counts = {name: getattr(limits, name) for name in cls.model_fields if name != "budget"}
        return cls(**counts, budget=BudgetBody.of(limits.budget) if limits.budget else None)
