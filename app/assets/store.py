"""Where pictures and answers lie: a folder, S3, Google Cloud Storage or Azure Blob Storage, behind one class."""

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import obstore
from msgspec import Struct
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, LocalStore, S3Store

from app.assets.errors import StoreAddressError
from app.assets.names import expiry_of, is_name
from app.errors import ImageStoreUnavailable

if TYPE_CHECKING:  # these exist for type checkers only
    from obstore.store import ObjectStore, RetryConfig

PART_BYTES: Final = 5 * 1024 * 1024
"""The smallest part S3 takes. Smaller assets are one request; of larger ones this much is held in memory."""

PIECE_BYTES: Final = 1024 * 1024
"""Read at once. Each piece is a request of its own: a client may take minutes between two, a connection to the store
may not (obstore gives up on one after 30 s)."""

_DELETES_AT_ONCE: Final = 8
_PAGE_NAMES: Final = 1000
"""What S3 lists in one request."""

_RETRY: "RetryConfig" = {"max_retries": 3, "retry_timeout": timedelta(seconds=15)}
"""A refusing store is told within a second, a silent one within a minute (an attempt may take 30 s); the default goes
on for three minutes while a client waits."""


class StoredAsset(Struct, frozen=True, order=True):
    """One asset of a listing; sorted, those that end first come first."""

    name: str
    size_bytes: int


