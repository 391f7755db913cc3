"""The operator's route that gives money back. Money is a string of dollars, exact to 9 decimals."""

from typing import Annotated, Self

from fastapi import APIRouter, Response
from pydantic import AfterValidator, Field, model_validator
from starlette.requests import Request

from app.accounts.credentials import new_id
from app.accounts.models import Team
from app.accounts.store import AccountStore
from app.admin.audit import Audit
from app.admin.creates import SENT_AGAIN, Creates, digest_of
from app.admin.documents import Document
from app.admin.limits import Dollars
from app.errors import InvalidRequest, NotFound
from app.ledger.credits import Credit, Credits
from app.logs import without_keys
from app.money import dollars, parse_dollars

_ALREADY = "It was given before, under the same id"
_REASON_CHARS = 500


def _reason(text: str) -> str:
    if not text.strip() or len(text) > _REASON_CHARS or not text.isprintable():
        raise ValueError(f"one line of up to {_REASON_CHARS} characters is wanted")
    return without_keys(text.strip())


CreditId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]


class NewCredit(Document):
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


class CreditBody(Document):
    """A credit that stands in the ledger."""

    id: str
    team: str
    request: str | None
    amount: str
    reason: str
    already: bool = Field(description="Whether it stood there before, so that nothing happened now.")


def add_credits(router: APIRouter, accounts: AccountStore, crediting: Credits, audit: Audit, creates: Creates) -> None:
    """Put it on the operator's router."""

    @router.post(
        "/ledger/credits",
        status_code=201,
        responses={200: {"model": CreditBody, "description": _ALREADY}},
        openapi_extra=SENT_AGAIN,
    )
    async def credit(body: NewCredit, request: Request, response: Response) -> CreditBody:
        """Give money back for a request, or to a team in the current period of its budget: a correction entry."""

        async def make() -> CreditBody:
            # Under a name that a repetition has too it is given once, even where nobody knows what came of it.
            named = body.id or f"credit_{(digest_of(request) or new_id() + new_id())[:32]}"
            given = Credit(named, parse_dollars(body.amount), body.reason)
            if not given.amount:
                raise InvalidRequest("amount: a credit of nothing changes nothing.", param="amount")
            team = await _whose(body, accounts, crediting)
            if body.request is None:
                came = await crediting.credit_team(team, given)
            else:
                came = await crediting.credit_request(team, body.request, given)
            made = CreditBody(
                id=given.id,
                team=team.name,
                request=body.request,
                amount=dollars(given.amount),
                reason=given.reason,
                already=came == "already",
            )
            if not made.already:
                await audit.record(request, "credit.create", team=team.id, after=made)
            return made

        made = await creates.once(request, response, body, CreditBody, make)
        if made.already:
            response.status_code = 200
        return made


async def _whose(body: NewCredit, accounts: AccountStore, crediting: Credits) -> Team:
    """The team a credit goes to: the one named, else the one whose ledger has the request."""
    if body.team is not None:
        return await accounts.find_team(body.team)
    for team in await accounts.teams():
        if body.request is not None and await crediting.find_charge(team.id, body.request) is not None:
            return team
    told = (
        f"No team's ledger has a request {body.request!r} among its newest entries; archived ones cannot be credited."
    )
    raise NotFound(told, param="request")
