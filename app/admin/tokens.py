"""The operator's routes about admin tokens: make, list, revoke; owners only make and revoke."""

from datetime import datetime
from typing import ClassVar

from fastapi import APIRouter, Response
from pydantic import Field
from starlette.requests import Request

from app.accounts.admin_tokens import AdminToken, AdminTokens, Role
from app.admin.audit import Audit, actor_of
from app.admin.creates import SENT_AGAIN, Creates, ShownOnce
from app.admin.documents import Document
from app.admin.schemas import Name


class NewToken(Document):
    """An admin token to be made."""

    name: Name
    role: Role = Field("viewer", description="An owner may change things, a viewer looks.")


class TokenBody(Document):
    """An admin token, without its secret."""

    id: str
    public_id: str
    name: str
    role: Role
    created_at: datetime

    @classmethod
    def of(cls, token: AdminToken) -> "TokenBody":
        """The JSON form of a token."""
        return cls(
            id=token.id,
            public_id=token.public_id,
            name=token.name,
            role=token.role,
            created_at=token.created_at,
        )


class CreatedToken(ShownOnce, TokenBody):
    """An admin token just made: the only time its secret is shown."""

    SECRET: ClassVar[str] = "token"  # noqa: S105  the name of a field
    token: str | None = Field(description="The admin token itself. Keep it now: only its hash is stored.", repr=False)


class Me(Document):
    """The admin token that asks."""

    name: str = Field(description="`bootstrap` for the one of the settings.", examples=["ana"])
    role: Role
    base_url: str | None = Field(
        description="What teammates point their SDK at; null where no setting says it, and it is where you are.",
        examples=["https://images.example.com/v1"],
    )


def add_tokens(router: APIRouter, tokens: AdminTokens, audit: Audit, creates: Creates, *, base_url: str | None) -> None:
    """Put them on the operator's router."""

    @router.get("/me")
    async def show_me(request: Request) -> Me:
        """Whose admin token this is, and what it may do."""
        actor = actor_of(request)
        return Me(name=actor.name, role=actor.role, base_url=base_url)

    @router.post("/tokens", status_code=201, openapi_extra=SENT_AGAIN)
    async def create_token(body: NewToken, request: Request, response: Response) -> CreatedToken:
        """Make an admin token; its text is in this answer and nowhere else, ever."""

        async def make() -> CreatedToken:
            token, text = await tokens.create(body.name, body.role)
            shown = TokenBody.of(token)
            await audit.record(request, "token.create", after=shown)
            return CreatedToken(**shown.model_dump(), token=text)

        return await creates.once(request, response, body, CreatedToken, make)

    @router.get("/tokens")
    async def list_tokens() -> list[TokenBody]:
        """The admin tokens that were made, oldest first; the one of the settings is not among them."""
        return [TokenBody.of(token) for token in await tokens.all()]

    @router.delete("/tokens/{token}")
    async def revoke_token(token: str, request: Request) -> TokenBody:
        """Revoke an admin token, by its id, its public id or its name; within 5 s no replica takes it any more."""
        revoked = TokenBody.of(await tokens.revoke(token))
        await audit.record(request, "token.revoke", before=revoked)
        return revoked
