"""One server's life in three verbs: adopt a live one, launch a new one, shut it down."""

import asyncio
import logging
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from app.embedded import process, resp
from app.embedded.errors import EmbeddedError
from app.embedded.find import ServerBinary, Version, check_version, version_text
from app.embedded.folder import ServerFolder, configuration, log_size, log_tail, write_private
from app.embedded.live import Condition, condition, find_live
from app.embedded.note import LastServer, read_note, write_note
from app.embedded.runtime import Runtime, ensure_runtime_folder, read_record, write_record

START_SECONDS = 30.0
"""Longest silence of a starting server. Loading its files may take longer: each sign of it begins the wait anew."""

STOP_SECONDS = 10.0
"""Longest orderly shutdown (one write and fsync of the append-only file) before the process is killed."""

POLL_SECONDS = 0.02

log = logging.getLogger(__name__)


class Server(Struct, frozen=True):
    """A server that works on our files; ``child`` is None when another process started it."""

    socket: Path
    pid: int
    title: str
    child: subprocess.Popen[bytes] | None = None

    def has_ended(self, folder: ServerFolder) -> bool:
        """Whether its process is gone; collects the exit status of a child."""
        return self.child.poll() is not None if self.child else not process.is_claimed(folder)

    @property
    def exit_code(self) -> int | None:
        """How a child ended (negative: by that signal), once has_ended() has seen it."""
        return self.child.returncode if self.child else None


async def adopt(folder: ServerFolder) -> Server | None:
    """The server that already lives on the folder's files; None when there is none, an error when it is unreachable."""
    deadline = time.monotonic() + START_SECONDS
    while process.is_claimed(folder):
        if live := await find_live(folder):
            match await condition(live.socket):
                case Condition.SERVING:
                    write_record(folder.record, Runtime(live.socket, live.pid, live.version))
                    log.info(
                        "adopted the embedded server which its last owner left behind, pid %s",
                        live.pid,
                        extra={"event": "redis_adopted"},
                    )
                    return Server(live.socket, live.pid, f"the adopted server (version {live.version})")
                case Condition.LOADING:
                    deadline = time.monotonic() + START_SECONDS
                case Condition.SILENT:
                    pass
        if time.monotonic() >= deadline:
            record = read_record(folder.record)
            who = f"pid {record.pid}" if record and record.pid else "pid unknown"
            raise EmbeddedError(
                f"A server ({who}) still works on {folder.path} but does not answer; end that process first."
            )
        await asyncio.sleep(POLL_SECONDS)
    return None


async def launch(folder: ServerFolder, binary: ServerBinary, socket: Path, snapshot: str | None = None) -> Server:
    """Start a server and wait until it serves; if that fails, or is cancelled, no process is left behind.

    With ``snapshot``, a file in the folder, it begins with what is in that and writes nothing.
    """
    version = check_version(binary)
    _refuse_downgrade(folder, binary, version)
    ensure_runtime_folder(socket)
    write_private(folder.config, configuration(folder, socket, snapshot))
    write_record(folder.record, Runtime(socket))  # before the process: whoever finds it alive must find its socket
    log_from_bytes = log_size(folder)
    child = process.spawn(binary, folder)
    identity = LastServer(binary, version_text(version))
    server = Server(socket, child.pid, identity.title, child)
    try:
        await _until_serving(folder, server, log_from_bytes)
        write_record(folder.record, Runtime(socket, child.pid, identity.version))
        write_note(folder.last_server, identity)
    except BaseException:
        await shut_down(folder, server)
        raise
    log.info("started the embedded server %s, pid %s", identity.title, child.pid, extra={"event": "redis_started"})
    return server


async def shut_down(folder: ServerFolder, server: Server) -> None:
    """End the process, by order while it listens to orders, else by force; a server already gone is fine."""
    if server.has_ended(folder):
        return
    # NOSAVE is about snapshots, which we have none of; the append-only file is written and synced all the same. This is
    # the one form of the command that is obeyed while a script runs.
    with suppress(resp.NoAnswerError, resp.ErrorReplyError):
        await resp.ask(server.socket, "SHUTDOWN", "NOSAVE")
    if not server.has_ended(folder):
        process.send_signal(server.pid, signal.SIGTERM)  # it may not listen yet; on its way out it does not mind
    if await ends_within(folder, server, STOP_SECONDS):
        return
    log.error("the embedded server (pid %s) does not stop; killing it", server.pid)
    process.send_signal(server.pid, signal.SIGKILL)
    if not await ends_within(folder, server, STOP_SECONDS):
        raise EmbeddedError(f"The embedded server (pid {server.pid}) cannot be killed: it hangs in the kernel.")


async def ends_within(folder: ServerFolder, server: Server, seconds: float) -> bool:
    """Wait for the process to be gone; False when it is not by then."""
    deadline = time.monotonic() + seconds
    while not server.has_ended(folder):
        if time.monotonic() >= deadline:
            return False
        await asyncio.sleep(POLL_SECONDS)
    return True


async def _until_serving(folder: ServerFolder, server: Server, log_from_bytes: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while (now := await condition(server.socket)) is not Condition.SERVING:
        if server.has_ended(folder):
            raise _failed(folder, server, f"ended with exit code {server.exit_code}", log_from_bytes)
        if now is Condition.LOADING:
            deadline = time.monotonic() + START_SECONDS
        if time.monotonic() >= deadline:
            raise _failed(folder, server, f"gave no answer for {START_SECONDS:.0f} s", log_from_bytes)
        await asyncio.sleep(POLL_SECONDS)


def _failed(folder: ServerFolder, server: Server, how: str, log_from_bytes: int) -> EmbeddedError:
    """The server's own last words; a repair they may advise would destroy files that another version wrote."""
    last = read_note(folder.last_server)
    hint = ""
    if last is not None and last.title != server.title:
        hint = f"The data was last used with {last.title}: go back to that one before repairing anything.\n"
    tail = log_tail(folder, log_from_bytes)
    return EmbeddedError(f"The embedded server did not start: {server.title} {how}.\n{hint}Its log ends:\n{tail}")


def _refuse_downgrade(folder: ServerFolder, binary: ServerBinary, version: Version) -> None:
    """Other downgrades fail by themselves, in the log; this one would silently serve empty books."""
    if version < (7, 0, 0) and folder.multipart_log.exists():
        raise EmbeddedError(
            f"{folder.path} was written by Redis 7 or newer, and {binary.path} is version {version_text(version)}, "
            "which would not see its data: use the newer server again."
        )
