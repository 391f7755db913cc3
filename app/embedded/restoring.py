"""A snapshot made into the files of an embedded server: loaded once, and written as the append-only file."""

import asyncio
import shutil
import time
from pathlib import Path

from app.embedded import resp
from app.embedded.errors import EmbeddedError
from app.embedded.find import ServerBinary, find_server
from app.embedded.folder import create_private, server_folder
from app.embedded.launch import POLL_SECONDS, launch, shut_down
from app.embedded.live import server_info
from app.embedded.runtime import SOCKET_NAME, create_runtime_folder, remove_runtime_folder

_SNAPSHOT = "snapshot.rdb"
_REWRITE_SECONDS = 3600.0
"""A server writes some hundred megabytes a second; whoever waits for longer than this waits for nothing."""


async def load_snapshot(data_folder: Path, snapshot: Path, binary: ServerBinary | None = None) -> None:
    """Fill ``<data folder>/redis``, which must not exist yet, from an RDB file.

    An append-only server does not look at snapshots, so one without that file loads it, is told to write the file, and
    is stopped. It checks the snapshot's own checksum.

    Raises:
        EmbeddedError: the server cannot load it (it may come from a newer one); its own last words are in the message.

    """
    folder = server_folder(data_folder)
    create_private(data_folder)
    create_private(folder.path)
    copy = folder.path / _SNAPSHOT
    await asyncio.to_thread(shutil.copyfile, snapshot, copy)
    socket = create_runtime_folder() / SOCKET_NAME
    try:
        server = await launch(folder, binary or find_server(), socket, snapshot=_SNAPSHOT)
        try:
            await _write_append_only_file(socket)
        finally:
            await shut_down(folder, server)
    except resp.NoAnswerError as error:
        raise EmbeddedError(f"The server went away while it wrote its files: {error}.") from None
    finally:
        folder.record.unlink(missing_ok=True)
        remove_runtime_folder(socket)
    copy.unlink()


async def _write_append_only_file(socket: Path) -> None:
    await resp.ask(socket, "CONFIG", "SET", "appendonly", "yes")
    deadline = time.monotonic() + _REWRITE_SECONDS
    while True:
        state = server_info(await resp.ask(socket, "INFO", "persistence"))
        is_at_it = "1" in (state.get("aof_rewrite_in_progress"), state.get("aof_rewrite_scheduled"))
        if not is_at_it:
            break
        if time.monotonic() > deadline:
            raise EmbeddedError("The server does not come to an end of writing its files.")
        await asyncio.sleep(POLL_SECONDS)
    if state.get("aof_enabled") != "1" or state.get("aof_last_bgrewrite_status") != "ok":
        raise EmbeddedError("The server could not write its files: is the disk full?")
