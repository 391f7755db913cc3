"""What clients send leaves the disk room for answers, the journal and Redis; what is paid for goes on as before."""

from contextlib import aclosing
from pathlib import Path

import pytest

from app.assets.disk import UPLOADS_LEAVE_BYTES, DiskSpace
from app.assets.spool import MEMORY_BYTES, PIECE_BYTES, Spool, SpooledFile
from app.errors import InternalError, Overloaded
from tests.support.open_files import unlinked_files

GIB = 1024**3
LOW = DiskSpace(total_bytes=1000, free_bytes=199)
ENOUGH = DiskSpace(total_bytes=1000, free_bytes=200)


def spool_on(folder: Path, *looks: DiskSpace) -> Spool:
    """A spool whose disk looks like this, one look after the other; then like the last."""
    left = list(looks)

    def look(_folder: Path) -> DiskSpace:
        return left.pop(0) if len(left) > 1 else left[0]

    return Spool(folder, read_disk=look)


async def fill(file: SpooledFile, step: int) -> None:
    """Write ten pieces and more in steps of so many bytes."""
    for _ in range(0, 10 * PIECE_BYTES, step):
        await file.write(bytes(step))


async def test_an_upload_is_refused_where_less_than_a_fifth_is_free(tmp_path: Path) -> None:
    """As by a full disk: a 503 with a time to try again, the reason in the log alone; not a byte went to the disk."""
    before = unlinked_files()
    async with aclosing(spool_on(tmp_path, LOW).open_upload()) as file:
        with pytest.raises(Overloaded) as refused:
            await file.write(bytes(MEMORY_BYTES + 1))

        assert unlinked_files() == before
        assert refused.value.retry_after_seconds is not None
        assert "uploads" in refused.value.detail
        assert "spool" not in refused.value.message


@pytest.mark.parametrize("step", [1000, PIECE_BYTES, 3 * PIECE_BYTES])
async def test_a_growing_upload_looks_again_and_again(tmp_path: Path, step: int) -> None:
    """One that began while there was room ends at the first piece after it, and gives back what it took."""
    before = unlinked_files()
    async with aclosing(spool_on(tmp_path, ENOUGH, ENOUGH, LOW).open_upload()) as file:
        with pytest.raises(Overloaded):
            await fill(file, step)

        assert file.size_bytes <= MEMORY_BYTES + 2 * PIECE_BYTES + 3 * step
        assert unlinked_files() == before + 1
    assert unlinked_files() == before


async def test_the_rest_of_an_upload_looks_too(tmp_path: Path) -> None:
    """Its last bytes go to the disk when it ends, so they ask as well."""
    async with aclosing(spool_on(tmp_path, ENOUGH, LOW).open_upload()) as file:
        await file.write(bytes(MEMORY_BYTES + 1))
        await file.write(b"x")
        with pytest.raises(Overloaded):
            await file.finish()


async def test_small_uploads_need_no_disk(tmp_path: Path) -> None:
    """What stays in memory is taken however full the disk is."""
    async with aclosing(spool_on(tmp_path, LOW).open_upload()) as file:
        await file.write(bytes(MEMORY_BYTES))
        await file.finish()

        assert file.size_bytes == MEMORY_BYTES


@pytest.mark.parametrize("memory_if_full", [True, False])
async def test_others_take_what_uploads_leave(tmp_path: Path, memory_if_full: bool) -> None:
    """Pictures from the upstream and copies of answers go to the same disk while uploads are refused."""
    before = unlinked_files()
    async with aclosing(spool_on(tmp_path, LOW).open_file(memory_if_full=memory_if_full)) as file:
        await file.write(bytes(4 * PIECE_BYTES))

        assert unlinked_files() == before + 1
        assert b"".join([piece async for piece in file.read()]) == bytes(4 * PIECE_BYTES)


async def test_an_upload_to_a_disk_nobody_can_look_at(tmp_path: Path) -> None:
    """Somebody removed the folder: a fault of the gateway's, with a name."""
    folder = tmp_path / "spool"
    spool = Spool(folder)
    folder.rmdir()
    async with aclosing(spool.open_upload()) as file:
        with pytest.raises(InternalError):
            await file.write(bytes(MEMORY_BYTES + 1))


@pytest.mark.parametrize(
    ("total", "free", "spare"),
    [
        (1000, 1000, 800),
        (1000, 200, 0),
        (1000, 199, -1),
        (1000, 0, -200),
        (0, 0, 0),
        (40 * GIB, 8 * GIB, 0),
        (2000 * GIB, 205 * GIB, GIB),
        (2000 * GIB, 203 * GIB, -GIB),
    ],
)
def test_uploads_leave_a_fifth_or_a_tenth_and_some(total: int, free: int, spare: int) -> None:
    """A fifth of a small disk, four GiB above the tenth of a large one, to the byte: always more than others leave."""
    disk = DiskSpace(total, free)

    assert disk.spare_for_uploads_bytes == spare
    assert disk.spare_bytes - disk.spare_for_uploads_bytes == min(total // 10, UPLOADS_LEAVE_BYTES)
