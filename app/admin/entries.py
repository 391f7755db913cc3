"""The ledger as the operator reads it: pages of entries, and everything that is known of one request."""

import asyncio
from datetime import datetime
from itertools import chain
from typing import Any

from msgspec import Struct
from pydantic import Field

from app.accounts.models import Team
from app.accounts.store import AccountStore
from app.admin.documents import Document
from app.admin.times import time_of
from app.assets.names import expiry_of
from app.errors import NotFound
from app.ledger.credits import NOBODY
from app.ledger.models import Entry
from app.ledger.pages import LedgerPages, Wanted, user_of
from app.money import dollars
from app.requests.models import RequestRecord, State
from app.requests.register import Register

Aliases = dict[str, str]
"""Of keys, by their ids."""


class EntryBody(Document):
    """A ledger entry: how one request was resolved, or what corrected that later."""

    id: str
    kind: str = Field(description="`settle`, `release`, `expire` or `correction`.")
    request: str
    outcome: str = Field(description="`delivered`, `refused`, `failed` or `unknown`.")
    key: str = Field(description="The key's id; `-` for credits of a team.")
    alias: str = Field(description="Of the key.")
    model: str
    user: str | None = Field(description="What the request named as its `user`.")
    cost: str = Field(examples=["0.0412"], description="Negative where money was given back.")
    quote: str
    images: int
    text_input_tokens: int
    image_input_tokens: int
    text_output_tokens: int
    image_output_tokens: int
    team_period: str
    key_period: str
    admitted_at: datetime
    resolved_at: datetime
    flags: list[str]
    note: dict[str, Any] = Field(
        description="Unit prices in nano-dollars, version of the catalog, id at the upstream, error code, reason."
    )

    @classmethod
    def of(cls, entry: Entry, aliases: Aliases) -> "EntryBody":
        """The JSON form of an entry."""
        return cls(
            id=entry.id,
            kind=entry.kind,
            request=entry.request,
            outcome=entry.outcome,
            key=entry.key,
            alias=aliases.get(entry.key, ""),
            model=entry.model,
            user=user_of(entry.note),
            cost=dollars(entry.cost),
            quote=dollars(entry.quote),
            images=entry.images,
            text_input_tokens=entry.text_input,
            image_input_tokens=entry.image_input,
            text_output_tokens=entry.text_output,
            image_output_tokens=entry.image_output,
            team_period=entry.team_period,
            key_period=entry.key_period,
            admitted_at=time_of(entry.admitted_ms),
            resolved_at=time_of(entry.resolved_ms),
            flags=[flag for flag in entry.flags.split(",") if flag],
            note=entry.note,
        )


class EntryPage(Document):
    """Entries, the newest first."""

    team: str
    entries: list[EntryBody]
    next_cursor: str | None = Field(
        description="For the next page, which may have more even where this one is empty: a page looks at so many "
        "entries and no more. null: there are no more."
    )


class KeptBody(Document):
    """Whether the answer of a request is kept."""

    kept: bool
    expires_at: datetime


class RecordBody(Document):
    """What became of a request, as it is known for a day."""

    id: str
    state: State
    key: str
    alias: str
    model: str
    operation: str
    admitted_at: datetime
    resolved_at: datetime | None
    quote: str
    cost: str | None
    images: int
    stages: dict[str, float] = Field(description="Milliseconds by stage.")
    normalized: list[str]
    first_byte_seconds: float | None
    upstream_id: str | None
    error: dict[str, Any] | None = Field(description="What it was told, in OpenAI's form, with its HTTP `status`.")
    result: KeptBody | None

    @classmethod
    def of(cls, record: RequestRecord, aliases: Aliases) -> "RecordBody":
        """The JSON form of a record."""
        kept, error, about = record.result, record.error, record.about
        expires_at = time_of(expiry_of(kept) * 1000) if kept else None
        return cls(
            id=record.id,
            state=record.state,
            key=record.key_id,
            alias=aliases.get(record.key_id, ""),
            model=record.model,
            operation=record.operation,
            admitted_at=record.admitted_at,
            resolved_at=record.resolved_at,
            quote=dollars(record.quote),
            cost=dollars(record.cost) if record.cost is not None else None,
            images=record.images,
            stages=about.get("stages", {}),
            normalized=about.get("normalized", []),
            first_byte_seconds=about.get("first_byte_seconds"),
            upstream_id=about.get("upstream_id"),
            error={"status": error.status, **error.envelope.get("error", {})} if error else None,
            result=KeptBody(kept=expires_at > record.seen_at, expires_at=expires_at) if expires_at else None,
        )


class RequestBody(Document):
    """All that is known of one request."""

    id: str
    team: str
    cost: str = Field(description="The sum of its entries.")
    entries: list[EntryBody] = Field(description="The oldest first; none while it is under way.")
    record: RecordBody | None = Field(description="null when it is older than a day.")


class RecentRequests(Document):
    """What became of requests, the newest first."""

    team: str
    requests: list[RecordBody]


class LedgerReports(Struct, frozen=True):
    """Reads ledger and register for the operator."""

    accounts: AccountStore
    pages: LedgerPages
    register: Register

    async def page(self, team: Team, wanted: Wanted, limit: int, cursor: str | None) -> EntryPage:
        """A page of entries (`LedgerPages.page`)."""
        page = await self.pages.page(team.id, wanted, limit, cursor)
        aliases = await self.aliases(team)
        return EntryPage(
            team=team.name,
            entries=[EntryBody.of(entry, aliases) for entry in page.entries],
            next_cursor=page.next_cursor,
        )

    async def request(self, team: Team, request_id: str) -> RequestBody:
        """One request.

        Raises:
            NotFound: neither the register nor the newest 200,000 entries have it.

        """
        record = await self.register.find_of_team(team.id, request_id)
        admitted_ms = int(record.admitted_at.timestamp() * 1000) if record else None
        entries = await self.pages.of_request(team.id, request_id, admitted_ms)
        if record is None and not entries:
            raise NotFound(f"Team {team.name!r} has no request {request_id!r}.", param="request")
        aliases = await self.aliases(team)
        return RequestBody(
            id=request_id,
            team=team.name,
            cost=dollars(sum(entry.cost for entry in entries)),
            entries=[EntryBody.of(entry, aliases) for entry in entries],
            record=RecordBody.of(record, aliases) if record else None,
        )

    async def recent(self, team: Team, key: str | None, limit: int) -> RecentRequests:
        """The newest requests of a day, of one key or of all, those under way too; of each key 100 are remembered."""
        aliases = await self.aliases(team)
        keys = list(aliases) if key is None else [await self.key_id(team, key)]
        found = await asyncio.gather(*[self.register.recent(team.id, key_id, limit) for key_id in keys])
        records = sorted(chain.from_iterable(found), key=lambda record: record.admitted_at, reverse=True)
        return RecentRequests(team=team.name, requests=[RecordBody.of(record, aliases) for record in records[:limit]])

    async def aliases(self, team: Team) -> Aliases:
        """What the keys of a team are called."""
        return {key.id: key.alias for key in await self.accounts.keys(team.id)}

    async def key_id(self, team: Team, name: str) -> str:
        """The id of a key by its id, public id or alias; ``-`` is nobody's, as credits of a team have it.

        Raises:
            NotFound: no such key.

        """
        return name if name == NOBODY else (await self.accounts.find_key(team, name)).id
