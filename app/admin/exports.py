"""A team's ledger as a file: JSON lines or CSV, oldest first, written as it is read."""

import re
from collections.abc import AsyncIterator
from typing import Final, Literal

from app.admin.entries import Aliases, EntryBody
from app.admin.sheets import CSV, csv_text
from app.ledger.pages import LedgerPages, Wanted

ExportFormat = Literal["jsonl", "csv"]

MEDIA_TYPES: Final[dict[ExportFormat, str]] = {"jsonl": "application/x-ndjson", "csv": CSV}
_CHUNK_CHARS: Final = 65_536
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]")
_COLUMNS: Final = tuple(name for name in EntryBody.model_fields if name not in ("flags", "note"))
_OF_NOTE: Final = ("catalog", "upstream_id", "code", "credit", "reason")
"""What CSV has of the note; JSON lines have all of it."""


async def export(
    pages: LedgerPages,
    team_id: str,
    aliases: Aliases,
    wanted: Wanted,
    form: ExportFormat,
    *,
    after: str | None = None,
    limit: int | None = None,
) -> AsyncIterator[str]:
    """The file in chunks; one chunk and some hundred entries are in memory, however long the ledger is."""
    number, lines = 0, [] if form == "jsonl" else [csv_text([(*_COLUMNS, "flags", *_OF_NOTE)])]
    chars = 0
    async for entry in pages.oldest_first(team_id, wanted, after):
        body = EntryBody.of(entry, aliases)
        lines.append(f"{body.model_dump_json()}\n" if form == "jsonl" else _row(body))
        chars += len(lines[-1])
        number += 1
        if chars >= _CHUNK_CHARS:
            yield "".join(lines)
            lines, chars = [], 0
        if number == limit:
            break
    yield "".join(lines)


def file_name(team: str, form: ExportFormat) -> str:
    """What a browser saves it as."""
    return f"ledger-{_UNSAFE.sub('_', team)}.{form}"


def _row(body: EntryBody) -> str:
    cells = [_told(getattr(body, name)) for name in _COLUMNS]
    return csv_text([(*cells, " ".join(body.flags), *(body.note.get(name) for name in _OF_NOTE))])


def _told(value: object) -> object:
    """A time in ISO 8601, anything else as it is."""
    return value.isoformat() if hasattr(value, "isoformat") else value
