"""A hundred thousand ledger entries: the overview asks Redis a few times, pages and exports hold little in memory."""

import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from app.accounts.models import Limits
from app.admin.exports import export
from app.ledger.pages import LedgerPages, Wanted
from app.wiring.services import Services
from tests.ledger.long_ledger import write_ledger
from tests.ledger.scene import Scene, open_scene

pytestmark = pytest.mark.slow

ENTRIES = 100_000
TEAMS = 4
MANY_TEAMS = 50
READS_PER_WRITE = 16
"""A thousand commands are read by Redis in pieces of 16 KiB."""


@pytest.fixture
async def scene(services: Services) -> Scene:
    """The team with all of them, and three idle ones."""
    for _ in range(TEAMS - 1):
        await open_scene(services.datastore)
    opened = await open_scene(services.datastore, None, *[Limits()] * 5)
    await write_ledger(opened, ENTRIES)
    return opened


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how long it took; whoever wants to know runs it with -s."""
    began = time.perf_counter()
    yield
    print(f"\n{what}: {(time.perf_counter() - began) * 1000:.0f} ms")


async def reads(services: Services) -> int:
    """How often Redis has read from a socket."""
    stats = await services.datastore.command("INFO", "stats")
    return int(stats["total_reads_processed"])


async def test_the_overview_asks_a_few_times(door: httpx.AsyncClient, services: Services, scene: Scene) -> None:
    """Some roll-ups in one write per thousand, whatever the length of the ledger."""
    with timed("first overview"):
        await door.get("/overview")
    before = await reads(services)
    with timed("overview"):
        page = (await door.get("/overview")).json()
    asked = await reads(services) - before
    print(f"{asked} reads by Redis")
    assert sum(day["requests"] for day in page["days"]) == ENTRIES
    roll_ups = 31 * 24 * TEAMS
    assert asked <= (roll_ups // 1000 + 1) * READS_PER_WRITE + 10
    for group_by in ("model,day", "key,hour", "user"):
        with timed(f"usage by {group_by}"):
            usage = (await door.get("/usage", params={"group_by": group_by})).json()
        assert sum(row["requests"] for row in usage["rows"]) == ENTRIES


async def test_the_overview_of_many_teams_reads_two_days(door: httpx.AsyncClient, services: Services) -> None:
    """The first one reads a month of every team, all others today and yesterday."""
    for _ in range(MANY_TEAMS):
        await write_ledger(await open_scene(services.datastore, None, *[Limits()] * 5), ENTRIES // MANY_TEAMS)
    asked = []
    for what in ("first overview", "overview", "overview"):
        before = await reads(services)
        with timed(f"{what} of {MANY_TEAMS} teams"):
            page = (await door.get("/overview")).json()
        asked.append(await reads(services) - before)
        assert sum(day["requests"] for day in page["days"]) == ENTRIES
    print(f"{asked} reads by Redis")
    assert asked[0] <= (31 * 24 * MANY_TEAMS // 1000 + 2) * READS_PER_WRITE + 10
    assert max(asked[1:]) <= (2 * 24 * MANY_TEAMS // 1000 + 1) * READS_PER_WRITE + 10


async def test_a_page_costs_the_same_anywhere(door: httpx.AsyncClient, scene: Scene) -> None:
    """The first page, one in the middle, and one that finds nothing: each looks at so many entries and no more."""
    query = {"team": scene.team.name, "limit": "100"}
    with timed("first page"):
        first = (await door.get("/ledger/entries", params=query)).json()
    with timed("page behind it"):
        second = (await door.get("/ledger/entries", params=query | {"cursor": first["next_cursor"]})).json()
    assert len(first["entries"]) == len(second["entries"]) == 100
    with timed("page that finds nothing"):
        empty = (await door.get("/ledger/entries", params=query | {"user": "nobody"})).json()
    assert (empty["entries"], empty["next_cursor"] is None) == ([], False)
    with timed("one old request"):
        told = await door.get(f"/ledger/requests/req_{7:020d}", params={"team": scene.team.name})
    assert told.json()["entries"][0]["request"] == f"req_{7:020d}"


async def test_an_export_holds_little_in_memory(services: Services, scene: Scene) -> None:
    """The file is many times as long as what its making ever holds."""
    pages, lines, chars, peak = LedgerPages(services.datastore), 0, 0, 0
    with timed("export"):
        async for chunk in export(pages, scene.team.id, {}, Wanted(), "jsonl"):
            lines, chars = lines + chunk.count("\n"), chars + len(chunk)
    assert lines == ENTRIES
    since = (await pages.page(scene.team.id, Wanted(), 1)).entries[0].resolved_ms - 6 * 24 * 3_600_000
    tracemalloc.start()
    try:
        async for _ in export(pages, scene.team.id, {}, Wanted(since_ms=since), "jsonl"):
            peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    print(f"{chars / 1e6:.0f} MB written, {peak / 1e6:.1f} MB held at most")
    assert peak * 10 < chars
