"""Results: answers kept for a while, for whoever hung up, tries again or comes for theirs later."""

import logging
import math
from collections.abc import AsyncIterator, Callable
from typing import Final, Literal

from msgspec import Struct

from app.assets.bounded_store import BoundedStore
from app.assets.disk import DiskReader, DiskSpace
from app.assets.draft import Draft
from app.assets.names import expiry_of, extension_of, is_name, new_name
from app.assets.spool import Spool
from app.errors import GatewayError

log = logging.getLogger(__name__)

ResultKind = Literal["json", "sse"]
"""A body of JSON, or a stream of events; the end of its name."""

CONTENT_TYPES: Final[dict[str, str]] = {"json": "application/json", "sse": "text/event-stream; charset=utf-8"}


class KeptResult(Struct, frozen=True):
    """An answer that is there."""

    name: str
    size_bytes: int

    @property
    def content_type(self) -> str:
        """As it was first given."""
        return CONTENT_TYPES[extension_of(self.name)]


class Results:
    """Keeps answers and finds them again by name. Who may read which is up to whoever hands out the names."""

    def __init__(
        self,
        spool: Spool,
        bounded: BoundedStore | None,
        keep_seconds: float,
        clock: Callable[[], float],
        read_disk: DiskReader,
    ) -> None:
        self._spool = spool
        self._bounded = bounded
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._read_disk = read_disk
        self._forgotten: set[str] = set()
        """Names that were let go before their bytes may have arrived; until these would have ended."""
        self._is_disk_low = False

    @property
    def enabled(self) -> bool:
        """Whether anything is kept at all."""
        return self._bounded is not None

    def new_name(self, kind: ResultKind) -> str:
        """A fresh name, under which an answer can be kept from now on until the end that is written in it."""
        return new_name(math.ceil(self._clock() + self._keep_seconds), kind)

    def open_draft(self) -> Draft | None:
        """What a passing answer is copied into; None where nothing is kept, or the disk has no room to spare."""
        if self._bounded is None or not self._has_disk_room():
            return None
        return Draft(self._spool.open_file(memory_if_full=False), self._spool_disk)

    def _spool_disk(self) -> DiskSpace:
        return self._read_disk(self._spool.folder)

    def _has_disk_room(self) -> bool:
        """Whether a tenth of the spool's disk is free; told when that begins and when it ends."""
        try:
            is_low = self._spool_disk().spare_bytes < 0
        except OSError as error:
            log.warning("the disk of the spool cannot be looked at", extra={"why": str(error)})
            return False
        if is_low and not self._is_disk_low:
            log.warning(
                "answers are not kept: less than a tenth of the disk is free", extra={"event": "results_paused"}
            )
        elif self._is_disk_low and not is_low:
            log.info("answers are kept again", extra={"event": "results_resumed"})
        self._is_disk_low = is_low
        return not is_low

    async def keep(self, name: str, draft: Draft) -> bool:
        """Keep what the draft holds; whether that went well. Raises nothing; whoever opened the draft closes it."""
        if self._bounded is None or not draft.is_whole or not _is_ours(name) or name in self._forgotten:
            return False
        try:
            is_kept = await self._bounded.put(name, draft.size_bytes, draft.read())
            if is_kept and name in self._forgotten:
                await self._bounded.store.delete([name])
                return False
        except Exception as error:  # noqa: BLE001 - the answer itself is served and paid for: this is a copy of it
            why = error.detail if isinstance(error, GatewayError) else f"{type(error).__name__}: {error}"
            log.warning("an answer could not be kept", extra={"why": why})
            return False
        if not is_kept:
            log.warning("an answer could not be kept", extra={"why": "there is no room for it"})
        return is_kept

    async def open(self, name: str) -> KeptResult | None:
        """The answer of that name; None where it is past its end, had to make room, was forgotten, or is no name.

        Raises:
            ImageStoreUnavailable: nobody can tell now.

        """
        if self._bounded is None or not _is_ours(name) or name in self._forgotten:
            return None
        if expiry_of(name) <= self._clock():
            return None
        size_bytes = await self._bounded.store.size_bytes(name)
        return None if size_bytes is None else KeptResult(name, size_bytes)

    def read(self, kept: KeptResult) -> AsyncIterator[bytes]:
        """Its bytes; raises ImageStoreUnavailable where the store fails or lets go of it meanwhile."""
        if self._bounded is None:
            raise ValueError("nothing is kept")
        return self._bounded.store.read(kept.name, 0, kept.size_bytes)

    async def forget(self, name: str) -> None:
        """Remove an answer, also one whose bytes this process is about to keep; gone already is fine.

        Raises:
            ImageStoreUnavailable: it may still be there.

        """
        if self._bounded is None or not _is_ours(name):
            return
        now = self._clock()
        self._forgotten = {gone for gone in self._forgotten if expiry_of(gone) > now} | {name}
        await self._bounded.store.delete([name])


def _is_ours(name: str) -> bool:
    return is_name(name) and extension_of(name) in CONTENT_TYPES
