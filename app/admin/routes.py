"""The operator's routes under ``/admin/v1``: teams, virtual keys, usage, ledger."""

from datetime import UTC, datetime

from fastapi import APIRouter
from pydantic import AwareDatetime

from app.accounts.credentials import new_id
from app.accounts.minting import mint
from app.accounts.models import Team, VirtualKey
from app.accounts.store import AccountStore
from app.admin.reports import usage_report
from app.admin.schemas import (
    CreatedKey,
    DifferenceBody,
    KeyBody,
    NewKey,
    NewTeam,
    TeamBody,
    UsageBody,
    Verification,
)
from app.catalog.catalog import Catalog
from app.errors import Conflict, InvalidRequest
from app.ledger.usage import UsageReader


def admin_router(accounts: AccountStore, usage: UsageReader, catalog: Catalog) -> APIRouter:
    """All routes; the guard in front has asked for the token already."""
    router = APIRouter(prefix="/admin/v1")
    _add_teams(router, accounts)
    _add_keys(router, accounts, catalog)
    _add_books(router, accounts, usage)
    return router


def _add_teams(router: APIRouter, accounts: AccountStore) -> None:
    @router.post("/teams", status_code=201)
    async def create_team(body: NewTeam) -> TeamBody:
        """Make a team."""
        team = Team(new_id(), body.name, datetime.now(UTC), body.limits.limits())
        await accounts.create_team(team)
        return TeamBody.of(team)

    @router.get("/teams")
    async def list_teams() -> list[TeamBody]:
        """All teams, by name."""
        return [TeamBody.of(team) for team in await accounts.teams()]

    @router.get("/teams/{team}")
    async def show_team(team: str) -> TeamBody:
        """One team, by name or id."""
        return TeamBody.of(await accounts.find_team(team))


def _add_keys(router: APIRouter, accounts: AccountStore, catalog: Catalog) -> None:
    @router.post("/teams/{team}/keys", status_code=201)
    async def create_key(team: str, body: NewKey) -> CreatedKey:
        """Make a virtual key; its text is in this answer and nowhere else, ever."""
        owner = await accounts.find_team(team)
        # Allow-lists hold the models' own names, so that an alias opens what it stands for and no more.
        models = tuple(catalog.find(name).name for name in body.models) if body.models is not None else None
        _check_new_key(body, await accounts.keys(owner.id))
        key, text = mint(
            owner.id,
            body.alias,
            body.limits.limits(),
            models=models,
            expires_at=body.expires_at,
            options=body.options(),
        )
        await accounts.create_key(key)
        return CreatedKey.with_secret(key, owner, datetime.now(UTC), text)

    @router.get("/teams/{team}/keys")
    async def list_keys(team: str) -> list[KeyBody]:
        """The virtual keys of a team, oldest first."""
        owner, now = await accounts.find_team(team), datetime.now(UTC)
        return [KeyBody.of(key, owner, now) for key in await accounts.keys(owner.id)]

    @router.post("/teams/{team}/keys/{key}/revoke")
    async def revoke_key(team: str, key: str) -> KeyBody:
        """Close a virtual key for ever, by its id, its public id or its alias; every replica refuses it from now on."""
        owner = await accounts.find_team(team)
        named = await accounts.find_key(owner, key)
        revoked = await accounts.revoke_key(owner.id, named.id)
        return KeyBody.of(revoked, owner, datetime.now(UTC))


def _check_new_key(body: NewKey, keys: list[VirtualKey]) -> None:
    now = datetime.now(UTC)
    if any(key.alias == body.alias and key.state(now) == "active" for key in keys):
        raise Conflict(f"There is a key called {body.alias!r} in this team already; revoke it, or take another name.")
    if body.expires_at is not None and body.expires_at <= now:
        raise InvalidRequest("expires_at lies in the past: the key would never work.", param="expires_at")


def _add_books(router: APIRouter, accounts: AccountStore, usage: UsageReader) -> None:
    @router.get("/usage")
    async def show_usage(
        team: str, since: AwareDatetime | None = None, until: AwareDatetime | None = None
    ) -> UsageBody:
        """What a team used by key and model, in whole UTC hours (default: the last 30 days), and what is left."""
        return await usage_report(await accounts.find_team(team), accounts, usage, since, until)

    @router.get("/ledger/verify")
    async def verify_ledger(team: str) -> Verification:
        """Recompute the books of a team from its ledger entries."""
        owner = await accounts.find_team(team)
        entries, differences = await usage.verify(owner.id)
        return Verification(
            team=owner.name, entries=entries, differences=[DifferenceBody.of(difference) for difference in differences]
        )
