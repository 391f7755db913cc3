"""A draft takes a copy of what passes, and whatever its disk does, the passing goes on."""

import logging
from pathlib import Path

import pytest

from app.assets.disk import DiskSpace, read_disk
from app.assets.draft import LOOK_BYTES, Draft
from app.assets.spool import MEMORY_BYTES, PIECE_BYTES, Spool
from tests.assets.full_disk import files_of_at_most
from tests.support.open_files import unlinked_files

ROOMY = DiskSpace(total_bytes=1000, free_bytes=1000)


def draft_on(folder: Path, disk: DiskSpace = ROOMY) -> Draft:
    """A draft on a disk that looks like this."""
    return Draft(Spool(folder).open_file(memory_if_full=False), lambda: disk)


@pytest.mark.parametrize("count", [0, 1, 100])
async def test_a_draft_gives_back_what_it_was_given(
    tmp_path: Path, count: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Small or large, it is whole until it is closed, and closing again is fine."""
    draft = draft_on(tmp_path)
    for number in range(count):
        await draft.write(bytes([number]) * 20_000)

    assert draft.is_whole
    assert draft.size_bytes == count * 20_000
    assert b"".join([piece async for piece in draft.read()]) == b"".join(
        bytes([number]) * 20_000 for number in range(count)
    )
    await draft.aclose()
    await draft.aclose()
    await draft.write(b"too late")
    assert (draft.is_whole, draft.size_bytes) == (False, 0)
    assert not caplog.records


async def test_a_full_disk_ends_the_draft_and_nothing_else(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It frees what it had, says so once, takes no memory, and further pieces may come and go."""
    before = unlinked_files()
    draft = draft_on(tmp_path)
    await draft.write(bytes(PIECE_BYTES))
    assert unlinked_files() == before + 1
    with files_of_at_most(PIECE_BYTES):
        for _ in range(5):
            await draft.write(bytes(PIECE_BYTES))

    assert (draft.is_whole, draft.size_bytes) == (False, 0)
    assert unlinked_files() == before
    (said,) = caplog.records
    assert said.levelno == logging.WARNING
    assert "full" in str(vars(said)["why"])
    await draft.aclose()


async def test_a_failing_disk_ends_it_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Somebody removed the folder: the same, in other words."""
    folder = tmp_path / "spool"
    draft = draft_on(folder)
    folder.rmdir()
    await draft.write(bytes(MEMORY_BYTES + 1))
    await draft.write(b"x")

    assert not draft.is_whole
    assert len(caplog.records) == 1


async def test_a_draft_leaves_a_tenth_of_the_disk_free(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """While it grows it looks at the disk again and again, and gives up where others need what is left."""
    draft = draft_on(tmp_path, DiskSpace(total_bytes=1000, free_bytes=99))
    await draft.write(bytes(LOOK_BYTES - 1))
    assert draft.is_whole
    await draft.write(b"x")

    assert not draft.is_whole
    assert "tenth" in str(vars(caplog.records[0])["why"])


@pytest.mark.parametrize(("total", "free", "spare"), [(1000, 1000, 900), (1000, 100, 0), (1000, 99, -1), (0, 0, 0)])
def test_a_tenth_is_not_ours_to_take(total: int, free: int, spare: int) -> None:
    """What may still be taken, to the byte."""
    assert DiskSpace(total, free).spare_bytes == spare


def test_a_real_disk_is_read(tmp_path: Path) -> None:
    """The figures of the operating system; a folder that is gone is an OSError."""
    found = read_disk(tmp_path)
    assert 0 <= found.free_bytes <= found.total_bytes
    with pytest.raises(OSError, match="gone"):
        read_disk(tmp_path / "gone")
