"""Bytes on their way through: small ones stay in memory, larger ones go to files that vanish with the process."""

import asyncio
import errno
import logging
import os
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, TypeVar

from typing_extensions import Buffer

from app.assets.disk import DiskReader, read_disk
from app.errors import GatewayError, InternalError, Overloaded

_T = TypeVar("_T")

log = logging.getLogger(__name__)

PIECE_BYTES: Final = 256 * 1024
"""Read and written at once: large enough that the hop to a thread (about 0.1 ms) costs next to nothing."""

MEMORY_BYTES: Final = 64 * 1024
"""What a file may hold before it goes to disk: most masks and icons, and a thousand of them take 64 MiB."""

HEAD_BYTES: Final = 1_445
"""What is kept of the beginning for `app.assets.sniff` (WHATWG MIME Sniffing §5.2, the resource header)."""

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE})
"""The disk, a quota or the table of open files is full: it heals when other requests end."""

MEMORY_IF_FULL_BYTES: Final = 256 * 1024 * 1024
"""What all files of a process may hold in memory while the disk is full: a hundred pictures of 2 MB, as base64, which
are already paid for; a machine of 1 GiB bears it."""


class Spool:
    """A folder for bytes nobody needs after this process; it is always empty to look at."""

    def __init__(
        self, folder: Path, memory_if_full_bytes: int = MEMORY_IF_FULL_BYTES, read_disk: DiskReader = read_disk
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        self.folder = folder
        self._memory = _Memory(memory_if_full_bytes)
        self._read_disk = read_disk

    def open_file(self, *, memory_if_full: bool = True) -> "SpooledFile":
        """A new file, empty; close it, and what it took is free again.

        With ``memory_if_full`` it goes on in memory where the disk takes no more, up to `MEMORY_IF_FULL_BYTES` for all
        files together: a full disk must not lose a picture that is paid for.
        """
        return SpooledFile(self.folder, self._memory if memory_if_full else _Memory(0))

    def open_upload(self) -> "SpooledFile":
        """A new file for what a client sends, which is not paid for: it ends where the disk has no room for uploads.

        That is long before the disk is full (`DiskSpace.spare_for_uploads_bytes`), and told in the same way.
        """
        return SpooledFile(self.folder, _Memory(0), self._check_room_for_uploads)

    def _check_room_for_uploads(self) -> None:
        if self._read_disk(self.folder).spare_for_uploads_bytes < 0:
            raise OSError(errno.ENOSPC, "uploads leave the rest of the disk to others")


class _Memory:
    """What the files of a spool hold in memory because the disk is full."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._taken_bytes = 0

    def take(self, size_bytes: int) -> bool:
        """Whether there is room for this much more; it is taken then."""
        if self._taken_bytes + size_bytes > self._most_bytes:
            return False
        if not self._taken_bytes:
            log.warning("the disk of the spool is full: pictures go on in memory")
        self._taken_bytes += size_bytes
        return True

    def give_back(self, size_bytes: int) -> None:
        """Somebody needs it no more."""
        self._taken_bytes -= size_bytes


class SpooledFile:
    """Bytes written once, by one writer, and read from the start as often as wanted, by several at once.

    Raises Overloaded where the disk is full and InternalError where it fails, and ValueError after `aclose`.
    """

    def __init__(self, folder: Path, memory: _Memory, check_room: Callable[[], None] | None = None) -> None:
        self._disk = _UnlinkedFile(folder, check_room)
        self._disk_bytes = 0
        self._pending = bytearray()
        """What is not on the disk; it follows what is."""
        self._memory = memory
        self._memory_bytes = 0
        """Taken of it; from then on nothing more goes to the disk."""
        self._is_closed = False
        self.head = b""
        """The first bytes, as many as tell what kind of file it is."""

    @property
    def size_bytes(self) -> int:
        """How much was written."""
        return self._disk_bytes + len(self._pending)

    async def write(self, chunk: Buffer) -> None:
        """Add to the end."""
        self._check_open()
        self._pending += chunk
        if len(self.head) < HEAD_BYTES:
            self.head = bytes(self._pending[:HEAD_BYTES])
        if self._memory_bytes:
            self._go_on_in_memory()
        elif len(self._pending) > (PIECE_BYTES if self._disk_bytes else MEMORY_BYTES):
            await self._flush()

    async def finish(self) -> None:
        """Nothing more comes: what is left of a large file leaves memory. Reading does not depend on it."""
        if self._disk_bytes and self._pending and not self._memory_bytes:
            await self._flush()

    async def read(self) -> AsyncIterator[bytes]:
        """The bytes written so far, from the first one, in pieces of up to 256 KiB."""
        self._check_open()
        end, at = self.size_bytes, 0
        while at < end:
            self._check_open()
            if at < self._disk_bytes:
                piece = await _in_thread(self._disk.read, min(PIECE_BYTES, self._disk_bytes - at), at)
            else:
                start = at - self._disk_bytes
                piece = bytes(self._pending[start : start + min(PIECE_BYTES, end - at)])
            at += len(piece)
            yield piece

    async def aclose(self) -> None:
        """Forget the bytes. A thread that is reading or writing them ends undisturbed. Fine to call twice."""
        self._is_closed = True
        self._pending = bytearray()
        self._memory.give_back(self._memory_bytes)
        self._memory_bytes = 0
        if not self._disk.is_in_use:
            self._disk.close()
            return
        # Shielded: a caller that is cancelled here must not leave the file open.
        await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, self._disk.close))

    def _check_open(self) -> None:
        if self._is_closed:
            raise ValueError("the spooled file is closed")

    async def _flush(self) -> None:
        # Until it is written it stays where readers find it. Written at a place, not at the end: again is no harm.
        pending = self._pending
        self._disk.is_in_use = True
        try:
            await _in_thread(self._disk.write, pending, self._disk_bytes)
        except Overloaded as full:
            self._check_open()
            self._go_on_in_memory(full)
        else:
            self._pending = bytearray()
            self._disk_bytes += len(pending)

    def _go_on_in_memory(self, full: Overloaded | None = None) -> None:
        """Count what is pending as memory of the spool's."""
        more_bytes = len(self._pending) - self._memory_bytes
        if not self._memory.take(more_bytes):
            raise full or _no_room("the disk is full, and so is the memory that stands in for it")
        self._memory_bytes += more_bytes


class _UnlinkedFile:
    """A file without a name, used from threads.

    Whoever awaits a thread can be cancelled while the thread goes on. So the descriptor is closed by the last user:
    its number may already belong to somebody else's file when a late write reaches it.
    """

    def __init__(self, folder: Path, check_room: Callable[[], None] | None) -> None:
        self._folder = folder
        self._check_room = check_room
        """Called before each write; raises OSError where it may not be."""
        self._lock = threading.Lock()
        self._file: IO[bytes] | None = None
        self._users = 0
        self._is_closed = False
        self.is_in_use = False
        """Whether anybody ever asked for something to be written: closing may take a moment then."""

    def write(self, data: Buffer, at: int) -> None:
        """Write all of it there; the first write makes the file."""
        # Here and not before the hop: a thousand uploads may wait for a thread, and few are between look and write.
        if self._check_room is not None:
            self._check_room()
        with self._descriptor() as descriptor, memoryview(data) as view:
            written = 0
            while written < len(view):
                written += os.pwrite(descriptor, view[written:], at + written)

    def read(self, size: int, at: int) -> bytes:
        """What stands there."""
        with self._descriptor() as descriptor:
            return os.pread(descriptor, size, at)

    def close(self) -> None:
        """Close it, or have its last user close it."""
        with self._lock:
            self._is_closed = True
            self._close_if_unused()

    @contextmanager
    def _descriptor(self) -> Iterator[int]:
        with self._lock:
            if self._is_closed:
                raise ValueError("the spooled file is closed")
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115 - its last user closes it
            descriptor = self._file.fileno()
            self._users += 1
        try:
            yield descriptor
        finally:
            with self._lock:
                self._users -= 1
                self._close_if_unused()

    def _close_if_unused(self) -> None:
        if self._is_closed and not self._users and self._file is not None:
            self._file.close()
            self._file = None


async def _in_thread(work: Callable[..., _T], *args: object) -> _T:
    try:
        return await asyncio.to_thread(work, *args)
    except OSError as error:
        raise _told(error) from None


def _told(error: OSError) -> GatewayError:
    if error.errno in _NO_ROOM:
        return _no_room(str(error))
    return InternalError("The gateway could not keep a picture; it has been logged.", detail=f"the spool: {error}")


def _no_room(why: str) -> Overloaded:
    return Overloaded(
        "The gateway has no room for pictures at the moment. Try again shortly.",
        retry_after_seconds=5,
        detail=f"the spool is full: {why}",
    )
