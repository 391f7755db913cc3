"""Archived entries as files: what a file is called, what is in it, and the store that keeps it. Pure but for the store.

A file holds entries of one team and one UTC day, oldest first, a JSON object per line, compressed with gzip. An object
says what the stream said, field by field: money in nano-dollars, times in Unix milliseconds. A file is named after the
first and the last of its entries, and the same entries make the same file: whoever writes it again changes nothing.
"""

import gzip
import re
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final, Protocol, Self

import orjson
from msgspec import DecodeError, Struct
from msgspec.json import Decoder

from app.ledger.models import NUMBERS, Entry, id_parts

StreamEntry = tuple[bytes, dict[bytes, bytes]]
"""An entry as Redis gives it: its id and its fields."""

_NAME: Final = re.compile(r"([0-9A-Za-z]+)/[0-9]{4}/[0-9]{2}/([0-9]+-[0-9]+)_([0-9]+-[0-9]+)\.jsonl\.gz")
_ENTRIES: Final = Decoder(Entry)
"""Reads a line, and holds it to the types of an entry; fields that only others know are passed over."""


class ArchivedFileError(Exception):
    """A file of the archive is not what its name says."""


class ArchiveStore(Protocol):
    """Where files lie. Every method raises ImageStoreUnavailable where it cannot do its work."""

    async def put(self, name: str, content: bytes) -> None:
        """Keep a file, in the place of one of that name; it outlives whatever befalls this process once it returns."""

    async def get(self, name: str) -> bytes | None:
        """A file's content; None where there is none."""

    async def names(self, folder: str) -> list[str]:
        """Every file under a folder, in any order."""


class ArchiveFile(Struct, frozen=True):
    """One file of a team, by the ids of its first and its last entry."""

    team_id: str
    first: str
    last: str

    @property
    def name(self) -> str:
        """What it is called in the store: ``<team id>/<year>/<month>/<first>_<last>.jsonl.gz``."""
        day = datetime.fromtimestamp(id_parts(self.first)[0] / 1000, UTC)
        return f"{self.team_id}/{day:%Y}/{day:%m}/{self.first}_{self.last}.jsonl.gz"

    @classmethod
    def of(cls, name: str) -> Self | None:
        """The file of that name; None where it is none of ours."""
        found = _NAME.fullmatch(name)
        return cls(found[1], found[2], found[3]) if found else None


def in_order(names: Sequence[str]) -> list[ArchiveFile]:
    """Those that are files of ours, in the order in which their entries begin."""
    files = [file for name in names if (file := ArchiveFile.of(name)) is not None]
    return sorted(files, key=lambda file: (id_parts(file.first), id_parts(file.last)))


def lines_of(entries: Sequence[StreamEntry]) -> bytes:
    """Entries of a stream as the lines of a file; fields nobody knows here are kept as they are.

    Raises:
        ArchivedFileError: one of them is no entry, such as one without a note.

    """
    return b"".join([orjson.dumps(_document(*entry), option=orjson.OPT_APPEND_NEWLINE) for entry in entries])


def pack(lines: bytes) -> bytes:
    """The content of a file of these lines."""
    return gzip.compress(lines, mtime=0)


def unpack(content: bytes) -> bytes:
    """The lines of a file.

    Raises:
        ArchivedFileError: it is cut short or damaged.

    """
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise ArchivedFileError(f"it cannot be decompressed: {error}") from None


def read_entries(file: ArchiveFile, content: bytes) -> list[Entry]:
    """The entries of a file.

    Raises:
        ArchivedFileError: it is damaged, or its entries are not those that its name tells.

    """
    try:
        entries = [_ENTRIES.decode(line) for line in unpack(content).split(b"\n")[:-1]]
        order = [id_parts(entry.id) for entry in entries]
    except (DecodeError, ValueError) as error:
        raise ArchivedFileError(f"a line of it is no entry: {error}") from None
    if not entries or (entries[0].id, entries[-1].id) != (file.first, file.last):
        raise ArchivedFileError("its first or its last entry is another than its name says")
    if any(earlier >= later for earlier, later in pairwise(order)):
        raise ArchivedFileError("its entries are not in order")
    return entries


def _document(entry_id: bytes, fields: dict[bytes, bytes]) -> dict[str, Any]:
    try:
        texts = {name.decode(): value.decode() for name, value in fields.items()}
        values: dict[str, Any] = {name: int(text) if name in NUMBERS else text for name, text in texts.items()}
        return {"id": entry_id.decode(), **values, "note": orjson.loads(texts["note"] or "{}")}
    except (ValueError, LookupError) as error:
        raise ArchivedFileError(f"{entry_id.decode()} is no entry: {error}") from None
