"""The operator's routes that only read: usage, ledger, exports, what goes on now, the overview, the catalog, audit."""

from collections.abc import AsyncIterator
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse
from msgspec import Struct
from pydantic import AwareDatetime

from app.accounts.store import AccountStore
from app.admin.audit import Audit
from app.admin.audit_routes import add_audit
from app.admin.catalog import CatalogBody, catalog_report
from app.admin.day_sums import DaySums
from app.admin.entries import EntryPage, LedgerReports, RecentRequests, RequestBody
from app.admin.exports import MEDIA_TYPES, ExportFormat, export, file_name
from app.admin.large_reads import LargeReads
from app.admin.live import LiveBody, Replica, live_report
from app.admin.overview import Overview, overview_report
from app.admin.sheets import CSV, Format, wants_csv
from app.admin.standings import add_standings
from app.admin.times import unix_ms
from app.admin.usage import GroupedReports, GroupedUsage, read_dimensions, sheet
from app.admin.verification import add_verification
from app.catalog.catalog import Catalog
from app.datastore.datastore import Datastore
from app.ledger.archived import ArchivedEntries
from app.ledger.models import Outcome
from app.ledger.pages import LedgerPages, Wanted
from app.ledger.usage import UsageReader
from app.requests.register import Register
from app.web.paced import PacedResponse

_MOST_RECENT: Final = 100
"""Requests of one key that are remembered (``admit.lua``)."""
_AS_CSV: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"text/csv": {}}}}
_AS_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The file", "content": {"application/x-ndjson": {}, "text/csv": {}}}
}

Name = Annotated[str, Query(min_length=1, max_length=200)]
Text = Annotated[str | None, Query(min_length=1, max_length=200)]
Moment = AwareDatetime | None
Limit = Annotated[int, Query(ge=1, le=1000)]
FileLimit = Annotated[int | None, Query(ge=1)]


class Readings(Struct, frozen=True):
    """Where all of it is read."""

    accounts: AccountStore
    datastore: Datastore
    usage: UsageReader
    day_sums: DaySums
    register: Register
    catalog: Catalog
    replica: Replica
    audit: Audit
    archived: ArchivedEntries


def add_readings(router: APIRouter, readings: Readings, *, send_seconds: float) -> None:
    """Put all of them on the operator's router."""
    pages = LedgerPages(readings.datastore)
    large_reads = LargeReads()
    _add_usage(router, GroupedReports(readings.accounts, readings.usage, pages), large_reads)
    ledger = LedgerReports(readings.accounts, pages, readings.register)
    _add_ledger(router, readings, ledger)
    _add_export(router, readings, ledger, send_seconds)
    _add_state(router, readings)
    add_standings(router, readings.accounts, readings.usage)
    add_verification(router, readings.accounts, readings.usage, readings.archived, large_reads)
    add_audit(router, readings.accounts, readings.audit)


def _add_usage(router: APIRouter, grouped: GroupedReports, large_reads: LargeReads) -> None:
    @router.get("/usage", response_model=GroupedUsage, response_model_exclude_unset=True, responses=_AS_CSV)
    async def show_usage(
        team: Text = None,
        since: Moment = None,
        until: Moment = None,
        group_by: Annotated[str | None, Query(examples=["team,day"], max_length=100)] = None,
        format: Format | None = None,  # noqa: A002  the word of the query
        accept: Annotated[str, Header(include_in_schema=False)] = "",
    ) -> GroupedUsage | Response:
        """What was used in whole UTC hours (default: the last 30 days), as JSON or CSV.

        ``group_by`` is one or two of team, key, model, day, hour and user, with a comma between. Without it, a team is
        told by key and model, and all teams by team. ``user`` is summed from the ledger entries, which takes some
        seconds and is done for one after the other; everything else comes from roll-ups.
        """
        usual = "key,model" if team else "team"
        by = read_dimensions(usual if group_by is None else group_by)
        async with large_reads.turn() if "user" in by else nullcontext():
            report = await grouped.report(team, by, since, until)
        if wants_csv(format, accept):
            return Response(sheet(report), media_type=CSV)
        return report


