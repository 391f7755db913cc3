"""A store with a limit holds it at every moment, however many put something there at once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.assets.bounded_store import BoundedStore
from app.assets.disk import DiskSpace
from app.assets.names import new_name
from app.assets.store import AssetStore, open_store
from app.assets.sweeper import Survey, Sweeper, allowed_bytes
from app.errors import ImageStoreUnavailable
from tests.assets.conftest import NOW, Clock

MOST_BYTES = 10_000


async def content(size_bytes: int) -> AsyncIterator[bytes]:
    """An asset in two pieces."""
    yield bytes(size_bytes // 2)
    await asyncio.sleep(0)
    yield bytes(size_bytes - size_bytes // 2)


def bounded(store: AssetStore, clock: Clock) -> BoundedStore:
    """A store of ten thousand bytes at the most."""
    return BoundedStore(store, Sweeper(store, MOST_BYTES, clock), MOST_BYTES)


async def sizes(store: AssetStore) -> dict[str, int]:
    """What is there."""
    return {asset.name: asset.size_bytes async for page in store.pages() for asset in page}


def name(number: int) -> str:
    """Higher numbers end later."""
    return new_name(int(NOW) + 900 + number, "json")


async def test_the_limit_holds_while_many_put(store: AssetStore, clock: Clock) -> None:
    """Sixty at once, six times what fits: all are put, and whoever looks meanwhile never sees more than the limit."""
    place = bounded(store, clock)
    names = [name(number) for number in range(60)]
    putting = asyncio.gather(*(place.put(each, 1000, content(1000)) for each in names))
    seen, before = [0], await sizes(store)
    while not putting.done():
        now = await sizes(store)
        # A listing takes a while. What is in two of them was there all the time in between.
        seen.append(sum(now[each] for each in now.keys() & before.keys()))
        before = now

    assert all(await putting)
    assert max(seen) <= MOST_BYTES
    left = await sizes(store)
    assert 0 < sum(left.values()) <= MOST_BYTES
    assert names[-1] in left


async def test_the_limit_is_used_to_the_full(store: AssetStore, clock: Clock) -> None:
    """One after the other, exactly as many stay as fit, and they are the newest."""
    place = bounded(store, clock)
    names = [name(number) for number in range(14)]
    for each in names:
        assert await place.put(each, 1000, content(1000))
    assert set(await sizes(store)) == set(names[-10:])


async def test_two_that_fit_one_by_one_wait_for_each_other(store: AssetStore, clock: Clock) -> None:
    """Together more than the limit: the second begins when the first is whole, and drives it out."""
    place = bounded(store, clock)
    first, second = name(1), name(2)
    assert all(await asyncio.gather(*(place.put(each, 6000, content(6000)) for each in (first, second))))
    assert await sizes(store) == {second: 6000}


async def test_room_is_given_back(store: AssetStore, clock: Clock) -> None:
    """What fails, is cancelled, or is too large for ever, leaves room for the next, also for one that waits for it."""
    place = bounded(store, clock)
    stalled = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield bytes(100)
        stalled.set()
        await asyncio.Event().wait()

    async def failing() -> AsyncIterator[bytes]:
        yield bytes(100)
        raise ImageStoreUnavailable("gone")

    assert not await place.put(name(0), MOST_BYTES + 1, content(MOST_BYTES + 1))
    with pytest.raises(ImageStoreUnavailable):
        await place.put(name(1), MOST_BYTES, failing())
    cancelled = asyncio.create_task(place.put(name(2), MOST_BYTES, endless()))
    await stalled.wait()
    last = name(3)
    waiting = asyncio.create_task(place.put(last, MOST_BYTES, content(MOST_BYTES)))
    given_up = asyncio.create_task(place.put(name(4), MOST_BYTES, content(MOST_BYTES)))
    await asyncio.sleep(0)
    given_up.cancel()
    cancelled.cancel()
    await asyncio.gather(cancelled, given_up, return_exceptions=True)

    assert await waiting
    assert await sizes(store) == {last: MOST_BYTES}


async def test_replicas_share_a_store(address: str, clock: Clock) -> None:
    """Each counts what it puts itself, and what the others put when it looks; a look brings all below the limit."""
    store = open_store(address)
    places = [bounded(open_store(address), clock) for _ in range(3)]
    for number in range(30):
        assert await places[number % 3].put(name(number), 1000, content(1000))
    assert sum((await sizes(store)).values()) <= 3 * MOST_BYTES
    await asyncio.gather(*(Sweeper(open_store(address), MOST_BYTES, clock).sweep() for _ in range(3)))
    assert sum((await sizes(store)).values()) == MOST_BYTES


class Disk:
    """A small disk: what the folder holds and what others wrote is taken, the rest is free."""

    def __init__(self, total_bytes: int) -> None:
        self.total_bytes = total_bytes
        self.others_bytes = 0

    def __call__(self, folder: Path) -> DiskSpace:
        """How it looks now."""
        taken = self.others_bytes
        for path in folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # a draft that is whole meanwhile
                taken += path.stat().st_size
        return DiskSpace(self.total_bytes, max(0, self.total_bytes - taken))


async def test_a_tenth_of_the_disk_stays_free(tmp_path: Path, clock: Clock) -> None:
    """Long before the limit the oldest go; as others fill the disk all go in the end, and nothing is put."""
    disk = Disk(10_000)
    store = open_store(tmp_path / "results")
    sweeper = Sweeper(store, 10**9, clock, read_disk=disk)
    place = BoundedStore(store, sweeper, 10**9)
    names = [name(number) for number in range(12)]
    for each in names:
        assert await place.put(each, 1000, content(1000))
        assert disk(tmp_path / "results").free_bytes >= 1000
    assert set(await sizes(store)) == set(names[-9:])

    for _ in range(8):
        disk.others_bytes += 1000
        assert await sweeper.sweep() == 1
    assert set(await sizes(store)) == {names[-1]}
    disk.others_bytes += 1000
    assert not await place.put(name(20), 1000, content(1000))
    assert await sizes(store) == {}
    disk.others_bytes = 0
    assert await place.put(name(21), 9000, content(9000))


async def test_many_at_once_leave_a_tenth_free(tmp_path: Path, clock: Clock) -> None:
    """What is being written counts as written."""
    disk = Disk(10_000)
    store = open_store(tmp_path / "results")
    place = BoundedStore(store, Sweeper(store, 10**9, clock, read_disk=disk), 10**9)
    await asyncio.gather(*(place.put(name(number), 1000, content(1000)) for number in range(40)))

    assert disk(tmp_path / "results").free_bytes >= 1000
    assert await sizes(store)


async def test_a_cloud_has_no_disk(s3_address: str, clock: Clock) -> None:
    """Only a folder's disk counts."""
    store = open_store(s3_address)
    place = BoundedStore(store, Sweeper(store, 10**9, clock, read_disk=Disk(0)), 10**9)
    assert await place.put(name(0), 1000, content(1000))


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9), st.integers(1, 10**9))
def test_what_is_allowed_leaves_a_tenth(kept: int, most: int, free: int, total: int) -> None:
    """Holding what is allowed, a store is within its limit, and a tenth of the disk is free if it can be."""
    disk = DiskSpace(total, min(free, total))
    allowed = allowed_bytes(Survey((), kept), most, disk)

    assert allowed <= most
    assert disk.free_bytes + kept - allowed >= total // 10
    assert allowed_bytes(Survey((), kept), most, None) == most
