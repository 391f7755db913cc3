"""Archiving: the oldest entries go into files, their sums are brought forward, and the books balance at every step."""

import gzip
import json
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from typing_extensions import override

from app.datastore.datastore import Datastore
from app.errors import ImageStoreUnavailable, InternalError
from app.ledger.archive import LedgerArchive
from app.ledger.archive_files import ArchiveFile, in_order
from app.ledger.archived import ArchivedEntries
from app.ledger.brought_forward import BroughtForward, read_brought_forward
from app.ledger.periods import DAY_MS
from app.ledger.usage import UsageReader
from tests.ledger.archives import (
    Killed,
    MemoryStore,
    archive_on,
    archived,
    assert_archive_agrees,
    carry_all,
    killed,
    refuse,
)
from tests.ledger.long_ledger import COST, write_ledger
from tests.ledger.scene import Scene, delivered, now_ms, open_scene

HOUR_MS = 3_600_000


@pytest.fixture
async def scene(datastore: Datastore) -> Scene:
    """A team with a hundred entries over the last twenty days."""
    opened = await open_scene(datastore)
    await write_ledger(opened, 100, days=20)
    return opened


@pytest.fixture
def store() -> MemoryStore:
    """Where files go."""
    return MemoryStore()


async def test_old_days_go_and_young_ones_stay(datastore: Datastore, scene: Scene, store: MemoryStore) -> None:
    """Whole UTC days that end by the horizon are archived, to the entry; what stood in the ledger is in one of both."""
    before, now = await scene.entries(), await now_ms(datastore)
    horizon = now - 10 * DAY_MS
    carried = await carry_all(LedgerArchive(datastore, store, entries_per_file=7), scene.team.id, horizon)

    left, gone = await scene.entries(), await archived(scene, store)
    assert gone + left == before
    midnight = horizon // DAY_MS * DAY_MS
    assert max(entry.resolved_ms for entry in gone) < midnight <= min(entry.resolved_ms for entry in left)
    assert sum(done.entries for done in carried) == len(gone)
    forward = await read_brought_forward(datastore, scene.team.id)
    assert (forward.until, forward.entries) == (gone[-1].id, len(gone))
    assert forward.spend["team:total"] == sum(entry.cost for entry in gone)
    await assert_archive_agrees(scene, store)
    recomputed = await UsageReader(datastore).recompute(scene.team.id)
    assert (recomputed.entries, recomputed.brought_forward) == (len(left), forward)


