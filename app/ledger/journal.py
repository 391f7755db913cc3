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
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from errno import ENOSPC
from pathlib import Path
from threading import Lock
from typing import Any
from zlib import crc32

import orjson

log = logging.getLogger(__name__)

Record = dict[str, Any]
Apply = Callable[[Record], Awaitable[None]]

_AT_ONCE = 100
"""Records applied in one write to Redis: some milliseconds of its time."""


class Journal:
    """Appends records durably, and plays them back when Redis is there again."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._path = folder / f"{os.getpid()}-{secrets.token_hex(4)}.journal"
        # Locked before it has its name: a named file that nobody holds is taken for a dead process's, and removed.
        unnamed = self._path.with_suffix(".new")
        self._file = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        unnamed.rename(self._path)
        # Held by the threads that touch the file: a caller that is cancelled stops waiting, its thread does not.
        self._writing = Lock()
        self.length = 0
        """Records waiting in this process's file."""

    async def append(self, record: Record) -> None:
        """Put a record on the disk; returns when it is safe there."""
        await asyncio.to_thread(self._write, encode(record))

    async def replay(self, apply: Apply) -> int:
        """Apply this process's records and those of dead processes; a file with a refused record stays as it is.

        Returns:
            How many were applied.

        """
        done, failures = 0, []
        for path in (self._path, *sorted(set(self._folder.glob("*.journal")) - {self._path})):
            try:
                done += await (self._replay_own(apply) if path == self._path else _replay_orphan(path, apply))
            except Exception as failure:  # noqa: BLE001 - raised below, when every file had its turn
                failures.append(failure)
        if failures:
            raise failures[0]
        return done

    def close(self) -> None:
        """Let go of the file; an empty one is removed, another is left for the next process."""
        with self._writing:
            if not self.length:
                self._path.unlink(missing_ok=True)
            os.close(self._file)

    async def _replay_own(self, apply: Apply) -> int:
        if not self.length:
            return 0
        content = await asyncio.to_thread(self._path.read_bytes)
        done = await _apply_all(content, self._path.name, apply)
        await asyncio.to_thread(self._forget, len(content))
        return done

    def _write(self, line: bytes) -> None:
        with self._writing:
            end = os.fstat(self._file).st_size
            if os.write(self._file, line) != len(line):
                os.ftruncate(self._file, end)  # half a line would spoil the next one
                raise OSError(ENOSPC, "the journal's disk is full")
            os.fsync(self._file)
            self.length += 1

    def _forget(self, size: int) -> None:
        """Empty the file of what was played; where more has come meanwhile, all of it is played once more."""
        with self._writing:
            if os.fstat(self._file).st_size == size:
                os.ftruncate(self._file, 0)
                self.length = 0


async def _replay_orphan(path: Path, apply: Apply) -> int:
    with _claimed(path) as mine:
        if not mine:
            return 0
        content = await asyncio.to_thread(path.read_bytes)
        done = await _apply_all(content, path.name, apply)
        await asyncio.to_thread(path.unlink)
        return done


async def _apply_all(content: bytes, name: str, apply: Apply) -> int:
    """Apply every sound record, many in one write; one that is refused does not stand in the way of the others."""
    records = list(decode(content, name))
    failures: list[BaseException] = []
    for start in range(0, len(records), _AT_ONCE):
        part = records[start : start + _AT_ONCE]
        results = await asyncio.gather(*[apply(record) for record in part], return_exceptions=True)
        # On to the next part even where all of this one failed: of a cluster one master may be away. Where Redis is
        # away as a whole its breaker makes the rest fail at once.
        failures += [result for result in results if isinstance(result, BaseException)]
    if failures:
        raise failures[0]
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
            yield os.fstat(file).st_nlink > 0  # 0: whoever held it has replayed and removed it
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
