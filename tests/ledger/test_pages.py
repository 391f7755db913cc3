"""The ledger in pieces: pages that meet without a gap, filters, and the entries of one request."""

import pytest

from app.accounts.models import Limits
from app.datastore.datastore import Datastore
from app.errors import InvalidRequest
from app.ledger.credits import Credit, Credits
from app.ledger.pages import LedgerPages, Wanted
from app.ledger.usage import UsageReader
from app.money import Money
from tests.ledger.long_ledger import write_ledger
from tests.ledger.scene import Scene, delivered, open_scene


@pytest.fixture
async def scene(datastore: Datastore) -> Scene:
    """A team of two keys."""
    return await open_scene(datastore, None, Limits(), Limits())


@pytest.fixture
def pages(datastore: Datastore) -> LedgerPages:
    """Its reader."""
    return LedgerPages(datastore)


async def walked(pages: LedgerPages, scene: Scene, wanted: Wanted, limit: int) -> tuple[list[str], int]:
    """The ids of all pages, one after the other, and how many pages there were."""
    ids: list[str] = []
    cursor, number = None, 0
    while True:
        page = await pages.page(scene.team.id, wanted, limit, cursor)
        number += 1
        ids += [entry.id for entry in page.entries]
        if page.next_cursor is None:
            return ids, number
        cursor = page.next_cursor


async def test_pages_meet_without_a_gap(scene: Scene, pages: LedgerPages) -> None:
    """Every entry once, the newest first, whatever the limit; what is written meanwhile moves no page."""
    ids = await write_ledger(scene, 25)
    for limit in (1, 7, 25, 100):
        assert (await walked(pages, scene, Wanted(), limit))[0] == ids[::-1]
    first = await pages.page(scene.team.id, Wanted(), 10)
    await scene.books.settle(await scene.hold("newest"), delivered(1))
    second = await pages.page(scene.team.id, Wanted(), 10, first.next_cursor)
    assert [entry.id for entry in (*first.entries, *second.entries)] == ids[:4:-1]


async def test_a_long_ledger_agrees_with_its_roll_ups(scene: Scene, datastore: Datastore) -> None:
    """What the tests of long ledgers are written on are sound books."""
    await write_ledger(scene, 500)
    verified = await UsageReader(datastore).recompute(scene.team.id)
    assert (verified.entries, verified.differences) == (500, ())


async def test_filters_are_all_kept_to(scene: Scene, pages: LedgerPages) -> None:
    """Key, model, outcome, user and request, alone and together."""
    ids = await write_ledger(scene, 60)
    one = scene.keys[0].id
    for wanted, numbers in (
        (Wanted(key=one), range(0, 60, 2)),
        (Wanted(model="qwen-image"), range(2, 60, 3)),
        (Wanted(outcome="failed"), range(9, 60, 10)),
        (Wanted(user="ana"), range(0, 60, 3)),
        (Wanted(request=f"req_{41:020d}"), [41]),
        (Wanted(key=one, model="gpt-image-2", user="ana"), range(0, 60, 6)),
        (Wanted(outcome="unknown"), []),
    ):
        found, _ = await walked(pages, scene, wanted, 10)
        assert found == [ids[number] for number in numbers][::-1]


async def test_a_time_is_kept_to(scene: Scene, pages: LedgerPages) -> None:
    """From a moment on, up to another but without it, from either end."""
    ids = await write_ledger(scene, 20)
    begin, end = (int(ids[number].partition("-")[0]) for number in (5, 15))
    wanted = Wanted(since_ms=begin, until_ms=end)
    assert (await walked(pages, scene, wanted, 4))[0] == ids[14:4:-1]
    assert [entry.id async for entry in pages.oldest_first(scene.team.id, wanted)] == ids[5:15]


async def test_a_page_looks_at_so_many_and_no_more(scene: Scene, pages: LedgerPages) -> None:
    """Where nothing is wanted pages come back empty with a cursor, and the last without."""
    await write_ledger(scene, 12_000)
    page = await pages.page(scene.team.id, Wanted(user="nobody"), 10)
    assert page.entries == ()
    assert page.next_cursor is not None
    assert await walked(pages, scene, Wanted(user="nobody"), 10) == ([], 3)


async def test_the_walk_goes_on_behind_an_entry(scene: Scene, pages: LedgerPages) -> None:
    """Over the seams of what is read at once, from the beginning or behind any entry."""
    ids = await write_ledger(scene, 1500)
    assert [entry.id async for entry in pages.oldest_first(scene.team.id)] == ids
    assert [entry.id async for entry in pages.oldest_first(scene.team.id, after=ids[998])] == ids[999:]


@pytest.mark.parametrize("cursor", ["x", "1", "1-", "-", "+", "1-1 ", "9" * 16 + "-1", "0-0", "1-1\n"])
async def test_a_made_up_cursor_is_refused(scene: Scene, pages: LedgerPages, cursor: str) -> None:
    """Whatever is no id of an entry never reaches Redis."""
    with pytest.raises(InvalidRequest, match="cursor"):
        await pages.page(scene.team.id, Wanted(), 1, cursor)
    with pytest.raises(InvalidRequest, match="after"):
        await anext(aiter(pages.oldest_first(scene.team.id, after=cursor)))


async def test_a_request_has_all_its_entries(scene: Scene, pages: LedgerPages, datastore: Datastore) -> None:
    """What resolved it and what was given back later, oldest first; nothing of others."""
    hold = await scene.hold("bought", 100)
    await scene.books.settle(hold, delivered(60))
    await scene.books.settle(await scene.hold("other", 100), delivered(60))
    await Credits(datastore).credit_request(scene.team, "bought", Credit("credit-1234", Money(10), "blurred"))
    for admitted_ms in (None, hold.admitted_ms):
        entries = await pages.of_request(scene.team.id, "bought", admitted_ms)
        assert [(entry.kind, entry.cost) for entry in entries] == [("settle", 60), ("correction", -10)]
    assert await pages.of_request(scene.team.id, "nothing") == []


async def test_a_credit_is_no_outcome(scene: Scene, pages: LedgerPages, datastore: Datastore) -> None:
    """Who asks for what ended unknown is not shown money that was given back, though its entry carries that word."""
    await scene.books.settle(await scene.hold("bought", 100), delivered(60))
    await Credits(datastore).credit_request(scene.team, "bought", Credit("credit-1234", Money(10), "blurred"))
    unknown = await pages.page(scene.team.id, Wanted(outcome="unknown"), 10)
    everything = await pages.page(scene.team.id, Wanted(), 10)
    assert unknown.entries == ()
    assert [entry.kind for entry in everything.entries] == ["correction", "settle"]