async def test_a_file_is_of_one_day(datastore: Datastore, scene: Scene, store: MemoryStore) -> None:
    """Each file lies under its team, year and month, and holds no two days and no more entries than it may."""
    await carry_all(archive_on(datastore, store, 4), scene.team.id)
    for name, content in store.files.items():
        lines = [json.loads(line) for line in gzip.decompress(content).splitlines()]
        days = {line["resolved_ms"] // DAY_MS for line in lines}
        assert len(days) == 1
        assert 1 <= len(lines) <= 4
        first, last, day = lines[0]["id"], lines[-1]["id"], datetime.fromtimestamp(days.pop() * 86_400, UTC)
        assert name == f"{scene.team.id}/{day:%Y/%m}/{first}_{last}.jsonl.gz"
        assert lines[0].keys() >= {"id", "request", "cost", "note", "team_period"}
        assert isinstance(lines[0]["cost"], int)


async def test_the_same_entries_make_the_same_file(datastore: Datastore, scene: Scene) -> None:
    """Whoever archives them again, after a failover that forgot it, writes the same names and the same bytes."""
    once, again = MemoryStore(), MemoryStore()
    dumped = {name: await datastore.command("DUMP", name) for name in (scene.names.ledger, scene.names.spend)}
    await carry_all(archive_on(datastore, once), scene.team.id)
    await datastore.command("DEL", scene.names.forward)
    for name, content in dumped.items():
        await datastore.command("RESTORE", name, 0, content, "REPLACE")
    await carry_all(archive_on(datastore, again), scene.team.id)
    assert once.files == again.files
    await assert_archive_agrees(scene, again)


async def test_what_is_young_by_the_servers_clock_stays(datastore: Datastore, store: MemoryStore) -> None:
    """Whatever a caller asks for: entries of the last eight days are not taken, and nothing is changed."""
    scene = await open_scene(datastore)
    await write_ledger(scene, 5, days=7)
    before = await scene.entries()
    with pytest.raises(InternalError, match="young"):
        await carry_all(LedgerArchive(datastore, store), scene.team.id, await now_ms(datastore) + 2 * DAY_MS)
    assert await scene.entries() == before
    assert await read_brought_forward(datastore, scene.team.id) == BroughtForward()


async def test_nothing_to_do_is_nothing_done(datastore: Datastore, scene: Scene, store: MemoryStore) -> None:
    """A team without old entries, or without any, costs no file; both are told apart from those that are due."""
    archive, idle = LedgerArchive(datastore, store), await open_scene(datastore)
    now = await now_ms(datastore)
    ids = [scene.team.id, idle.team.id]
    assert await archive.due(ids, now - 30 * DAY_MS) == []
    assert await archive.due(ids, now - 10 * DAY_MS) == [scene.team.id]
    assert await carry_all(archive, idle.team.id) == []
    assert await carry_all(archive, scene.team.id, now - 30 * DAY_MS) == []
    assert store.files == {}


async def test_counting_is_what_archiving_does(datastore: Datastore, scene: Scene, store: MemoryStore) -> None:
    """The number told beforehand is the number of entries that go."""
    archive = LedgerArchive(datastore, store, entries_per_file=6)
    for days in (18, 12, 9):
        horizon = await now_ms(datastore) - days * DAY_MS
        number = await archive.count(scene.team.id, horizon)
        assert number > 0
        assert sum(done.entries for done in await carry_all(archive, scene.team.id, horizon)) == number
        assert await archive.count(scene.team.id, horizon) == 0


@pytest.mark.parametrize("doing", ["put", "get"])
async def test_a_store_that_fails_costs_nothing(
    datastore: Datastore, scene: Scene, store: MemoryStore, doing: str
) -> None:
    """Where a file cannot be kept, or not be read back, every entry stays; the next attempt does it."""
    before = await scene.entries()
    archive = archive_on(datastore, store)
    store.before = refuse(doing)
    with pytest.raises(ImageStoreUnavailable):
        await carry_all(archive, scene.team.id)
    assert await scene.entries() == before
    await scene.assert_books_agree()
    store.before = lambda _: None
    await carry_all(archive, scene.team.id)
    assert await archived(scene, store) == before
    await assert_archive_agrees(scene, store)


async def test_a_store_that_loses_what_it_took_is_noticed(
    datastore: Datastore, scene: Scene, store: MemoryStore
) -> None:
    """What is read back is not what was written: nothing leaves Redis."""
    before = await scene.entries()

    def damage(_: str) -> None:
        name = store.puts[-1]
        store.files[name] = store.files[name][:-20]

    store.after = damage
    with pytest.raises(ImageStoreUnavailable, match="give back"):
        await carry_all(archive_on(datastore, store), scene.team.id)
    assert await scene.entries() == before


@dataclass(slots=True)
class OvertakenStore(MemoryStore):
    """While the first file is being put, somebody else archives with files of his own size."""

    quicker: LedgerArchive | None = None
    team_id: str = ""

    @override
    async def put(self, name: str, content: bytes) -> None:
        """Keep a file, when the other is done."""
        quicker, self.quicker = self.quicker, None
        if quicker is not None:
            now = await quicker.now_ms()
            async for _ in quicker.carry(self.team_id, now - 10 * DAY_MS):
                break
        await MemoryStore.put(self, name, content)


@pytest.mark.parametrize("size", [1, 3, 5])
async def test_who_is_overtaken_changes_nothing(datastore: Datastore, scene: Scene, size: int) -> None:
    """Another was quicker, with a shorter, an equal or a longer file: every entry is carried once."""
    before, store = await scene.entries(), OvertakenStore(team_id=scene.team.id)
    store.quicker = archive_on(datastore, store, size)
    await carry_all(archive_on(datastore, store, 3), scene.team.id)
    assert await archived(scene, store) == before
    assert (await read_brought_forward(datastore, scene.team.id)).entries == len(before)
    await assert_archive_agrees(scene, store)


async def test_what_a_crash_left_is_not_written_again(datastore: Datastore, scene: Scene, store: MemoryStore) -> None:
    """Killed between the file and Redis: the next attempt finds the file as it should be, and goes on."""
    before = await scene.entries()
    kept = archive_on(datastore, store)
    store.after = killed
    with pytest.raises(Killed):
        await carry_all(kept, scene.team.id)
    assert len(store.files) == 1
    assert await archived(scene, store) == []
    store.after = lambda _: None
    await carry_all(kept, scene.team.id)
    assert len(store.puts) == len(set(store.puts))
    assert await archived(scene, store) == before
    await assert_archive_agrees(scene, store)


async def test_damaged_files_are_told(datastore: Datastore, scene: Scene, store: MemoryStore) -> None:
    """A file that is gone, cut or another's shows when the archive is held against the books; it cannot be read."""
    await carry_all(archive_on(datastore, store, 20), scene.team.id)
    names = sorted(store.files)
    whole = dict(store.files)
    reader = ArchivedEntries(datastore, store)
    for damage in (b"", whole[names[0]][:-9], whole[names[2]], gzip.compress(b"{}\n")):
        store.files[names[1]] = damage
        report = await reader.compare(scene.team.id)
        assert f"archive file {names[1]}: sound" in [difference.what for difference in report.differences]
        assert "archive entries" in [difference.what for difference in report.differences]
        with pytest.raises(InternalError, match="damaged"):
            await archived(scene, store)
    del store.files[names[1]]
    told = [difference.what for difference in (await reader.compare(scene.team.id)).differences]
    assert "archive entries" in told
    assert "archive team:total" in told


async def test_files_of_others_are_passed_over(datastore: Datastore, scene: Scene, store: MemoryStore) -> None:
    """What is not named as a file of the archive, or holds what is still in Redis, is no part of it."""
    before = await scene.entries()
    await carry_all(archive_on(datastore, store), scene.team.id, await now_ms(datastore) - 10 * DAY_MS)
    gone = await archived(scene, store)
    store.files[f"{scene.team.id}/notes.txt"] = b"mine"
    # Of another size over entries that other files have too, and of one that is still there.
    contents = [store.files[file.name] for file in in_order(list(store.files))]
    lines = [line for content in contents for line in gzip.decompress(content).splitlines()]
    store.files[ArchiveFile(scene.team.id, gone[0].id, gone[4].id).name] = gzip.compress(b"\n".join([*lines[:5], b""]))
    store.after = killed
    with pytest.raises(Killed):
        await carry_all(archive_on(datastore, store), scene.team.id)
    assert await archived(scene, store) == gone == before[: len(gone)]
    await assert_archive_agrees(scene, store)


async def test_times_are_looked_up(datastore: Datastore, scene: Scene, store: MemoryStore) -> None:
    """Of a time only its entries are read; the end does not belong to it."""
    await carry_all(archive_on(datastore, store), scene.team.id)
    gone = await archived(scene, store)
    since, until = gone[20].resolved_ms, gone[40].resolved_ms
    reader = ArchivedEntries(datastore, store)
    found = [entry async for entry in reader.oldest_first(scene.team.id, since, until)]
    assert found == gone[20:40]


async def test_large_amounts_are_exact(datastore: Datastore, store: MemoryStore) -> None:
    """Costs beyond what sums of doubles are exact for, and those given back, come forward to the nano-dollar."""
    scene = await open_scene(datastore)
    costs = [8_999_999_999_999_999, 8_999_999_999_999_997, -8_999_999_999_999_999, 999_999_999_999, 1, -1, 0]
    for number, cost in enumerate(costs * 30):
        hold = await scene.hold(f"r{number}", 1)
        await scene.books.settle(hold, delivered(cost))
    await carry_all(archive_on(datastore, store, 100), scene.team.id)
    assert (await read_brought_forward(datastore, scene.team.id)).spend["team:total"] == sum(costs) * 30
    assert await scene.spent() == sum(costs) * 30
    await assert_archive_agrees(scene, store)


async def test_an_entry_that_is_none_stops_its_team(datastore: Datastore, scene: Scene, store: MemoryStore) -> None:
    """What cannot be summed up is not archived, nor anything behind it; what is before it can be."""
    broken = await open_scene(datastore)
    hold = await broken.hold("r1", 5)
    await broken.books.settle(hold, delivered(5))
    fields = (await datastore.command("XRANGE", broken.names.ledger, "-", "+"))[0][1]
    fields[b"cost"] = b"five"
    await datastore.command("XADD", broken.names.ledger, "*", *[word for pair in fields.items() for word in pair])
    with pytest.raises(InternalError):
        await carry_all(archive_on(datastore, store, 1), broken.team.id)
    assert (await read_brought_forward(datastore, broken.team.id)).entries == 1
    assert await datastore.command("XLEN", broken.names.ledger) == 1


async def test_spend_that_was_touched_still_shows(datastore: Datastore, scene: Scene, store: MemoryStore) -> None:
    """Bringing forward does not make a wrong figure right: neither in the spend nor in the balance itself."""
    await carry_all(archive_on(datastore, store), scene.team.id)
    for touched in (scene.names.spend, scene.names.forward):
        await datastore.command("HINCRBY", touched, "team:total", COST)
        differences = (await UsageReader(datastore).recompute(scene.team.id)).differences
        assert [difference.what for difference in differences] == ["spend team:total"]
        if touched == scene.names.forward:
            report = await ArchivedEntries(datastore, store).compare(scene.team.id)
            assert [difference.what for difference in report.differences] == ["archive team:total"]
        await datastore.command("HINCRBY", touched, "team:total", -COST)


async def test_roll_ups_are_compared_where_all_entries_are_there(
    datastore: Datastore, scene: Scene, store: MemoryStore
) -> None:
    """An hour some of whose entries are archived is not compared; the next one is."""
    await carry_all(archive_on(datastore, store), scene.team.id, await now_ms(datastore) - 10 * DAY_MS)
    forward, left = await read_brought_forward(datastore, scene.team.id), await scene.entries()
    for hour, is_seen in ((forward.until_ms // HOUR_MS, False), (left[0].resolved_ms // HOUR_MS, True)):
        field = f"{left[0].key}|{left[0].model}|cost"
        await datastore.command("HINCRBY", scene.names.usage(hour), field, 1)
        differences = (await UsageReader(datastore).recompute(scene.team.id)).differences
        assert bool(differences) is is_seen
