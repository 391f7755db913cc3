"""Reading the archive: a team's archived entries, each once, and whether they sum to the balance brought forward."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from typing import Final

from msgspec import Struct

from app.datastore.datastore import Datastore
from app.errors import InternalError
from app.keyspace import TEAM_SCOPE, key_scope, spend_field
from app.ledger.archive_files import ArchivedFileError, ArchiveFile, ArchiveStore, in_order, read_entries
from app.ledger.brought_forward import BroughtForward, is_over, read_brought_forward, scope_of
from app.ledger.models import Entry, id_parts
from app.ledger.usage import Difference

_FILES_AT_ONCE: Final = 8
"""Asked for together, and in memory: some megabytes."""
_FOR_EVER_MS: Final = 2**63


class ArchiveReport(Struct, frozen=True):
    """What the archive of a team holds, and where it does not agree with the balance brought forward."""

    files: int
    entries: int
    differences: tuple[Difference, ...]


class ArchivedEntries:
    """Reads what `app.ledger.archive` has written; changes nothing.

    An entry is archived when the balance brought forward includes it. A file that a crash left behind may hold entries
    that are still in Redis, or those of another file: they are passed over. Where files overlap and differ, Redis was
    restored to what it was before one of them was written: that is told, as nobody can say here which of them counts.
    """

    def __init__(self, datastore: Datastore, store: ArchiveStore) -> None:
        self._datastore = datastore
        self._store = store

    async def oldest_first(
        self, team_id: str, since_ms: int | None = None, until_ms: int | None = None
    ) -> AsyncIterator[Entry]:
        """A team's archived entries of a time (Unix ms; the end is exclusive), each once.

        Raises:
            ImageStoreUnavailable: the store failed.
            StoreUnavailable: Redis does not answer.
            InternalError: a file is damaged, or tells another story than the one before.

        """
        since, until = since_ms or 0, _FOR_EVER_MS if until_ms is None else until_ms
        forward = await read_brought_forward(self._datastore, team_id)
        files = [file for file in await self._files(team_id) if _touches(file, since, until)]
        merged = _Merged()
        for start in range(0, len(files), _FILES_AT_ONCE):
            part = files[start : start + _FILES_AT_ONCE]
            for file, entries in zip(part, await asyncio.gather(*map(self._read, part)), strict=True):
                fresh, agree = merged.add(entries)
                if not agree:
                    raise InternalError(
                        f"The archived file {file.name} and the one before it overlap and differ: one of them is of "
                        "books that were given up for a backup (docs/operations/backups.md)."
                    )
                for entry in fresh:
                    if since <= id_parts(entry.id)[0] < until and _is_archived(entry, forward):
                        yield entry

    async def compare(self, team_id: str) -> ArchiveReport:
        """Read all of a team's archive, and hold it against the balance brought forward.

        Raises:
            ImageStoreUnavailable: the store failed.
            StoreUnavailable: Redis does not answer.

        """
        # First: what is archived from here on lies behind it, and does not count.
        forward = await read_brought_forward(self._datastore, team_id)
        files = [file for file in await self._files(team_id) if _starts_within(file, forward)]
        found: Counter[str] = Counter()
        number, merged, faults = 0, _Merged(), []
        for start in range(0, len(files), _FILES_AT_ONCE):
            part = files[start : start + _FILES_AT_ONCE]
            for file, entries in zip(part, await asyncio.gather(*map(self._read_if_sound, part)), strict=True):
                if entries is None:
                    faults.append(Difference(f"archive file {file.name}: sound", 1, 0))
                    continue
                fresh, agree = merged.add(entries)
                if not agree:
                    faults.append(Difference(f"archive file {file.name}: agrees with the one it overlaps", 1, 0))
                for entry in fresh:
                    if _is_archived(entry, forward):
                        number += 1
                        found[spend_field(TEAM_SCOPE, entry.team_period)] += entry.cost
                        found[spend_field(key_scope(entry.key), entry.key_period)] += entry.cost
        return ArchiveReport(len(files), number, (*faults, *_differences(forward, number, found)))

    async def _files(self, team_id: str) -> list[ArchiveFile]:
        return [file for file in in_order(await self._store.names(team_id)) if file.team_id == team_id]

    async def _read(self, file: ArchiveFile) -> Sequence[Entry]:
        content = await self._store.get(file.name)
        try:
            return await asyncio.to_thread(read_entries, file, content or b"")
        except ArchivedFileError as error:
            raise InternalError(f"The archived file {file.name} is damaged: {error}.") from None

    async def _read_if_sound(self, file: ArchiveFile) -> Sequence[Entry] | None:
        try:
            return await self._read(file)
        except InternalError:
            return None


class _Merged:
    """The entries of files in their order, each once. Where two files overlap, they have to hold the same."""

    def __init__(self) -> None:
        self._run: list[Entry] = []
        """Of the files that overlap just now; those before are behind us."""

    def add(self, entries: Sequence[Entry]) -> tuple[Sequence[Entry], bool]:
        """The entries of the next file that no earlier one reaches over, and whether it agrees with the earlier."""
        if not self._run or id_parts(self._run[-1].id) < id_parts(entries[0].id):
            self._run = list(entries)
            return entries, True
        first, last, passed = (id_parts(entry.id) for entry in (entries[0], entries[-1], self._run[-1]))
        before = [entry for entry in self._run if first <= id_parts(entry.id) <= last]
        again = [entry for entry in entries if id_parts(entry.id) <= passed]
        fresh = entries[len(again) :]
        self._run += fresh
        return fresh, before == again


def _touches(file: ArchiveFile, since_ms: int, until_ms: int) -> bool:
    return id_parts(file.first)[0] < until_ms and id_parts(file.last)[0] >= since_ms


def _starts_within(file: ArchiveFile, forward: BroughtForward) -> bool:
    return bool(forward.until) and id_parts(file.first) <= id_parts(forward.until)


def _is_archived(entry: Entry, forward: BroughtForward) -> bool:
    return bool(forward.until) and id_parts(entry.id) <= id_parts(forward.until)


def _differences(forward: BroughtForward, number: int, found: Counter[str]) -> list[Difference]:
    """Where the archive's sums are not those brought forward; of periods that are over, those by scope."""
    expected, summed = _by_scope_where_over(forward, Counter(forward.spend)), _by_scope_where_over(forward, found)
    for scope, cost in forward.over.items():
        expected[f"{scope}, periods that are over"] += cost
    expected["entries"], summed["entries"] = forward.entries, number
    return [
        Difference(f"archive {name}", expected[name], summed[name])
        for name in sorted(expected.keys() | summed.keys())
        if expected[name] != summed[name]
    ]


def _by_scope_where_over(forward: BroughtForward, spend: Counter[str]) -> Counter[str]:
    """Fields of periods that are over may have been taken off the books one by one: they are put together."""
    sums: defaultdict[str, int] = defaultdict(int)
    for name, cost in spend.items():
        sums[f"{scope_of(name)}, periods that are over" if is_over(name, forward.until_ms) else name] += cost
    return Counter(sums)
