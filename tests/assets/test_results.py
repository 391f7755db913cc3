"""Kept answers, over a folder and a real S3 server: found again by name until their end, and never in the way."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from app.assets.bounded_store import BoundedStore
from app.assets.disk import DiskSpace
from app.assets.names import expiry_of, is_name, new_name
from app.assets.results import KeptResult, ResultKind, Results
from app.assets.spool import Spool
from app.assets.store import AssetStore, open_store
from app.assets.sweeper import Sweeper
from app.errors import ImageStoreUnavailable
from tests.assets.conftest import NOW, Clock
from tests.assets.full_disk import files_of_at_most

ROOMY = DiskSpace(total_bytes=10**12, free_bytes=10**12)
LARGE_BYTES = 6 * 1024 * 1024  # more than one part of an upload


def roomy(_folder: Path) -> DiskSpace:
    """A disk with room for everything."""
    return ROOMY


def results_in(store: AssetStore, spool: Path, clock: Clock, most_bytes: int = 10**9) -> Results:
    """Answers kept for fifteen minutes."""
    bounded = BoundedStore(store, Sweeper(store, most_bytes, clock, read_disk=roomy), most_bytes)
    return Results(Spool(spool), bounded, 900, clock, roomy)


@pytest.fixture
def results(store: AssetStore, tmp_path: Path, clock: Clock) -> Results:
    return results_in(store, tmp_path / "spool", clock)


async def keep(results: Results, data: bytes, kind: ResultKind = "json") -> tuple[str, bool]:
    """An answer on its way through: its name, and whether it was kept."""
    name = results.new_name(kind)
    draft = results.open_draft()
    assert draft is not None
    async with aclosing(draft):
        for at in range(0, len(data), 50_000):
            await draft.write(data[at : at + 50_000])
        return name, await results.keep(name, draft)


async def one(piece: bytes) -> AsyncIterator[bytes]:
    """An asset in one piece."""
    yield piece


async def read(results: Results, kept: KeptResult | None) -> bytes:
    """The whole answer."""
    assert kept is not None
    return b"".join([piece async for piece in results.read(kept)])


@pytest.mark.parametrize(
    ("kind", "content_type"), [("json", "application/json"), ("sse", "text/event-stream; charset=utf-8")]
)
@pytest.mark.parametrize("size_bytes", [0, 1, LARGE_BYTES])
async def test_an_answer_is_found_again(results: Results, kind: ResultKind, content_type: str, size_bytes: int) -> None:
    """As it was, under the type it was first given with, and as often as somebody asks."""
    whole = bytes(range(256)) * (size_bytes // 256) + bytes(size_bytes % 256)
    name, is_kept = await keep(results, whole, kind)

    assert is_kept
    assert is_name(name)
    for _ in range(2):
        kept = await results.open(name)
        assert kept is not None
        assert (kept.name, kept.size_bytes, kept.content_type) == (name, size_bytes, content_type)
        assert await read(results, kept) == whole


async def test_a_name_is_nothing_until_its_answer_is_kept(results: Results, store: AssetStore) -> None:
    """A name is told before its bytes are there; other people's words, and names of pictures, are no names at all."""
    picture = new_name(int(NOW) + 60, "png")
    await store.put(picture, one(b"x"))

    for name in (results.new_name("json"), picture, "", "../x.json", "1800000900-x.json"):
        assert await results.open(name) is None
        await results.forget(name)
    assert await store.size_bytes(picture) == 1


async def test_an_answer_ends(results: Results, store: AssetStore, clock: Clock) -> None:
    """At its end it is gone for everybody, though its bytes wait for the sweeper; no second is cut off its time."""
    clock.now = NOW + 0.4
    name, _ = await keep(results, b"{}")
    assert expiry_of(name) == NOW + 901
    clock.now = NOW + 900.9
    assert await results.open(name) is not None
    clock.now = NOW + 901
    assert await results.open(name) is None
    assert await store.size_bytes(name) == 2


async def test_a_forgotten_answer_is_gone(results: Results, store: AssetStore) -> None:
    """Its bytes go at once; forgetting it again, or what never was, is fine."""
    name, _ = await keep(results, b"{}")
    other, _ = await keep(results, b"[]")
    for _ in range(2):
        await results.forget(name)

    assert await results.open(name) is None
    assert await store.size_bytes(name) is None
    assert await results.open(other) is not None


async def test_what_is_forgotten_early_is_not_kept_late(results: Results, store: AssetStore) -> None:
    """Somebody has an answer forgotten before its bytes are in the store, or while they are on their way there."""
    name, late = results.new_name("json"), results.new_name("json")
    await results.forget(name)
    draft = results.open_draft()
    assert draft is not None
    async with aclosing(draft):
        await draft.write(bytes(LARGE_BYTES))
        assert not await results.keep(name, draft)
        keeping = asyncio.create_task(results.keep(late, draft))
        await asyncio.sleep(0)
        await results.forget(late)
        assert not await keeping

    for gone in (name, late):
        assert await results.open(gone) is None
        assert await store.size_bytes(gone) is None


