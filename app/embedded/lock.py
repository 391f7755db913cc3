"""One owner per data folder: a lock which the kernel drops when its holder dies, with a note of who holds it."""

import asyncio
import fcntl
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec import Struct
from msgspec.structs import asdict

from app.embedded.errors import DataFolderBusyError, EmbeddedError
from app.embedded.folder import ANOTHER, create_private

SERVE = "serve"
DEMO = "demo"
_STAYING = {SERVE, DEMO}
"""The purposes of holders that stay: nobody waits for them."""

DEFAULT_WAIT_SECONDS = 10.0
"""A command such as ``imagegate keys`` holds the folder for a second or two; a starting serve waits for it."""

POLL_SECONDS = 0.1


class Holder(Struct, frozen=True):
    """Who holds a data folder: a process id and the imagegate command it runs."""

    pid: int
    purpose: str


class DataFolderLock:
    """The exclusive right to run an embedded server on a data folder; ``purpose`` is the command that wants it."""

    def __init__(self, data_folder: Path, purpose: str) -> None:
        self._folder = data_folder
        self._purpose = purpose
        self._descriptor: int | None = None

    async def acquire(self, wait_seconds: float = DEFAULT_WAIT_SECONDS) -> None:
        """Take the folder, creating it (0700) when it is missing.

        Waits for a short command to end. A serve does not end, so behind one this fails at once; the note is read twice
        for that, because a holder writes its note just after it has the lock.
        """
        create_private(self._folder)
        deadline = asyncio.get_running_loop().time() + wait_seconds
        seen: Holder | None = None
        while not self._try_once():
            holder = read_holder(self._folder)
            stays = holder is not None and holder.purpose in _STAYING and holder == seen
            if stays or asyncio.get_running_loop().time() >= deadline:
                raise DataFolderBusyError(busy_message(self._folder, holder))
            seen = holder
            await asyncio.sleep(POLL_SECONDS)

    def release(self) -> None:
        """Give the folder back; harmless when it is not held. The file stays: removing it would let two hold it."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.ftruncate(descriptor, 0)
            os.close(descriptor)

    async def __aenter__(self) -> Self:
        await self.acquire()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _try_once(self) -> bool:
        if self._descriptor is not None:
            raise RuntimeError("this lock is held already")
        try:
            descriptor = os.open(_lock_file(self._folder), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise EmbeddedError(f"The data folder {self._folder} cannot be locked: {error}. {ANOTHER}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError as error:
            os.close(descriptor)
            raise EmbeddedError(f"The file system of {self._folder} does not lock files: {error}.") from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(asdict(Holder(os.getpid(), self._purpose))).encode(), 0)
        self._descriptor = descriptor
        return True


def read_holder(data_folder: Path) -> Holder | None:
    """The note in the lock file; it says who holds the lock only while somebody does."""
    try:
        return Holder(**json.loads(_lock_file(data_folder).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def busy_message(data_folder: Path, holder: Holder | None) -> str:
    """What a second owner is told."""
    who = f"`imagegate {holder.purpose}` (pid {holder.pid})" if holder else "another imagegate process"
    return (
        f"The data folder {data_folder} is in use by {who}, and one process owns a data folder: "
        "stop that one first, or use another folder."
    )


def _lock_file(data_folder: Path) -> Path:
    return data_folder / "lock"