def _add_ledger(router: APIRouter, readings: Readings, ledger: LedgerReports) -> None:
    @router.get("/ledger/entries")
    async def list_entries(
        team: Name,
        cursor: Text = None,
        limit: Limit = 50,
        key: Text = None,
        model: Text = None,
        outcome: Outcome | None = None,
        user: Text = None,
        request: Text = None,
        since: Moment = None,
        until: Moment = None,
    ) -> EntryPage:
        """A page of a team's ledger, the newest first; ``cursor`` is the ``next_cursor`` of the page before."""
        found = await readings.accounts.find_team(team)
        wanted = Wanted(
            key=await ledger.key_id(found, key) if key else None,
            model=model,
            outcome=outcome,
            user=user,
            request=request,
            since_ms=unix_ms(since) if since else None,
            until_ms=unix_ms(until) if until else None,
        )
        return await ledger.page(found, wanted, limit, cursor)

    @router.get("/requests")
    async def list_requests(
        team: Name, key: Text = None, limit: Annotated[int, Query(ge=1, le=_MOST_RECENT)] = 20
    ) -> RecentRequests:
        """What became of the newest requests of a team or a key within a day, those under way too."""
        return await ledger.recent(await readings.accounts.find_team(team), key, limit)

    @router.get("/ledger/requests/{request}")
    async def show_request(request: str, team: Name) -> RequestBody:
        """One request: its ledger entries, and for a day its stages, what was changed in it, its error, its answer."""
        return await ledger.request(await readings.accounts.find_team(team), request)


def _add_export(router: APIRouter, readings: Readings, ledger: LedgerReports, send_seconds: float) -> None:
    @router.get("/ledger/export", response_class=StreamingResponse, responses=_AS_FILE)
    async def export_ledger(
        team: Name,
        format: ExportFormat = "jsonl",  # noqa: A002  the word of the query
        since: Moment = None,
        until: Moment = None,
        after: Text = None,
        limit: FileLimit = None,
    ) -> StreamingResponse:
        """A team's ledger as a file, the oldest first: JSON lines, or CSV.

        In pieces with ``limit``: ``after`` is the ``id`` of the last entry of the piece before. A file that could not
        be finished is cut off, never ended.
        """
        found = await readings.accounts.find_team(team)
        wanted = Wanted(since_ms=unix_ms(since) if since else None, until_ms=unix_ms(until) if until else None)
        aliases = await ledger.aliases(found)
        chunks = export(ledger.pages, found.id, aliases, wanted, format, after=after, limit=limit)
        headers = {"content-disposition": f'attachment; filename="{file_name(found.name, format)}"'}
        # The first chunk before the head, so that what is wrong from the start gets its status.
        pieces = _with(await anext(chunks), chunks)
        return PacedResponse(pieces, MEDIA_TYPES[format], headers, send_seconds=send_seconds)


def _add_state(router: APIRouter, readings: Readings) -> None:
    @router.get("/live")
    async def show_live() -> LiveBody:
        """What goes on now: in this replica, at the upstream, and in the teams over all replicas."""
        return await live_report(readings.replica, readings.accounts, readings.datastore)

    @router.get("/overview")
    async def show_overview() -> Overview:
        """All teams at a glance: money, pictures, success, speed, by day and by model; from roll-ups."""
        now = datetime.now(UTC)
        return await overview_report(readings.replica, readings.accounts, readings.usage, readings.day_sums, now)

    @router.get("/catalog")
    async def show_catalog() -> CatalogBody:
        """Every model with its prices, its operations, and what each takes."""
        return catalog_report(readings.catalog)


async def _with(first: str, chunks: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    async for chunk in chunks:
        yield chunk
