"""One owner per data folder."""

import asyncio
import os
import stat
from pathlib import Path

import pytest

from app.embedded.errors import DataFolderBusyError, EmbeddedError
from app.embedded.folder import create_private
from app.embedded.lock import SERVE, DataFolderLock, read_holder


async def test_the_second_serve_is_told_who_holds_the_folder(data_folder: Path) -> None:
    """Behind a serve nobody waits: the refusal comes at once and names the folder, the command and its pid."""
    async with DataFolderLock(data_folder, SERVE):
        with pytest.raises(DataFolderBusyError) as caught:
            async with asyncio.timeout(5):
                await DataFolderLock(data_folder, SERVE).acquire(wait_seconds=600)

    for part in (str(data_folder), f"pid {os.getpid()}", "imagegate serve"):
        assert part in str(caught.value)


async def test_a_serve_waits_for_a_short_command(data_folder: Path) -> None:
    """A command that holds the folder for a moment only delays the serve behind it."""
    command, serve = DataFolderLock(data_folder, "teams create"), DataFolderLock(data_folder, SERVE)
    await command.acquire(wait_seconds=0)
    waiting = asyncio.create_task(serve.acquire(wait_seconds=60))
    await asyncio.sleep(0)
    assert not waiting.done()

    command.release()
    await waiting

    holder = read_holder(data_folder)
    serve.release()
    assert holder is not None
    assert holder.purpose == SERVE


async def test_waiting_ends(data_folder: Path) -> None:
    """A command that keeps the folder too long is named to the one who waited."""
    async with DataFolderLock(data_folder, "ledger export"):
        with pytest.raises(DataFolderBusyError, match="imagegate ledger export"):
            await DataFolderLock(data_folder, SERVE).acquire(wait_seconds=0.05)


async def test_an_old_note_misleads_nobody(tmp_path: Path) -> None:
    """The note of a dead serve stays in the file, but the folder is free."""
    (tmp_path / "lock").write_text('{"pid": 1, "purpose": "serve"}')

    async with DataFolderLock(tmp_path, "keys list"):
        holder = read_holder(tmp_path)

    assert holder is not None
    assert (holder.pid, holder.purpose) == (os.getpid(), "keys list")
    assert read_holder(tmp_path) is None


async def test_folder_and_lock_file_are_private(data_folder: Path) -> None:
    """A data folder we create is 0700 and its lock file 0600."""
    async with DataFolderLock(data_folder, SERVE):
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (data_folder, data_folder / "lock")]

    assert modes == [0o700, 0o600]


def test_so_is_each_folder_above_that_was_missing(tmp_path: Path) -> None:
    """The umask lets others in; what was there before stays as open as it was."""
    tmp_path.chmod(0o755)
    create_private(tmp_path / "above" / "data")

    found = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "above" / "data", tmp_path / "above", tmp_path)]
    assert found == [0o700, 0o700, 0o755]


async def test_a_folder_that_cannot_be_is_explained(tmp_path: Path) -> None:
    """A data folder below a file is an error for people."""
    (tmp_path / "file").touch()

    with pytest.raises(EmbeddedError, match="cannot be created"):
        await DataFolderLock(tmp_path / "file" / "data", SERVE).acquire(wait_seconds=0)


async def test_release_is_harmless_twice(data_folder: Path) -> None:
    """A lock may be given back twice and taken again."""
    lock = DataFolderLock(data_folder, SERVE)
    await lock.acquire(wait_seconds=0)
    lock.release()
    lock.release()
    await lock.acquire(wait_seconds=0)
    lock.release()
