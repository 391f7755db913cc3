"""A copy of an answer while it passes: it takes what it can get, and never stands in the answer's way."""

import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Final

from app.assets.disk import DiskSpace
from app.assets.spool import SpooledFile
from app.errors import GatewayError

log = logging.getLogger(__name__)

LOOK_BYTES: Final = 1024 * 1024
"""How much is written between two looks at the disk; a look takes microseconds."""


class Draft:
    """Bytes written by one writer, to be kept when they are whole; close it in any case.

    Nothing here raises but a cancellation: where the disk is full or fails, the draft gives up and frees what it had.
    """

    def __init__(self, file: SpooledFile, disk: Callable[[], DiskSpace]) -> None:
        self._file = file
        self._disk = disk
        self._unseen_bytes = 0
        """Written since the last look at the disk."""
        self._is_open = True

    @property
    def is_whole(self) -> bool:
        """Whether all that was written is there: it has neither given up nor been closed."""
        return self._is_open

    @property
    def size_bytes(self) -> int:
        """How much was written; zero after it gave up."""
        return self._file.size_bytes if self._is_open else 0

    async def write(self, piece: bytes) -> None:
        """Add a piece, unless it has given up."""
        if not self._is_open:
            return
        try:
            await self._file.write(piece)
            self._unseen_bytes += len(piece)
            if self._unseen_bytes >= LOOK_BYTES:
                self._unseen_bytes = 0
                if self._disk().spare_bytes < 0:
                    await self._give_up("less than a tenth of the disk is free")
        except GatewayError as error:
            await self._give_up(error.detail)
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer it is a copy of goes on
            await self._give_up(f"{type(error).__name__}: {error}")

    def read(self) -> AsyncIterator[bytes]:
        """What was written, from the start.

        Raises:
            GatewayError: the disk fails.
            ValueError: it has given up, or is closed.

        """
        return self._file.read()

    async def aclose(self) -> None:
        """Free what it took; fine to call twice."""
        self._is_open = False
        with contextlib.suppress(OSError):  # of a file that nobody will read
            await self._file.aclose()

    async def _give_up(self, why: str) -> None:
        log.warning("an answer will not be kept", extra={"why": why})
        await self.aclose()
