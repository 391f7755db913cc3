"""A Redis restored to before entries that were archived: the archive then tells of books that were given up."""

import pytest

from app.datastore.datastore import Datastore
from app.errors import InternalError
from app.ledger.archived import ArchivedEntries
from app.ledger.periods import DAY_MS
from tests.ledger.archives import MemoryStore, archive_on, archived, assert_archive_agrees, carry_all
from tests.ledger.long_ledger import write_ledger
from tests.ledger.scene import Scene, now_ms, open_scene


async def write_at_noon(scene: Scene, number: int) -> None:
    """So many entries of yesterday's noon: they are of one day, at whatever time this runs."""
    today = await now_ms(scene.datastore) // DAY_MS * DAY_MS
    await write_ledger(scene, number, days=0.01, until_ms=today - DAY_MS // 2)


async def add(scene: Scene, datastore: Datastore, requests: dict[str, int]) -> None:
    """Write entries like the first one, under these names and times (Unix ms)."""
    [(_, fields)] = await datastore.command("XRANGE", scene.names.ledger, "-", "+", "COUNT", 1)
    for request, at_ms in requests.items():
        words = [word for pair in (fields | {b"request": request.encode()}).items() for word in pair]
        await datastore.command("XADD", scene.names.ledger, f"{at_ms}-0", *words)


@pytest.mark.parametrize("later_ms", [150, 1])
async def test_books_given_up_show_in_the_archive(datastore: Datastore, later_ms: int) -> None:
    """Files of both overlap and differ: it is a difference, and nothing is printed as if it were the books."""
    scene, store = await open_scene(datastore), MemoryStore()
    await write_at_noon(scene, 4)
    archive = archive_on(datastore, store, entries_per_file=50)
    backup = await datastore.command("DUMP", scene.names.ledger)
    last = (await scene.entries())[-1].resolved_ms
    await add(scene, datastore, {f"lost{number}": last + 100 + 100 * number for number in range(5)})
    await carry_all(archive, scene.team.id)
    [of_the_lost] = store.files

    await datastore.command("DEL", scene.names.ledger, scene.names.forward)
    await datastore.command("RESTORE", scene.names.ledger, 0, backup)
    await add(scene, datastore, {f"real{number}": last + later_ms + 100 * number for number in range(5)})
    await carry_all(archive, scene.team.id)
    report = await ArchivedEntries(datastore, store).compare(scene.team.id)
    assert "agrees with the one it overlaps" in " ".join(found.what for found in report.differences)
    with pytest.raises(InternalError, match="overlap and differ"):
        await archived(scene, store)

    del store.files[of_the_lost]
    assert (await ArchivedEntries(datastore, store).compare(scene.team.id)).differences == ()
    assert [entry.request for entry in await archived(scene, store)][4:] == [f"real{number}" for number in range(5)]


async def test_files_that_overlap_and_agree_count_once(datastore: Datastore) -> None:
    """What a crash left, cut in another way, holds the same entries: no difference, and each is printed once."""
    scene, store, left = await open_scene(datastore), MemoryStore(), MemoryStore()
    await write_at_noon(scene, 7)
    saved = await datastore.command("DUMP", scene.names.ledger)
    before = await scene.entries()
    for size, into in ((5, left), (3, store)):
        await datastore.command("DEL", scene.names.ledger, scene.names.forward)
        await datastore.command("RESTORE", scene.names.ledger, 0, saved)
        await carry_all(archive_on(datastore, into, entries_per_file=size), scene.team.id)
    store.files |= left.files
    await assert_archive_agrees(scene, store)
    assert await archived(scene, store) == before
