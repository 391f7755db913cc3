"""Resolutions that could not be written to Redis, on disk until they can be: one file per process.

A record is a line: CRC-32 of the rest in eight hex digits, a space, the resolution as JSON. It is on the disk (fsync)
before the answer's last bytes leave. A file belongs to the process that holds its ``flock``; whoever finds a file that
nobody holds replays it and removes it. Replaying twice is harmless: a reservation resolves at most once.
"""

import asyncio
import fcntl
import logging
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zlib import crc32

import orjson

log = logging.getLogger(__name__)

Record = dict[str, Any]
Apply = Callable[[Record], Awaitable[None]]


class Journal:
    """Appends records durably, and plays them back when Redis is there again."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._path = folder / f"{os.getpid()}-{secrets.token_hex(4)}.journal"
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._writing = asyncio.Lock()
        self.length = 0
        """Records waiting in this process's file."""

    async def append(self, record: Record) -> None:
        """Put a record on the disk; returns when it is safe there."""
        async with self._writing:
            await asyncio.to_thread(self._write, encode(record))
            self.length += 1

    async def replay(self, apply: Apply) -> int:
        """Apply this process's records and those of dead processes; stops at the first that Redis refuses.

        Returns:
            How many were applied.

        """
        done = 0
        if self.length:
            async with self._writing:
                done += await _apply_all(self._path, apply)
                await asyncio.to_thread(os.ftruncate, self._file, 0)
                self.length = 0
        async for orphan in self._orphans():
            done += await _apply_all(orphan, apply)
            orphan.unlink(missing_ok=True)
        return done

    def close(self) -> None:
        """Let go of the file; an empty one is removed, another is left for the next process."""
        if not self.length:
            self._path.unlink(missing_ok=True)
        os.close(self._file)

    def _write(self, line: bytes) -> None:
        if os.write(self._file, line) != len(line):
            raise OSError("the journal's disk is full")
        os.fsync(self._file)

    async def _orphans(self) -> AsyncIterator[Path]:
        for path in sorted(self._folder.glob("*.journal")):
            if path == self._path:
                continue
            with _claimed(path) as mine:
                if mine:
                    yield path


async def _apply_all(path: Path, apply: Apply) -> int:
    records = await asyncio.to_thread(lambda: list(decode(path.read_bytes(), str(path))))
    for record in records:
        await apply(record)
    return len(records)


@contextmanager
def _claimed(path: Path) -> Iterator[bool]:
    """Hold a file's lock, if nobody else does."""
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        yield False
        return
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(file)


def encode(record: Record) -> bytes:
    """A record as its line."""
    body = orjson.dumps(record)
    return b"%08x %s\n" % (crc32(body), body)


def decode(content: bytes, name: str) -> Iterator[Record]:
    """The sound records of a file; a broken line (a crash in mid-write) is reported and passed over."""
    for number, line in enumerate(content.splitlines(), start=1):
        checksum, _, body = line.partition(b" ")
        if checksum == b"%08x" % crc32(body):
            yield orjson.loads(body)
        else:
            log.error("journal line is broken and was passed over", extra={"file": name, "line": number})
