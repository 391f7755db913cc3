"""The operator's routes about the books: usage, days, credits, verification."""

from datetime import date

from fastapi import APIRouter, Response
from pydantic import AwareDatetime

from app.accounts.credentials import new_id
from app.accounts.models import Team
from app.accounts.store import AccountStore
from app.admin.book_schemas import CreditBody, DayBody, DifferenceBody, NewCredit, UsageBody, Verification
from app.admin.reports import day_report, usage_report
from app.errors import InvalidRequest, NotFound
from app.ledger.credits import Credit, Credits
from app.ledger.usage import UsageReader
from app.money import dollars, parse_dollars


def add_books(router: APIRouter, accounts: AccountStore, usage: UsageReader, crediting: Credits) -> None:
    """Put them on the operator's router."""

    @router.get("/usage")
    async def show_usage(
        team: str, since: AwareDatetime | None = None, until: AwareDatetime | None = None
    ) -> UsageBody:
        """What a team used, dearest first, in whole UTC hours (default: the last 30 days), and what is left."""
        return await usage_report(await accounts.find_team(team), accounts, usage, since, until)

    @router.get("/usage/days")
    async def show_days(since: date, until: date, team: str | None = None) -> list[DayBody]:
        """What was charged on each UTC day from ``since`` to ``until``, over all teams or one."""
        ids = [(await accounts.find_team(team)).id] if team else await accounts.team_ids()
        return await day_report(ids, usage, since, until)

    @router.get("/ledger/verify")
    async def verify_ledger(team: str) -> Verification:
        """Recompute the books of a team from its ledger entries."""
        owner = await accounts.find_team(team)
        entries, differences = await usage.verify(owner.id)
        return Verification(
            team=owner.name, entries=entries, differences=[DifferenceBody.of(difference) for difference in differences]
        )

    @router.post("/ledger/credits", status_code=201)
    async def credit(body: NewCredit, response: Response) -> CreditBody:
        """Give money back for a request, or to a team in the current period of its budget: a correction entry."""
        given = Credit(body.id or f"credit_{new_id()}{new_id()}", parse_dollars(body.amount), body.reason)
        if not given.amount:
            raise InvalidRequest("amount: a credit of nothing changes nothing.", param="amount")
        team = await _whose(body, accounts, crediting)
        if body.request is None:
            came = await crediting.credit_team(team, given)
        else:
            came = await crediting.credit_request(team, body.request, given)
        if came == "already":
            response.status_code = 200
        return CreditBody(
            id=given.id,
            team=team.name,
            request=body.request,
            amount=dollars(given.amount),
            reason=given.reason,
            already=came == "already",
        )


async def _whose(body: NewCredit, accounts: AccountStore, crediting: Credits) -> Team:
    """The team a credit goes to: the one named, else the one whose ledger has the request."""
    if body.team is not None:
        return await accounts.find_team(body.team)
    for team in await accounts.teams():
        if body.request is not None and await crediting.find_charge(team.id, body.request) is not None:
            return team
    raise NotFound(f"No team's ledger has a request {body.request!r} among its newest entries.", param="request")