async def test_the_oldest_make_room(results: Results, store: AssetStore, tmp_path: Path, clock: Clock) -> None:
    """With room for three the fourth drives out the first, at once; one larger than the limit is not kept at all."""
    results = results_in(store, tmp_path / "spool", clock, most_bytes=3500)
    names = []
    for _ in range(5):
        clock.now += 1
        name, is_kept = await keep(results, bytes(1000))
        assert is_kept
        names.append(name)
    too_large, is_kept = await keep(results, bytes(3501))

    assert not is_kept
    assert [name for name in (*names, too_large) if await results.open(name)] == names[2:]


async def test_what_lies_there_from_before_counts(store: AssetStore, tmp_path: Path, clock: Clock) -> None:
    """A process that starts on a full store, or beside another replica, knows nothing of it and makes room first."""
    first = results_in(store, tmp_path / "spool", clock, most_bytes=3000)
    old = [(await keep(first, bytes(1000)))[0] for _ in range(3)]
    clock.now += 1
    second = results_in(store, tmp_path / "spool", clock, most_bytes=3000)
    new, is_kept = await keep(second, bytes(1500))

    assert is_kept
    assert await first.open(new) is not None
    assert len([name for name in old if await second.open(name)]) == 1


async def test_a_store_that_fails_fails_nobody(tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """Keeping says no and warns; who looks for an answer is told that nobody can tell, and the folder may come back."""
    folder = tmp_path / "results"
    results = results_in(open_store(folder, "answers"), tmp_path / "spool", clock)
    name, _ = await keep(results, b"{}")
    away = folder.rename(tmp_path / "away")
    folder.touch()
    _, is_kept = await keep(results, b"{}")

    assert not is_kept
    assert [record.message for record in caplog.records] == ["an answer could not be kept"]
    with pytest.raises(ImageStoreUnavailable, match="answers"):
        await results.open(name)
    folder.unlink()
    away.rename(folder)
    assert await read(results, await results.open(name)) == b"{}"
    assert (await keep(results, b"{}"))[1]


async def test_a_full_disk_fails_nobody(tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """The disk takes half of it: keeping says no and nothing is left behind; with room again it is kept."""
    folder = tmp_path / "results"
    results = results_in(open_store(folder, "answers"), tmp_path / "spool", clock)
    name, draft = results.new_name("json"), results.open_draft()
    assert draft is not None
    async with aclosing(draft):
        await draft.write(bytes(LARGE_BYTES))
        with files_of_at_most(LARGE_BYTES // 2):
            assert not await results.keep(name, draft)
            assert await results.open(name) is None
            assert list(folder.iterdir()) == []
        assert "could not be kept" in caplog.text
        assert await results.keep(name, draft)
    assert await results.open(name) is not None


async def test_a_draft_that_gave_up_is_not_kept(results: Results) -> None:
    """Half an answer is none, and neither is one that is closed."""
    half, closed = results.open_draft(), results.open_draft()
    assert half is not None
    assert closed is not None
    await closed.aclose()
    with files_of_at_most(100_000):
        await half.write(bytes(200_000))
    for draft in (half, closed):
        name = results.new_name("json")
        assert not await results.keep(name, draft)
        assert await results.open(name) is None


async def test_no_draft_is_begun_where_the_disk_is_low(
    store: AssetStore, tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is begun where less than a tenth is free, whatever the store; told when that begins and when it ends."""
    caplog.set_level(logging.INFO, "app.assets")
    now = [DiskSpace(1000, 100)]

    def read_disk(_folder: Path) -> DiskSpace:
        return now[0]

    bounded = BoundedStore(store, Sweeper(store, 10**9, clock, read_disk=read_disk), 10**9)
    results = Results(Spool(tmp_path / "spool"), bounded, 900, clock, read_disk)
    for free_bytes, is_begun in ((100, True), (99, False), (98, False), (100, True)):
        now[0] = DiskSpace(1000, free_bytes)
        draft = results.open_draft()
        assert (draft is not None) is is_begun
        if draft is not None:
            await draft.aclose()
    assert [record.message for record in caplog.records] == [
        "answers are not kept: less than a tenth of the disk is free",
        "answers are kept again",
    ]


async def test_nothing_is_kept_where_nothing_is_wanted(tmp_path: Path, clock: Clock) -> None:
    """Switched off it begins no drafts, keeps none, finds nothing, and makes no folder."""
    on = results_in(open_store(tmp_path / "results"), tmp_path / "spool", clock)
    off = Results(Spool(tmp_path / "spool"), None, 0, clock, roomy)
    name, _ = await keep(on, b"{}")
    draft = on.open_draft()
    assert draft is not None
    async with aclosing(draft):
        assert not await off.keep(off.new_name("json"), draft)

    assert (on.enabled, off.enabled) == (True, False)
    assert off.open_draft() is None
    assert await off.open(name) is None
    await off.forget(name)
    assert await on.open(name) is not None
