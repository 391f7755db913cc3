"""The pictures of one request: spooled and hashed as they come, whatever brought them, and forgotten together."""

import hashlib
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Final

from app.assets.sniff import content_type
from app.assets.spool import Spool, SpooledFile
from app.catalog.order import InputImage
from app.errors import BodyTooLarge, InvalidRequest
from app.gateway.base64_stream import decode

MAX_IMAGES: Final = 16
"""What OpenAI's edits take (facts §1.3); a model may take fewer."""

Fetch = Callable[[str], AbstractAsyncContextManager[AsyncIterator[bytes]]]
"""Opens a link of a client's: the bytes behind it, or `app.upstream.fetch.FetchFailed` with a public reason."""

_BASE64_CHARS: Final = 256 * 1024
"""Decoded at once."""


class Pictures:
    """Where the pictures of one request are kept; together they may have ``max_bytes``, however they came."""

    def __init__(self, spool: Spool, max_bytes: int) -> None:
        self._spool = spool
        self._max_bytes = max_bytes
        self._left_bytes = max_bytes
        self._files: AsyncExitStack | None = None  # most requests bring none

    def begin(self) -> "ArrivingPicture":
        """The next picture, still without a byte."""
        file = self._spool.open_upload()
        self._files = self._files or AsyncExitStack()
        self._files.push_async_callback(file.aclose)
        return ArrivingPicture(file, self._count)

    async def keep(self, pieces: AsyncIterable[bytes]) -> InputImage:
        """A whole picture."""
        picture = self.begin()
        async for piece in pieces:
            await picture.add(piece)
        return await picture.finish()

    async def aclose(self) -> None:
        """Forget them all; a cancellation in between keeps none of them."""
        if self._files is not None:
            await self._files.aclose()

    def _count(self, size_bytes: int) -> None:
        self._left_bytes -= size_bytes
        if self._left_bytes < 0:
            raise BodyTooLarge(f"The pictures of a request may have {self._max_bytes:,} bytes together.")


class ArrivingPicture:
    """A picture whose bytes are coming in; ``count`` is told of them and raises where they are too many."""

    def __init__(self, file: SpooledFile, count: Callable[[int], None]) -> None:
        self._file = file
        self._count = count
        self._hash = hashlib.sha256()

    async def add(self, piece: bytes) -> None:
        """A piece more of it.

        Raises:
            BodyTooLarge: the pictures of the request take more than they may.

        """
        self._count(len(piece))
        self._hash.update(piece)  # 256 KiB at most: half a millisecond
        await self._file.write(piece)

    async def finish(self) -> InputImage:
        """The picture, of which nothing more comes."""
        file = self._file
        await file.finish()
        return InputImage(content_type(file.head), file.size_bytes, file.read, self._hash.hexdigest())


async def decoded(data_url: str, param: str) -> AsyncIterator[bytes]:
    """The bytes in a ``data:`` URL (RFC 2397); its media type is not believed, so it is not read.

    Raises:
        InvalidRequest: it does not hold base64 as RFC 4648 §4 has it, padded and without line breaks.

    """
    head, comma, _ = data_url[:256].partition(",")
    if not comma or not head.lower().endswith(";base64"):
        raise _not_base64(param)
    try:
        async for piece in decode(_slices(data_url, len(head) + 1)):
            yield piece
    except ValueError:
        raise _not_base64(param) from None


async def _slices(text: str, start: int) -> AsyncIterator[bytes]:
    for at in range(start, len(text), _BASE64_CHARS):
        yield text[at : at + _BASE64_CHARS].encode("utf-8", "surrogatepass")


def _not_base64(param: str) -> InvalidRequest:
    return InvalidRequest(
        f"Invalid '{param}': expected a data: URL such as data:image/png;base64,…, with valid, padded base64.",
        param=param,
    )
