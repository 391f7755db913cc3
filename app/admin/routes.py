"""The operator's routes under ``/admin/v1``: all of them put together, and those of teams."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from starlette.requests import Request

from app.accounts.admin_tokens import AdminTokens
from app.accounts.credentials import new_id
from app.accounts.models import Team
from app.accounts.store import AccountStore
from app.admin.answers import add_answers
from app.admin.audit import Audit
from app.admin.changes import Watched, changed_team
from app.admin.creates import SENT_AGAIN, Creates
from app.admin.credits import add_credits
from app.admin.key_routes import add_keys
from app.admin.reading_routes import Readings, add_readings
from app.admin.schemas import NewTeam, TeamBody
from app.admin.tokens import add_tokens
from app.gateway.replay import Replays
from app.ledger.credits import Credits

Patch = Annotated[dict[str, Any], Body()]


def admin_router(
    readings: Readings,
    *,
    tokens: AdminTokens,
    creates: Creates,
    crediting: Credits,
    replays: Replays,
    send_seconds: float,
    base_url: str | None,
) -> APIRouter:
    """All routes; the guard in front knows who asks, and that they may."""
    accounts, catalog, audit = readings.accounts, readings.catalog, readings.audit
    router = APIRouter(prefix="/admin/v1")
    _add_teams(router, accounts, audit, creates)
    add_keys(router, accounts, catalog, audit, creates)
    add_tokens(router, tokens, audit, creates, base_url=base_url)
    add_credits(router, accounts, crediting, audit, creates)
    add_answers(router, accounts, readings.register, replays, audit, send_seconds=send_seconds)
    add_readings(router, readings, send_seconds=send_seconds)
    return router


def _add_teams(router: APIRouter, accounts: AccountStore, audit: Audit, creates: Creates) -> None:
    @router.post("/teams", status_code=201, openapi_extra=SENT_AGAIN)
    async def create_team(body: NewTeam, request: Request, response: Response) -> TeamBody:
        """Make a team."""

        async def make() -> TeamBody:
            team = Team(new_id(), body.name, datetime.now(UTC), body.limits.limits(), body.key_limits.limits())
            await accounts.create_team(team)
            made = TeamBody.of(team)
            await audit.record(request, "team.create", team=team.id, after=made)
            return made

        return await creates.once(request, response, body, TeamBody, make)

    @router.get("/teams")
    async def list_teams() -> list[TeamBody]:
        """All teams, by name."""
        return [TeamBody.of(team) for team in await accounts.teams()]

    @router.get("/teams/{team}")
    async def show_team(team: str) -> TeamBody:
        """One team, by name or id."""
        return TeamBody.of(await accounts.find_team(team))

    @router.patch("/teams/{team}")
    async def change_team(team: str, patch: Patch, request: Request) -> TeamBody:
        """Change ``limits`` and ``key_limits`` by a JSON merge patch: absent is unchanged, null is no such limit."""
        named = await accounts.find_team(team)
        change = Watched[Team](lambda found: changed_team(found, patch))
        changed = TeamBody.of(await accounts.change_team(named.id, change))
        await audit.record(request, "team.change", team=named.id, before=TeamBody.of(change.before), after=changed)
        return changed
