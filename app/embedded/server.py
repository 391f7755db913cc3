"""The private redis-server of one data folder: up while we own it, back when it dies, gone when we stop."""

import asyncio
import logging
from pathlib import Path
from types import TracebackType
from typing import Self

from app.embedded import process, resp
from app.embedded.errors import EmbeddedError
from app.embedded.find import ServerBinary, find_server
from app.embedded.folder import create_private, server_folder
from app.embedded.launch import POLL_SECONDS, STOP_SECONDS, Server, adopt, ends_within, launch, shut_down
from app.embedded.live import Condition, condition, find_live
from app.embedded.note import read_note
from app.embedded.runtime import SOCKET_NAME, create_runtime_folder, read_record, remove_runtime_folder

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
"""A server that cannot come back (full disk, no memory) is tried again this often until it can."""

log = logging.getLogger(__name__)


class EmbeddedRedis:
    """A real Redis on the files in ``data_folder``, ours alone; the caller holds that folder's DataFolderLock.

    A live server which a dead owner left behind is adopted. Without a ``binary`` the one of find_server() is used.
    """

    def __init__(self, data_folder: Path, binary: ServerBinary | None = None) -> None:
        self._data_folder = data_folder
        self._folder = server_folder(data_folder)
        self._binary = binary
        self._server: Server | None = None
        self._watcher: asyncio.Task[None] | None = None

    @property
    def socket_path(self) -> str:
        """The unix socket; it stays the same for as long as we own the server, through its restarts too."""
        if self._server is None:
            raise EmbeddedError("The embedded server is not running.")
        return str(self._server.socket)

    async def start(self) -> str:
        """Bring the server up, its data loaded, and keep it up; returns the path of its unix socket."""
        create_private(self._data_folder)
        create_private(self._folder.path)
        try:
            self._server = await adopt(self._folder) or await self._launch_first()
        except OSError as error:
            raise self._file_trouble(error) from error
        self._watcher = asyncio.create_task(self._watch(self._server), name="embedded redis watcher")
        return self.socket_path

    async def stop(self) -> None:
        """Stop the server with everything written to disk, and remove its socket; harmless when it does not run."""
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.wait([self._watcher])
            self._watcher = None
        if self._server is not None:
            await shut_down(self._folder, self._server)
            self._forget(self._server.socket)
            self._server = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _launch_first(self) -> Server:
        if stale := read_record(self._folder.record):
            remove_runtime_folder(stale.socket)
        socket = create_runtime_folder() / SOCKET_NAME
        try:
            return await launch(self._folder, self._choose_binary(), socket)
        except BaseException:
            self._forget(socket)
            raise

    async def _watch(self, server: Server) -> None:
        """Notice the server's death by its hang-up, at once, and bring it back."""
        while True:
            await resp.wait_for_hangup(server.socket)
            if await condition(server.socket) is not Condition.SILENT:
                await asyncio.sleep(FIRST_PAUSE_SECONDS)  # only our own connection was cut, or there are too many
                continue
            await ends_within(self._folder, server, STOP_SECONDS)
            log.error(
                "the embedded server died (pid %s, exit code %s)",
                server.pid,
                server.exit_code,
                extra={"event": "redis_died"},
            )
            self._server = server = await self._bring_back(server.socket)
            log.warning("the embedded server is back (pid %s)", server.pid, extra={"event": "redis_back"})

    async def _bring_back(self, socket: Path) -> Server:
        pause_seconds = FIRST_PAUSE_SECONDS
        while True:
            try:
                return await self._relaunch(socket)
            except EmbeddedError as error:
                log.error("the embedded server cannot be restarted, next try in %.1f s: %s", pause_seconds, error)  # noqa: TRY400 - the message is whole
                await asyncio.sleep(pause_seconds)
                pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)

    async def _relaunch(self, socket: Path) -> Server:
        try:
            return await adopt(self._folder) or await launch(self._folder, self._choose_binary(), socket)
        except OSError as error:
            raise self._file_trouble(error) from error

    def _choose_binary(self) -> ServerBinary:
        """The one we were given, else one found anew at each start: a package may have been upgraded under us."""
        if self._binary is not None:
            return self._binary
        last = read_note(self._folder.last_server)
        return find_server(last=last.binary if last else None)

    def _forget(self, socket: Path) -> None:
        if process.is_claimed(self._folder):
            return  # the process outlived its end; the next owner needs the way to it
        self._folder.record.unlink(missing_ok=True)
        remove_runtime_folder(socket)

    def _file_trouble(self, error: OSError) -> EmbeddedError:
        return EmbeddedError(f"The embedded server in {self._folder.path} cannot be started: {error}.")


async def connect_live(data_folder: Path) -> str | None:
    """The socket of the server that lives on ``data_folder`` now, its data loaded, or None when there is none.

    For a command beside a running serve: it takes no lock and changes nothing. The server may go away at any time.
    """
    live = await find_live(server_folder(data_folder))
    while live is not None:
        match await condition(live.socket):
            case Condition.SERVING:
                return str(live.socket)
            case Condition.SILENT:
                return None
            case Condition.LOADING:
                await asyncio.sleep(POLL_SECONDS)
    return None
