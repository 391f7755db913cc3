"""The operator's routes under ``/admin/v1``: teams and virtual keys; those of the books come from `book_routes`."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body

from app.accounts.credentials import new_id
from app.accounts.minting import mint
from app.accounts.models import Team
from app.accounts.store import AccountStore
from app.admin.book_routes import add_books
from app.admin.changes import changed_key, changed_team
from app.admin.key_rules import check_alias, check_expiry, model_names
from app.admin.schemas import CreatedKey, KeyBody, NewKey, NewTeam, TeamBody
from app.catalog.catalog import Catalog
from app.ledger.credits import Credits
from app.ledger.usage import UsageReader

Patch = Annotated[dict[str, Any], Body()]


def admin_router(accounts: AccountStore, usage: UsageReader, catalog: Catalog, crediting: Credits) -> APIRouter:
    """All routes; the guard in front has asked for the token already."""
    router = APIRouter(prefix="/admin/v1")
    _add_teams(router, accounts)
    _add_keys(router, accounts, catalog)
    add_books(router, accounts, usage, crediting)
    return router


def _add_teams(router: APIRouter, accounts: AccountStore) -> None:
    @router.post("/teams", status_code=201)
    async def create_team(body: NewTeam) -> TeamBody:
        """Make a team."""
        team = Team(new_id(), body.name, datetime.now(UTC), body.limits.limits(), body.key_limits.limits())
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

    @router.patch("/teams/{team}")
    async def change_team(team: str, patch: Patch) -> TeamBody:
        """Change ``limits`` and ``key_limits`` by a JSON merge patch: absent is unchanged, null is no such limit."""
        named = await accounts.find_team(team)
        return TeamBody.of(await accounts.change_team(named.id, lambda found: changed_team(found, patch)))


def _add_keys(router: APIRouter, accounts: AccountStore, catalog: Catalog) -> None:
    def own_name(model: str) -> str:
        return catalog.find(model).name

    @router.post("/teams/{team}/keys", status_code=201)
    async def create_key(team: str, body: NewKey) -> CreatedKey:
        """Make a virtual key; its text is in this answer and nowhere else, ever."""
        owner = await accounts.find_team(team)
        now = datetime.now(UTC)
        check_expiry(body.expires_at, now)
        check_alias(body.alias, await accounts.keys(owner.id), now)
        key, text = mint(
            owner.id,
            body.alias,
            body.limits.over(owner.key_limits),
            models=model_names(body.models, own_name),
            expires_at=body.expires_at,
            options=body.options(),
        )
        await accounts.create_key(key)
        return CreatedKey.with_secret(key, owner, now, text)

    @router.get("/teams/{team}/keys")
    async def list_keys(team: str) -> list[KeyBody]:
        """The virtual keys of a team, oldest first."""
        owner, now = await accounts.find_team(team), datetime.now(UTC)
        return [KeyBody.of(key, owner, now) for key in await accounts.keys(owner.id)]

    @router.patch("/teams/{team}/keys/{key}")
    async def change_key(team: str, key: str, patch: Patch) -> KeyBody:
        """Change what was said when it was made, by a JSON merge patch: absent is unchanged, null as if never said."""
        owner, now = await accounts.find_team(team), datetime.now(UTC)
        named = await accounts.find_key(owner, key)
        if named.state(now) == "expired" and "expires_at" in patch:
            check_alias(named.alias, await accounts.keys(owner.id), now)
        changed = await accounts.change_key(owner.id, named.id, lambda found: changed_key(found, patch, own_name, now))
        return KeyBody.of(changed, owner, now)

    @router.post("/teams/{team}/keys/{key}/revoke")
    async def revoke_key(team: str, key: str) -> KeyBody:
        """Close a virtual key for ever, by its id, its public id or its alias; every replica refuses it from now on."""
        owner = await accounts.find_team(team)
        named = await accounts.find_key(owner, key)
        revoked = await accounts.revoke_key(owner.id, named.id)
        return KeyBody.of(revoked, owner, datetime.now(UTC))
