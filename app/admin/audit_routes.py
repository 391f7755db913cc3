"""The operator's route to the audit log."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from app.accounts.admin_tokens import Role
from app.accounts.store import AccountStore
from app.admin.audit import Audit
from app.admin.documents import Document


class ActorBody(Document):
    """Who changed something."""

    id: str
    name: str
    role: Role


class AuditEntry(Document):
    """One change."""

    id: str
    at: datetime
    actor: ActorBody
    action: str = Field(description="Such as `key.revoke`.")
    team: str | None
    request_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class AuditPage(Document):
    """Some changes, newest first."""

    entries: list[AuditEntry]
    next_cursor: str | None = Field(description="For the page behind; null: there are no more.")


def add_audit(router: APIRouter, accounts: AccountStore, audit: Audit) -> None:
    """Put it on the operator's router."""

    @router.get("/audit")
    async def show_audit(
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        cursor: Annotated[str | None, Query(pattern="^[1-9][0-9]{0,14}-[0-9]{1,15}$")] = None,
        team: str | None = None,
    ) -> AuditPage:
        """Who changed what, newest first, of all teams or one; ``cursor`` is the ``next_cursor`` of the page before."""
        team_id = (await accounts.find_team(team)).id if team is not None else None
        entries, behind = await audit.page(limit, cursor, team_id)
        return AuditPage(entries=[AuditEntry(**entry) for entry in entries], next_cursor=behind)
