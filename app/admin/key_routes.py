"""The operator's routes about virtual keys: make, list, change, rotate, disable, enable, revoke."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from msgspec.structs import replace
from starlette.requests import Request

from app.accounts.credentials import new_secret, virtual_key_text
from app.accounts.minting import mint, rotated
from app.accounts.models import VirtualKey
from app.accounts.store import AccountStore
from app.admin.audit import Action, Audit
from app.admin.changes import Watched, changed_key, unrevoked
from app.admin.creates import SENT_AGAIN, Creates
from app.admin.key_rules import check_alias, check_expiry, model_names
from app.admin.schemas import CreatedKey, KeyBody, NewKey, Rotation
from app.catalog.catalog import Catalog

Patch = Annotated[dict[str, Any], Body()]
Change = Callable[[VirtualKey], VirtualKey]


def add_keys(router: APIRouter, accounts: AccountStore, catalog: Catalog, audit: Audit, creates: Creates) -> None:
    """Put them on the operator's router."""
    _add_making(router, accounts, catalog, audit, creates)
    changes = _KeyChanges(accounts, audit)
    _add_changing(router, accounts, catalog, changes, creates)
    _add_switching(router, changes)


def _add_making(router: APIRouter, accounts: AccountStore, catalog: Catalog, audit: Audit, creates: Creates) -> None:
    @router.post("/teams/{team}/keys", status_code=201, openapi_extra=SENT_AGAIN)
    async def create_key(team: str, body: NewKey, request: Request, response: Response) -> CreatedKey:
        """Make a virtual key; its text is in this answer and nowhere else, ever."""
        found = await accounts.find_team(team)
        now = datetime.now(UTC)

        async def make() -> CreatedKey:
            check_expiry(body.expires_at, now)
            key, text = mint(
                found.id,
                body.alias,
                body.limits.over(found.key_limits),
                models=model_names(body.models, lambda model: catalog.find(model).name),
                expires_at=body.expires_at,
                metadata=tuple(body.metadata.items()),
                options=body.options(),
            )
            await accounts.create_key(key, lambda keys: check_alias(body.alias, keys, now))
            await audit.record(request, "key.create", team=found.id, after=KeyBody.of(key, found, now))
            return CreatedKey.with_secret(key, found, now, text)

        return await creates.once(request, response, body, CreatedKey, make)

    @router.get("/teams/{team}/keys")
    async def list_keys(team: str) -> list[KeyBody]:
        """The virtual keys of a team, oldest first."""
        found, now = await accounts.find_team(team), datetime.now(UTC)
        return [KeyBody.of(key, found, now) for key in await accounts.keys(found.id)]


class _KeyChanges:
    """Changes a virtual key, and says so in the audit log."""

    def __init__(self, accounts: AccountStore, audit: Audit) -> None:
        self._accounts = accounts
        self._audit = audit

    async def make(
        self, request: Request, action: Action, names: tuple[str, str], change: Change
    ) -> tuple[VirtualKey, KeyBody]:
        """The changed key of a team, both by name, and how it is shown."""
        found, now = await self._accounts.find_team(names[0]), datetime.now(UTC)
        named = await self._accounts.find_key(found, names[1])
        watched = Watched(change)
        changed = await self._accounts.change_key(found.id, named.id, watched)
        before, after = (KeyBody.of(key, found, now) for key in (watched.before, changed))
        await self._audit.record(request, action, team=found.id, before=before, after=after)
        return changed, after


def _add_changing(
    router: APIRouter, accounts: AccountStore, catalog: Catalog, changes: _KeyChanges, creates: Creates
) -> None:
    @router.patch("/teams/{team}/keys/{key}")
    async def change_key(team: str, key: str, patch: Patch, request: Request) -> KeyBody:
        """Change what was said when it was made, by a JSON merge patch: absent is unchanged, null as if never said."""
        found, now = await accounts.find_team(team), datetime.now(UTC)
        named = await accounts.find_key(found, key)
        if named.state(now) == "expired" and "expires_at" in patch:
            check_alias(named.alias, await accounts.keys(found.id), now)

        def patched(old: VirtualKey) -> VirtualKey:
            return changed_key(old, patch, lambda model: catalog.find(model).name, now)

        return (await changes.make(request, "key.change", (found.id, named.id), patched))[1]

    sent_again = {**SENT_AGAIN, "responses": {"200": SENT_AGAIN["responses"]["201"]}}

    @router.post("/teams/{team}/keys/{key}/rotate", openapi_extra=sent_again)
    async def rotate_key(
        team: str, key: str, request: Request, response: Response, body: Rotation | None = None
    ) -> CreatedKey:
        """Give a virtual key a new secret, shown this once; the old one works until the grace is over."""
        rotation = body or Rotation()

        async def make() -> CreatedKey:
            secret, now = new_secret(), datetime.now(UTC)

            def renewed(old: VirtualKey) -> VirtualKey:
                return rotated(unrevoked(old), secret, now, rotation.grace_seconds)

            changed, shown = await changes.make(request, "key.rotate", (team, key), renewed)
            text = virtual_key_text(changed.team_id, changed.id, secret)
            return CreatedKey(**shown.model_dump(), key=text)

        return await creates.once(request, response, rotation, CreatedKey, make)


def _add_switching(router: APIRouter, changes: _KeyChanges) -> None:
    @router.post("/teams/{team}/keys/{key}/disable")
    async def disable_key(team: str, key: str, request: Request) -> KeyBody:
        """Put a virtual key out of use until it is enabled; every replica refuses it from now on."""
        now = datetime.now(UTC)

        def disabled(old: VirtualKey) -> VirtualKey:
            return replace(unrevoked(old), disabled_at=old.disabled_at or now)

        return (await changes.make(request, "key.disable", (team, key), disabled))[1]

    @router.post("/teams/{team}/keys/{key}/enable")
    async def enable_key(team: str, key: str, request: Request) -> KeyBody:
        """Put a disabled virtual key back into use."""

        def enabled(old: VirtualKey) -> VirtualKey:
            return replace(unrevoked(old), disabled_at=None)

        return (await changes.make(request, "key.enable", (team, key), enabled))[1]

    @router.post("/teams/{team}/keys/{key}/revoke")
    async def revoke_key(team: str, key: str, request: Request) -> KeyBody:
        """Close a virtual key for ever, by its id, its public id or its alias; every replica refuses it from now on."""
        now = datetime.now(UTC)

        def revoked(old: VirtualKey) -> VirtualKey:
            return replace(old, revoked_at=old.revoked_at or now)

        return (await changes.make(request, "key.revoke", (team, key), revoked))[1]
