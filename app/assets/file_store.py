"""Whole files under names of their owner's choosing: for what is neither a picture nor an answer, and never removed."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from app.assets.store import AssetStore
from app.errors import ImageStoreUnavailable


class FileStore:
    """Files of some ten kilobytes. Every method raises ImageStoreUnavailable, as of any store, where it fails."""

    def __init__(self, store: AssetStore) -> None:
        self._store = store

    async def put(self, name: str, content: bytes) -> None:
        """Keep a file, in the place of one of that name; it is safe when this returns, in a folder on its disk."""
        await self._on_disk(_make_folders, name)
        await self._store.put(name, _one_chunk(content))
        await self._on_disk(_sync, name)

    async def get(self, name: str) -> bytes | None:
        """A file's content; None where there is none."""
        size = await self._store.size_bytes(name)
        if size is None:
            return None
        return b"".join([piece async for piece in self._store.read(name, 0, size)])

    async def names(self, folder: str) -> list[str]:
        """Every file under a folder, in any order."""
        return [name async for page in self._store.names_under(folder) for name in page]

    async def _on_disk(self, do: Callable[[Path, str], None], name: str) -> None:
        """What a folder wants besides; a cloud does it itself."""
        if self._store.folder is None:
            return
        try:
            await asyncio.to_thread(do, self._store.folder, name)
        except OSError as error:
            raise ImageStoreUnavailable(
                f"The store of {self._store.holds} does not answer.", detail=f"keeping {name}: {error}"
            ) from error


async def _one_chunk(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _make_folders(folder: Path, name: str) -> None:
    """The folders a file lies in, for our eyes alone; the store itself would make them as the umask says."""
    path = folder
    for part in Path(name).parent.parts:
        path /= part
        path.mkdir(mode=0o700, exist_ok=True)


def _sync(folder: Path, name: str) -> None:
    """Have a file, for our eyes alone, and its folders on the disk: it may be deleted elsewhere because it is here."""
    path = folder / name
    path.chmod(0o600)
    for place in (path, *path.parents):
        opened = os.open(place, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
        if place == folder:
            return
