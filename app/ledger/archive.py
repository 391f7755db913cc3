"""Archiving ledger entries: the oldest go into files, what they sum to is brought forward, and Redis forgets them.

A file is in the store, and was read back, before an entry leaves Redis. What crashes in between leaves a file that the
next attempt writes again under the same name, because it begins with the same entry and holds the same ones: those of
one UTC day that is over, at most `ENTRIES_PER_FILE`.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Final

from msgspec import Struct

from app.datastore.datastore import Command, Datastore
from app.errors import ImageStoreUnavailable, InternalError
from app.keyspace import TeamKeys
from app.ledger.archive_files import (
    ArchivedFileError,
    ArchiveFile,
    ArchiveStore,
    StreamEntry,
    lines_of,
    pack,
    unpack,
)
from app.ledger.brought_forward import read_brought_forward
from app.ledger.models import id_parts
from app.ledger.periods import DAY_MS
from app.ledger.scripts import BRING_FORWARD

LEAST_DAYS: Final = 8
"""Younger entries stay: tombstones live for 7 days, a journalled answer corrects an expiry within 6, and whoever
repeats a credit within 7 is told by the entry of the first."""
ENTRIES_PER_FILE: Final = 500
"""Summed up and trimmed by one call of ``bring_forward.lua``, in some milliseconds. Part of the files' names: with
another number, what a crash has left is written again under another (`app.ledger.archived` reads each entry once)."""
_OVER_AT_ONCE: Final = 200
"""Periods that are over, taken off the books by one call."""
_TEAMS_AT_ONCE: Final = 500
_MOST_MOVED: Final = 3
"""In a row; then somebody else is at work and needs no help."""


class Carried(Struct, frozen=True):
    """One file that was written, and whose entries Redis does not have any more."""

    file: ArchiveFile
    entries: int


class LedgerArchive:
    """Archives the entries of one team at a time, file by file.

    ``least_age_ms`` is how old an entry must be by Redis' own clock, whatever is asked for.
    """

    def __init__(
        self,
        datastore: Datastore,
        store: ArchiveStore,
        *,
        entries_per_file: int = ENTRIES_PER_FILE,
        least_age_ms: int = LEAST_DAYS * DAY_MS,
    ) -> None:
        self._datastore = datastore
        self._store = store
        self._entries_per_file = entries_per_file
        self._least_age_ms = least_age_ms

    async def now_ms(self) -> int:
        """The time by Redis' clock, by which entries are named."""
        seconds, micros = await self._datastore.command("TIME")
        return int(seconds) * 1000 + int(micros) // 1000

    async def due(self, team_ids: Sequence[str], before_ms: int) -> list[str]:
        """The teams with entries of UTC days that end by then."""
        found: list[str] = []
        for start in range(0, len(team_ids), _TEAMS_AT_ONCE):
            part = team_ids[start : start + _TEAMS_AT_ONCE]
            wanted: list[Command] = [("XRANGE", TeamKeys(team).ledger, "-", "+", "COUNT", 1) for team in part]
            oldest = await self._datastore.commands(wanted)
            found += [team for team, first in zip(part, oldest, strict=True) if first and _day_end(first) <= before_ms]
        return found

    async def count(self, team_id: str, before_ms: int) -> int:
        """How many entries `carry` would archive."""
        number, oldest, last = 0, "-", before_ms // DAY_MS * DAY_MS - 1
        while True:
            found = await self._read(team_id, oldest, last)
            number += len(found)
            if len(found) < self._entries_per_file:
                return number
            oldest = f"({found[-1][0].decode()}"

    async def carry(self, team_id: str, before_ms: int) -> AsyncGenerator[Carried, None]:
        """Archive the entries of a team's UTC days that end by then, the oldest first; yields each file, done.

        Raises:
            ImageStoreUnavailable: the store failed; what it did not take is still in Redis.
            StoreUnavailable: Redis does not answer; whether the last file is done, the next attempt sees.
            InternalError: an entry is not what an entry is; nothing from there on is archived.

        """
        moved = 0
        while moved < _MOST_MOVED:
            forward = await read_brought_forward(self._datastore, team_id)
            until, over = forward.until, forward.over_fields[:_OVER_AT_ONCE]
            while entries := await self._oldest(team_id, before_ms):
                file = ArchiveFile(team_id, entries[0][0].decode(), entries[-1][0].decode())
                await self._keep(file, entries)
                if not await self._bring_forward(file, len(entries), until, over):
                    moved += 1
                    break
                yield Carried(file, len(entries))
                until, over, moved = file.last, [], 0
            else:
                return

    async def _oldest(self, team_id: str, before_ms: int) -> Sequence[StreamEntry]:
        """What the next file holds: the oldest entries, if their day ends in time, and none of another day."""
        oldest = await self._datastore.command("XRANGE", TeamKeys(team_id).ledger, "-", "+", "COUNT", 1)
        if not oldest or (end := _day_end(oldest)) > before_ms:
            return []
        return await self._read(team_id, "-", end - 1)

    async def _read(self, team_id: str, oldest: str, last_ms: int) -> Sequence[StreamEntry]:
        ledger = TeamKeys(team_id).ledger
        found: list[StreamEntry] = await self._datastore.command(
            "XRANGE", ledger, oldest, max(0, last_ms), "COUNT", self._entries_per_file
        )
        return found

    async def _keep(self, file: ArchiveFile, entries: Sequence[StreamEntry]) -> None:
        """See to it that the store has the file. In threads: packing takes some ten milliseconds."""
        try:
            lines = await asyncio.to_thread(lines_of, entries)
        except ArchivedFileError as error:
            raise InternalError("An entry of the ledger cannot be archived.", detail=str(error)) from None
        if await self._holds(file, lines):
            return  # a crash came between this and what follows
        await self._store.put(file.name, await asyncio.to_thread(pack, lines))
        if not await self._holds(file, lines):
            raise ImageStoreUnavailable(
                "The store of archived entries does not give back what it was given.", detail=file.name
            )

    async def _holds(self, file: ArchiveFile, lines: bytes) -> bool:
        content = await self._store.get(file.name)
        if content is None:
            return False
        try:
            return await asyncio.to_thread(unpack, content) == lines
        except ArchivedFileError:
            return False

    async def _bring_forward(self, file: ArchiveFile, number: int, until: str, over: Sequence[str]) -> bool:
        """Run ``bring_forward.lua``; False where the oldest entries are not those of the file any more."""
        names = TeamKeys(file.team_id)
        reply: list[Any] = await self._datastore.run(
            BRING_FORWARD,
            [names.ledger, names.spend, names.forward],
            [until, file.first, file.last, number, self._least_age_ms, *over],
        )
        if reply[0] == b"young":
            raise InternalError("Entries as young as these are not archived.", detail=f"{file.name} at {reply[1]!r}")
        if reply[0] == b"broken":
            raise InternalError("An entry of the ledger has no cost.", detail=f"{reply[1]!r} of team {file.team_id}")
        return bool(reply[0] == b"forwarded")


def _day_end(entries: Sequence[StreamEntry]) -> int:
    """When the UTC day of the first of these ends (Unix ms)."""
    return (id_parts(entries[0][0].decode())[0] // DAY_MS + 1) * DAY_MS
