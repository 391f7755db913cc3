"""The ledger in pieces: pages newest first for people, a walk oldest first for exports, the entries of one request."""

import re
from collections.abc import AsyncIterator
from typing import Any, Final

import orjson
from msgspec import Struct

from app.datastore.datastore import Datastore
from app.errors import InvalidRequest
from app.keyspace import TeamKeys
from app.ledger.models import Entry, Outcome

_READ_AT_ONCE: Final = 500
_LOOKED_AT_PER_PAGE: Final = 5_000
"""Entries a page may look at for those that are wanted: some tenths of a second."""
_LOOKED_AT_FOR_A_REQUEST: Final = 200_000
_CURSOR: Final = re.compile(r"[1-9][0-9]{0,14}-[0-9]{1,15}")

_Found = list[tuple[bytes, dict[bytes, bytes]]]


class Wanted(Struct, frozen=True, kw_only=True):
    """Which entries are asked for; what is None does not matter. Times are of the resolution, in Unix ms."""

    key: str | None = None
    """A key id."""
    model: str | None = None
    outcome: Outcome | None = None
    user: str | None = None
    request: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    """Exclusive."""

    @property
    def is_everything(self) -> bool:
        """Whether every entry of the time is asked for."""
        return all(value is None for value in (self.key, self.model, self.outcome, self.user, self.request))

    def takes(self, fields: dict[bytes, bytes]) -> bool:
        """Whether an entry of the time, as it stands in the stream, is one of them."""
        plain = (b"key", self.key), (b"model", self.model), (b"outcome", self.outcome), (b"request", self.request)
        if any(value is not None and fields[name] != value.encode() for name, value in plain):
            return False
        if self.outcome is not None and fields[b"kind"] == b"correction" and fields[b"outcome"] == b"unknown":
            return False  # a credit: it is written so that it changes no count (credit.lua), and is no outcome itself
        return self.user is None or user_of(orjson.loads(fields[b"note"] or b"{}")) == self.user


EVERYTHING: Final = Wanted()


class Page(Struct, frozen=True):
    """Entries, the newest first, and where the next page begins; None where nothing is left to look at."""

    entries: tuple[Entry, ...]
    next_cursor: str | None


class LedgerPages:
    """Reads one team's ledger at a time; changes nothing. No answer holds more than a page in memory."""

    def __init__(self, datastore: Datastore) -> None:
        self._datastore = datastore

    async def page(self, team_id: str, wanted: Wanted, limit: int, cursor: str | None = None) -> Page:
        """Up to ``limit`` entries, older than the cursor. Where few are wanted a page may hold less, even none.

        Raises:
            InvalidRequest: the cursor is none of ours.

        """
        newest = f"({_checked(cursor, 'cursor')}" if cursor else _newest(wanted)
        entries: list[Entry] = []
        looked_at = 0
        while looked_at < _LOOKED_AT_PER_PAGE:
            count = limit if wanted.is_everything else _READ_AT_ONCE
            found = await self._newest_first(team_id, newest, wanted, count)
            for entry_id, fields in found:
                newest = f"({entry_id.decode()}"
                if wanted.takes(fields):
                    entries.append(Entry.from_stream(entry_id, fields))
                    if len(entries) == limit:
                        return Page(tuple(entries), newest[1:])
            if len(found) < count:
                return Page(tuple(entries), None)
            looked_at += count
        return Page(tuple(entries), newest[1:])

    async def oldest_first(
        self, team_id: str, wanted: Wanted = EVERYTHING, after: str | None = None
    ) -> AsyncIterator[Entry]:
        """Every wanted entry behind the one called ``after``; some hundred in memory at a time.

        Raises:
            InvalidRequest: ``after`` is the id of no entry.

        """
        oldest = f"({_checked(after, 'after')}" if after else _oldest(wanted)
        while True:
            found: _Found = await self._datastore.command(
                "XRANGE", TeamKeys(team_id).ledger, oldest, _newest(wanted), "COUNT", _READ_AT_ONCE
            )
            for entry_id, fields in found:
                if wanted.takes(fields):
                    yield Entry.from_stream(entry_id, fields)
            if len(found) < _READ_AT_ONCE:
                return
            oldest = f"({found[-1][0].decode()}"

    async def of_request(self, team_id: str, request_id: str, admitted_ms: int | None = None) -> list[Entry]:
        """What resolved a request and what corrected that, oldest first; of the newest 200,000 entries.

        Who knows when it was admitted saves a long search.
        """
        wanted = Wanted(request=request_id, since_ms=admitted_ms)
        entries: list[Entry] = []
        newest = "+"
        for _ in range(_LOOKED_AT_FOR_A_REQUEST // _READ_AT_ONCE):
            found = await self._newest_first(team_id, newest, wanted, _READ_AT_ONCE)
            for entry_id, fields in found:
                if wanted.takes(fields):
                    entries.insert(0, Entry.from_stream(entry_id, fields))
                    if entries[0].kind != "correction":  # what resolved it: nothing of it is older
                        return entries
            if len(found) < _READ_AT_ONCE:
                break
            newest = f"({found[-1][0].decode()}"
        return entries

    async def _newest_first(self, team_id: str, newest: str, wanted: Wanted, count: int) -> _Found:
        ledger = TeamKeys(team_id).ledger
        found: _Found = await self._datastore.command("XREVRANGE", ledger, newest, _oldest(wanted), "COUNT", count)
        return found


def user_of(note: dict[str, Any]) -> str | None:
    """The end user a request named (``user``), from the note of its entry."""
    user = note.get("user")
    return user if isinstance(user, str) else None


def _oldest(wanted: Wanted) -> str:
    return "-" if wanted.since_ms is None else str(max(0, wanted.since_ms))


def _newest(wanted: Wanted) -> str:
    return "+" if wanted.until_ms is None else str(max(0, wanted.until_ms - 1))


def _checked(entry_id: str, param: str) -> str:
    if not _CURSOR.fullmatch(entry_id):
        raise InvalidRequest(f"{param}: take it from an earlier answer, as it is.", param=param)
    return entry_id
