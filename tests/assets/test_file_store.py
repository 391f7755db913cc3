"""Files under names of their owner's choosing, in a folder and on a real S3 server."""

import shutil
from pathlib import Path

import pytest

from app.assets.file_store import FileStore
from app.assets.store import PIECE_BYTES, open_store
from app.errors import ImageStoreUnavailable

NAME = "Team/2026/08/1-0_2-0.jsonl.gz"


@pytest.fixture
def files(address: str) -> FileStore:
    """An empty place of each kind."""
    return FileStore(open_store(address, "archived entries"))


async def test_a_file_is_as_it_was_put(files: FileStore) -> None:
    """Byte for byte, also one larger than what is read at once, and the last where one name was put twice."""
    assert await files.get(NAME) is None
    for content in (b"first", b"", bytes(range(256)) * (PIECE_BYTES // 200)):
        await files.put(NAME, content)
        assert await files.get(NAME) == content


async def test_names_are_those_under_a_folder(files: FileStore) -> None:
    """Of one folder, however deep, and not of one whose name begins alike."""
    names = ["A/2026/08/x.gz", "A/2027/01/y.gz", "AB/2026/08/z.gz"]
    for name in names:
        await files.put(name, b"x")
    assert sorted(await files.names("A")) == names[:2]
    assert await files.names("C") == []


async def test_a_place_that_is_gone_is_told(tmp_path: Path) -> None:
    """As a failure of the store, by every method that needs it."""
    files = FileStore(open_store(tmp_path / "archive", "archived entries"))
    shutil.rmtree(tmp_path / "archive")
    (tmp_path / "archive").write_text("no folder")
    with pytest.raises(ImageStoreUnavailable, match="archived entries"):
        await files.put(NAME, b"x")


async def test_a_full_or_locked_disk_is_told(tmp_path: Path) -> None:
    """A name that is taken by a folder cannot be put: nothing is pretended."""
    files = FileStore(open_store(tmp_path / "archive", "archived entries"))
    (tmp_path / "archive" / NAME).mkdir(parents=True)
    with pytest.raises(ImageStoreUnavailable):
        await files.put(NAME, b"x")
