"""Usage, days, credits and verification in JSON. Money is a string of dollars, exact to 9 decimals."""

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from app.admin.limits import Body, BudgetBody, Dollars
from app.ledger.usage import Difference

_REASON_CHARS = 500


def _reason(text: str) -> str:
    if not text.strip() or len(text) > _REASON_CHARS or not text.isprintable():
        raise ValueError(f"one line of up to {_REASON_CHARS} characters is wanted")
    return text.strip()


CreditId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]


class UsageRow(Body):
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


class UsageBody(Body):
    """Usage of a team over a time, and how it stands with its budget now."""

    team: str
    since: datetime
    until: datetime
    rows: list[UsageRow]
    cost: str
    budget: BudgetBody | None
    spent: str = Field(description="Settled in the current budget period.")
    held: str = Field(description="Set aside for requests under way.")


class DayBody(Body):
    """What was charged on one UTC day, over all teams or one."""

    day: date
    requests: int
    cost: str


class NewCredit(Body):
    """Money to be given back, for a request or to a team."""

    request: str | None = Field(None, min_length=1, max_length=100, description="The request it is for.")
    team: str | None = Field(None, description="The team; needed when no request is named, else it saves a search.")
    amount: Dollars
    reason: Annotated[str, AfterValidator(_reason)] = Field(description="Kept with the entry.")
    id: CreditId | None = Field(None, description="The same id twice is one credit, for 7 days. Missing: a new one.")

    @model_validator(mode="after")
    def _has_a_target(self) -> Self:
        if self.request is None and self.team is None:
            raise ValueError("a request or a team is wanted")
        return self


class CreditBody(Body):
    """A credit that stands in the ledger."""

    id: str
    team: str
    request: str | None
    amount: str
    reason: str
    already: bool = Field(description="Whether it stood there before, so that nothing happened now.")


class DifferenceBody(Body):
    """Two figures that should be equal."""

    what: str
    expected: int
    found: int

    @classmethod
    def of(cls, difference: Difference) -> "DifferenceBody":
        """The JSON form of a difference."""
        return cls(what=difference.what, expected=difference.expected, found=difference.found)


class Verification(Body):
    """Whether the books of a team add up."""

    team: str
    entries: int
    differences: list[DifferenceBody]
