"""The note in the data folder of which server last worked on it: a later start may find several."""

import json
from pathlib import Path

from msgspec import Struct

from app.embedded.find import ServerBinary
from app.embedded.folder import write_private


class LastServer(Struct, frozen=True):
    """A server that has served from these files, and the version it had then."""

    binary: ServerBinary
    version: str

    @property
    def title(self) -> str:
        """How messages call it."""
        return f"{self.binary.path} (version {self.version}, from {self.binary.origin})"


def write_note(path: Path, last: LastServer) -> None:
    """Note the server that serves now."""
    fields = {"path": str(last.binary.path), "origin": last.binary.origin, "version": last.version}
    write_private(path, json.dumps(fields) + "\n")


def read_note(path: Path) -> LastServer | None:
    """The noted server, or None when nothing legible is noted."""
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        return LastServer(ServerBinary(Path(fields["path"]), str(fields["origin"])), str(fields["version"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
