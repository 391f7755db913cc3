"""What lies in the data folder for the server: its files, their names and their permissions."""

import os
from pathlib import Path

from msgspec import Struct

from app.embedded.errors import EmbeddedError

ANOTHER = "IMAGEGATE_DATA_DIR or --data-dir names another."


class ServerFolder(Struct, frozen=True):
    """``<data folder>/redis`` and its files; ``path`` is absolute and free of symbolic links."""

    path: Path

    @property
    def config(self) -> Path:
        """The configuration, written anew at each start."""
        return self.path / "redis.conf"

    @property
    def log(self) -> Path:
        """The server's log, and whatever it prints before it has one."""
        return self.path / "redis.log"

    @property
    def claim(self) -> Path:
        """The file whose lock is held by the server process itself, for as long as it lives."""
        return self.path / "server.lock"

    @property
    def record(self) -> Path:
        """Where the live server can be reached: see runtime.py."""
        return self.path / "runtime.json"

    @property
    def last_server(self) -> Path:
        """Which server wrote the data: see note.py."""
        return self.path / "last-server.json"

    @property
    def multipart_log(self) -> Path:
        """The append-only files of Redis 7 and later; older servers do not see them."""
        return self.path / "appendonlydir"


def server_folder(data_folder: Path) -> ServerFolder:
    """The server's part of a data folder, which need not exist yet."""
    return ServerFolder((data_folder / "redis").resolve())


def create_private(folder: Path) -> None:
    """Create ``folder`` and its parents (0700); what exists is left as its owner made it (a volume, a mount)."""
    try:
        for part in reversed((folder, *folder.parents)):
            part.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise EmbeddedError(f"The data folder {folder} cannot be created: {error}. {ANOTHER}") from error


def write_private(path: Path, text: str) -> None:
    """Replace a file (0600) as a whole, so that a reader or a crash never meets half of it."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
    draft.replace(path)


def configuration(folder: ServerFolder, socket: Path, snapshot: str | None = None) -> str:
    """The server's configuration: reached by our user through ``socket`` only, every write kept.

    With ``snapshot``: no append-only file, because a server that has one does not read snapshots.
    """
    lines = {
        "port": "0",
        "unixsocket": _quoted(socket),
        "unixsocketperm": "700",
        "dir": _quoted(folder.path),
        "logfile": _quoted(folder.log),
        "loglevel": "warning",
        "daemonize": "no",
        "appendonly": "yes",
        "appendfsync": "everysec",  # a crash of the process loses nothing, of the machine at most about a second
        "save": '""',  # the append-only file is the whole truth; snapshots would be a second one
        "maxmemory-policy": "noeviction",  # books are never thrown away to make room
        "repl-diskless-sync": "yes",  # a backup comes straight from memory,
        "repl-diskless-sync-delay": "0",  # and waits for no second one
    }
    if snapshot is not None:
        lines |= {"appendonly": "no", "dbfilename": snapshot}
    return "".join(f"{name} {value}\n" for name, value in lines.items())


def log_size(folder: ServerFolder) -> int:
    """Bytes in the log now; what a later start adds begins here."""
    return folder.log.stat().st_size if folder.log.exists() else 0


def log_tail(folder: ServerFolder, since_bytes: int, lines: int = 12) -> str:
    """The last lines the server logged after ``since_bytes``, for the error that reports its death."""
    try:
        with folder.log.open("rb") as file:
            file.seek(since_bytes)
            text = file.read().decode(errors="replace")
    except OSError as error:
        return f"(the log cannot be read: {error})"
    return "\n".join(line.rstrip() for line in text.splitlines()[-lines:] if line.strip()) or "(the log is empty)"


def _quoted(path: Path) -> str:
    """A path in the configuration's double quotes."""
    text = str(path)
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        text = text.replace(plain, escaped)
    return f'"{text}"'
