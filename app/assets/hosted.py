"""Hosted pictures: kept for a while under a name nobody can guess, and opened by a signed link."""

from collections.abc import AsyncIterator, Callable
from typing import Final

from msgspec import Struct

from app.assets.links import LinkSigner
from app.assets.names import expiry_of, extension_of, new_name
from app.assets.sniff import content_type, extension
from app.assets.spool import HEAD_BYTES
from app.assets.store import AssetStore
from app.errors import LinkExpired, NotFound

SHOWN_TYPES: Final = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif", "image/avif", "image/bmp"})
"""Plain pictures, which a browser may show in place. An SVG is a document that can run scripts, and is saved."""

UNKNOWN_TYPE: Final = "application/octet-stream"
_TYPES: Final = {extension(kind): kind for kind in (*SHOWN_TYPES, "image/svg+xml", "image/tiff")}


class HostedImage(Struct, frozen=True):
    """What a valid link leads to."""

    name: str
    content_type: str
    """By the bytes, when it was kept; no client and no upstream had a say in it."""
    size_bytes: int
    seconds_left: int
    """Until the link ends; at least one."""

    @property
    def is_shown(self) -> bool:
        """Whether a browser may show it in place, rather than save it."""
        return self.content_type in SHOWN_TYPES


class HostedImages:
    """Keeps pictures and finds them again. There is no way to list them, and none to ask for one but by its link."""

    def __init__(self, store: AssetStore, signer: LinkSigner, keep_seconds: float, clock: Callable[[], float]) -> None:
        self._store = store
        self._signer = signer
        self._keep_seconds = keep_seconds
        self._clock = clock

    async def keep(self, chunks: AsyncIterator[bytes]) -> str:
        """Keep a picture as it comes, in constant memory; the answer is the link that opens it.

        Raises:
            ImageStoreUnavailable: it could not be kept; nothing of it is left behind.
            ValueError: there is no picture, not a single byte.

        """
        head = await _head_of(chunks)
        if not head:
            raise ValueError("there is no picture, not a single byte")
        name = new_name(int(self._clock() + self._keep_seconds), extension(content_type(head)))
        await self._store.put(name, _joined(head, chunks))
        return self._signer.link(name)

    async def open(self, signature: str, name: str) -> HostedImage:
        """What the link leads to. The store is asked only for names that we have signed.

        Raises:
            LinkExpired: the link was good once.
            NotFound: no link of ours, or its picture had to make room.
            ImageStoreUnavailable: nobody can tell now.

        """
        if not self._signer.verify(signature, name):
            raise NotFound("There is no such picture; the link is not complete, or not from here.")
        seconds_left = expiry_of(name) - int(self._clock())
        if seconds_left <= 0:
            raise LinkExpired("This link has expired, and its picture is gone.")
        size_bytes = await self._store.size_bytes(name)
        if size_bytes is None:
            raise NotFound("This picture is gone: it had to make room for newer ones, or was removed.")
        return HostedImage(name, _TYPES.get(extension_of(name), UNKNOWN_TYPE), size_bytes, seconds_left)

    def read(self, image: HostedImage, start: int, stop: int) -> AsyncIterator[bytes]:
        """Its bytes from ``start`` up to ``stop``; raises ImageStoreUnavailable where the store fails meanwhile."""
        return self._store.read(image.name, start, stop)


async def _head_of(chunks: AsyncIterator[bytes]) -> bytes:
    """Enough of the beginning to see what it is, or all there is."""
    head = b""
    async for chunk in chunks:
        head += chunk
        if len(head) >= HEAD_BYTES:
            break
    return head


async def _joined(head: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for chunk in rest:
        yield chunk