class AssetStore:
    """Assets by name. Only names of ours (`app.assets.names`) come here; other files in the place are not touched.

    Those of a `FileStore`, which has a place of its own, are named by whoever gives them.

    All methods raise ImageStoreUnavailable where the store fails.
    """

    def __init__(self, objects: "ObjectStore", folder: Path | None, holds: str) -> None:
        self._objects = objects
        self.folder = folder
        """On whose disk they lie; None where that is no disk of ours."""
        self.holds = holds
        """What they are, in messages and in the log: ``pictures``, ``answers``."""

    async def put(self, name: str, chunks: AsyncIterable[bytes]) -> None:
        """Keep what ``chunks`` yields, with at most `PART_BYTES` and a chunk in memory.

        It appears whole or not at all: what ``chunks`` raises comes through, and nothing is left behind.
        """
        with self._named(f"keeping {name}"):
            writer = obstore.open_writer_async(self._objects, name, buffer_size=PART_BYTES, max_concurrency=1)
            async with writer:  # left by an exception or a cancellation, it withdraws what was sent
                async for chunk in chunks:
                    await writer.write(chunk)

    async def size_bytes(self, name: str) -> int | None:
        """How large the asset is; None where there is none."""
        with self._named(f"looking for {name}"):
            try:
                return (await obstore.head_async(self._objects, name))["size"]
            except FileNotFoundError:
                return None

    async def read(self, name: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """The bytes from ``start`` up to ``stop``, which is within the asset's size, piece by piece."""
        while start < stop:
            end = min(start + PIECE_BYTES, stop)
            with self._named(f"reading {name}"):
                piece = bytes(await obstore.get_range_async(self._objects, name, start=start, end=end))
            if len(piece) != end - start:
                raise ImageStoreUnavailable(
                    f"The store of {self.holds} gave less than it has.", detail=f"{name} is shorter than it was"
                )
            yield piece
            start = end

    async def pages(self) -> AsyncIterator[list[StoredAsset]]:
        """All assets, some at a time, in the store's own order (a folder has none)."""
        with self._named(f"listing {self.holds}"):
            async for page in obstore.list(self._objects, chunk_size=_PAGE_NAMES):
                yield [StoredAsset(found["path"], found["size"]) for found in page if is_name(found["path"])]

    async def names_under(self, folder: str) -> AsyncIterator[list[str]]:
        """The names of all files in a folder and its folders, some at a time (for `app.assets.file_store`)."""
        with self._named(f"listing {self.holds}"):
            async for page in obstore.list(self._objects, prefix=folder, chunk_size=_PAGE_NAMES):
                yield [found["path"] for found in page]

    async def delete(self, names: Sequence[str]) -> None:
        """Remove these; those that are gone already are no fault.

        One request each: bulk deletes differ from cloud to cloud, and where one name of a bulk is gone some fail it
        all, which is what happens when replicas tidy the same store.
        """
        limit = asyncio.Semaphore(_DELETES_AT_ONCE)

        async def delete_one(name: str) -> None:
            async with limit:
                with contextlib.suppress(FileNotFoundError):
                    await obstore.delete_async(self._objects, name)

        with self._named(f"removing {self.holds}"):
            for done in await asyncio.gather(*map(delete_one, names), return_exceptions=True):
                if done is not None:
                    raise done

    async def delete_drafts(self, expired_at: float) -> None:
        """Remove from a folder what killed processes left of assets they were writing, once those would have ended.

        Clouds keep such parts out of sight, and remove them by a rule of the bucket (docs/operations/hosted-images.md).
        """
        if self.folder is not None:
            with self._named("removing drafts"):
                await asyncio.to_thread(_delete_drafts, self.folder, expired_at)

    @contextlib.contextmanager
    def _named(self, doing: str) -> Iterator[None]:
        """Foreign errors end here. What obstore's writer raises is an OSError, the rest are its own."""
        try:
            yield
        except (BaseError, OSError) as error:
            raise ImageStoreUnavailable(
                f"The store of {self.holds} does not answer.", detail=f"{doing}: {_first_line(error)}"
            ) from error


def open_store(address: str | Path, holds: str = "pictures") -> AssetStore:
    """The store at an address: a folder, or ``s3://bucket/prefix``, ``gs://bucket/prefix``, ``az://container/prefix``.

    Credentials come from the environment variables each cloud's own tools read. Nothing is sent yet: whether they are
    any good the first request tells.

    Raises:
        StoreAddressError: there is no such kind of store, or this one cannot be opened.

    """
    scheme, is_url, rest = str(address).partition("://")
    if not is_url:
        return _open_folder(Path(address).expanduser(), holds)
    bucket, _, prefix = rest.partition("/")
    if scheme not in ("s3", "gs", "az") or not bucket or not (bucket + prefix).isprintable() or set(rest) & set("@?#"):
        raise StoreAddressError(
            f"{scheme}://… is no place for {holds}; wanted is a folder, s3://bucket/prefix, gs://bucket/prefix or "
            "az://container/prefix, without credentials in it."
        )
    try:
        return AssetStore(_open_cloud(scheme, bucket, prefix.strip("/") or None), None, holds)
    except (BaseError, ValueError) as error:
        raise StoreAddressError(f"{scheme}://{bucket} cannot be opened: {_first_line(error)}") from None


def _open_cloud(scheme: str, bucket: str, prefix: str | None) -> "ObjectStore":
    if scheme == "s3":
        return S3Store(bucket, prefix=prefix, retry_config=_RETRY)
    if scheme == "gs":
        return GCSStore(bucket, prefix=prefix, retry_config=_RETRY)
    return AzureStore(bucket, prefix=prefix, retry_config=_RETRY)


def _open_folder(folder: Path, holds: str) -> AssetStore:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return AssetStore(LocalStore(folder), folder, holds)
    except (OSError, BaseError) as error:
        raise StoreAddressError(f"{folder} cannot hold {holds}: {_first_line(error)}") from None


def _delete_drafts(folder: Path, expired_at: float) -> None:
    """A folder store writes ``<name>#<number>`` and renames it when it is whole."""
    for path in folder.iterdir():
        name, is_draft, _ = path.name.partition("#")
        if is_draft and is_name(name) and expiry_of(name) <= expired_at:
            path.unlink(missing_ok=True)


def _first_line(error: Exception) -> str:
    """What happened; the lines after it are the library's own insides."""
    return next(iter(str(error).splitlines()), type(error).__name__)
