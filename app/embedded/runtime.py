"""The short private folder that holds the server's socket, and the record in the data folder that says where it is."""

import json
import os
import stat
import tempfile
from collections.abc import Collection
from pathlib import Path

from msgspec import Struct
from msgspec.structs import asdict

from app.embedded.errors import EmbeddedError
from app.embedded.folder import write_private

SOCKET_PATH_LIMIT_BYTES = 100
"""A unix socket's path must fit 104 bytes on macOS and 108 on Linux, its ending zero included."""

PREFIX = "imagegate-"
SOCKET_NAME = "redis.sock"


class Runtime(Struct, frozen=True):
    """Where a server listens; pid and version are None from just before its start until it answers."""

    socket: Path
    pid: int | None = None
    server_version: str | None = None


def write_record(path: Path, runtime: Runtime) -> None:
    """Record a server, for the next owner and for commands beside it."""
    write_private(path, json.dumps(asdict(runtime) | {"socket": str(runtime.socket)}) + "\n")


def read_record(path: Path) -> Runtime | None:
    """The recorded server, or None when there is no record that makes sense."""
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        pid, version = fields["pid"], fields["server_version"]
        return Runtime(Path(fields["socket"]), int(pid) if pid is not None else None, version)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def create_runtime_folder() -> Path:
    """A new 0700 folder whose socket path is short, where temporary files go.

    Not in ``XDG_RUNTIME_DIR``: that goes at the user's last logout, and would take the way to a server that stays.
    """
    parents = [Path(tempfile.gettempdir()), Path("/tmp")]  # noqa: S108 - mkdtemp makes a private folder in it
    for parent in parents:
        if len(os.fsencode(parent / f"{PREFIX}12345678" / SOCKET_NAME)) >= SOCKET_PATH_LIMIT_BYTES:
            continue
        try:
            return Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        except OSError:
            continue
    raise EmbeddedError(f"None of {', '.join(map(str, parents))} can hold the embedded server's socket.")


def ensure_runtime_folder(socket: Path) -> None:
    """Make the folder of a known socket again if a cleaner of temporary files took it; refuse one that is not ours."""
    socket.parent.mkdir(mode=0o700, exist_ok=True)
    if not is_private(socket.parent, {os.geteuid()}):
        raise EmbeddedError(f"{socket.parent} should hold the embedded server's socket, but others can enter it.")


def remove_runtime_folder(socket: Path) -> None:
    """Remove a socket and the folder made for it, touching nothing that is not ours by name and owner."""
    folder = socket.parent
    if folder.name.startswith(PREFIX) and is_private(folder, {os.geteuid()}):
        socket.unlink(missing_ok=True)
        try:
            folder.rmdir()
        except OSError:
            return  # someone put a file there; it is not ours to delete


def is_private(folder: Path, owners: Collection[int]) -> bool:
    """Whether a folder is a real one that belongs to one of ``owners`` (user ids) and nobody else can enter."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid in owners and not status.st_mode & 0o077
