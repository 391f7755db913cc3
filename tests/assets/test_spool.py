"""What is spooled comes back as it went in, however large it is, and leaves nothing behind."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.assets.spool import HEAD_BYTES, MEMORY_BYTES, PIECE_BYTES, Spool, SpooledFile
from app.errors import InternalError, Overloaded
from tests.assets.full_disk import files_of_at_most
from tests.support.open_files import unlinked_files
from tests.support.waiting import until


@pytest.fixture(scope="module")
def spool(tmp_path_factory: pytest.TempPathFactory) -> Spool:
    return Spool(tmp_path_factory.mktemp("spool"))


async def everything(file: SpooledFile) -> bytes:
    """The whole of it, with a look at its pieces."""
    pieces = [piece async for piece in file.read()]
    assert all(0 < len(piece) <= PIECE_BYTES for piece in pieces)
    return b"".join(pieces)


@given(sizes=st.lists(st.sampled_from([0, 1, 7, 1_000, MEMORY_BYTES, MEMORY_BYTES + 1, PIECE_BYTES + 3]), max_size=6))
async def test_bytes_come_back_as_they_went_in(spool: Spool, sizes: list[int]) -> None:
    """Any pieces, below and above what is kept in memory, finished or not, read once or twice."""
    chunks = [bytes([65 + at]) * size for at, size in enumerate(sizes)]
    whole = b"".join(chunks)
    async with aclosing(spool.open_file()) as file:
        for chunk in chunks:
            await file.write(chunk)

        assert file.size_bytes == len(whole)
        assert file.head == whole[:HEAD_BYTES]
        assert await everything(file) == whole
        await file.finish()
        assert await everything(file) == whole


async def test_several_readers_do_not_disturb_each_other(spool: Spool) -> None:
    """Each reader has a place of its own in a file on disk."""
    whole = os.urandom(3 * PIECE_BYTES + 5)
    async with aclosing(spool.open_file()) as file:
        await file.write(whole)
        found = await asyncio.gather(*(everything(file) for _ in range(5)))

        assert found == [whole] * 5


async def test_small_files_never_touch_the_disk(tmp_path: Path) -> None:
    """64 KiB are written and read where the folder is gone; one byte more is a fault of the gateway's, with a name."""
    folder = tmp_path / "spool"
    spool = Spool(folder)
    folder.rmdir()
    async with aclosing(spool.open_file()) as file:
        await file.write(bytes(MEMORY_BYTES))

        assert await everything(file) == bytes(MEMORY_BYTES)
        with pytest.raises(InternalError):
            await file.write(b"x")


async def test_files_have_no_names_and_the_folder_is_private(tmp_path: Path) -> None:
    """While a large file is there its folder looks empty, so nothing has to be cleaned up; others cannot look."""
    folder = tmp_path / "deep" / "spool"
    async with aclosing(Spool(folder).open_file()) as file:
        await file.write(bytes(PIECE_BYTES))
        await file.finish()

        assert list(folder.iterdir()) == []
        assert folder.stat().st_mode & 0o777 == 0o700


async def test_a_closed_file_says_so(spool: Spool) -> None:
    """Neither written nor read, not even by a reader half-way through; closing again is fine."""
    for size in (10, 3 * PIECE_BYTES):
        file = spool.open_file()
        await file.write(bytes(size))
        reader: AsyncIterator[bytes] = file.read()
        assert await anext(reader)
        await file.aclose()
        await file.aclose()

        if size > PIECE_BYTES:
            with pytest.raises(ValueError, match="closed"):
                await anext(reader)
        with pytest.raises(ValueError, match="closed"):
            await everything(file)
        with pytest.raises(ValueError, match="closed"):
            await file.write(b"x")


async def test_a_cancelled_write_leaves_no_descriptor(spool: Spool) -> None:
    """Closed while a thread still writes, the file is let go by that thread, and not before."""
    before = unlinked_files()
    for _ in range(20):
        file = spool.open_file()
        writing = asyncio.create_task(file.write(bytes(8 * PIECE_BYTES)))
        await asyncio.sleep(0)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await file.aclose()

    async def all_closed() -> bool:
        return unlinked_files() <= before

    assert await until(all_closed)


@pytest.mark.parametrize("on_disk", [0, PIECE_BYTES])
async def test_a_full_disk_loses_nothing(spool: Spool, on_disk: int) -> None:
    """What the disk takes no more goes on in memory, in large and in small pieces, and is read from both."""
    whole = os.urandom(on_disk + 3 * PIECE_BYTES + 11)
    async with aclosing(spool.open_file()) as file:
        with files_of_at_most(PIECE_BYTES):
            await file.write(whole[:on_disk])
            await file.write(whole[on_disk:-1000])
            for at in range(len(whole) - 1000, len(whole), 100):
                await file.write(whole[at : at + 100])
            await file.finish()
            assert await everything(file) == whole

        assert file.size_bytes == len(whole)
        assert await everything(file) == whole


async def test_memory_for_a_full_disk_is_bounded(tmp_path: Path) -> None:
    """All files together take so much and no more; what one gives back, another may take."""
    spool = Spool(tmp_path, memory_if_full_bytes=2 * PIECE_BYTES)
    with files_of_at_most(MEMORY_BYTES):
        async with aclosing(spool.open_file()) as first, aclosing(spool.open_file()) as second:
            await first.write(bytes(PIECE_BYTES))
            await second.write(bytes(PIECE_BYTES))
            with pytest.raises(Overloaded):
                await second.write(b"x")
            async with aclosing(spool.open_file()) as third:
                with pytest.raises(Overloaded):
                    await third.write(bytes(PIECE_BYTES))
        async with aclosing(spool.open_file()) as fourth:
            await fourth.write(bytes(2 * PIECE_BYTES))
            assert fourth.size_bytes == 2 * PIECE_BYTES


async def test_the_disk_is_used_again_when_it_has_room(tmp_path: Path) -> None:
    """A file begun after the disk was full goes to the disk, and takes no memory of those that have to."""
    spool = Spool(tmp_path, memory_if_full_bytes=PIECE_BYTES)
    async with aclosing(spool.open_file()) as before, aclosing(spool.open_file()) as after:
        with files_of_at_most(MEMORY_BYTES):
            await before.write(bytes(PIECE_BYTES))
        on_disk = unlinked_files()
        await after.write(bytes(4 * PIECE_BYTES))

        assert unlinked_files() == on_disk + 1
        assert await everything(after) == bytes(4 * PIECE_BYTES)


async def test_no_room_is_told_as_overload(spool: Spool) -> None:
    """A disk that takes no more is a 503 with a time to try again; what the disk said is for the log alone."""
    async with aclosing(spool.open_file(memory_if_full=False)) as file:
        with files_of_at_most(PIECE_BYTES), pytest.raises(Overloaded) as refused:
            await file.write(bytes(2 * PIECE_BYTES))

        assert refused.value.retry_after_seconds is not None
        assert "spool" in refused.value.detail
        assert "spool" not in refused.value.message
