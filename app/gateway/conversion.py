"""Pictures into the container the caller asked for: base64 becomes a link of ours, a link becomes base64.

It happens after the purchase is settled. One that fails loses nothing: the picture goes out as the upstream gave it.
"""

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing

import orjson
from msgspec import Struct

from app.assets.hosted import HostedImages
from app.assets.sniff import content_type
from app.assets.spool import Spool, SpooledFile
from app.errors import GatewayError
from app.gateway.base64_stream import decode, encode
from app.gateway.collected import SpooledPicture
from app.upstream.fetch import FetchFailed, ImageFetcher
from app.upstream.links import MAX_LINK_BYTES
from app.upstream.scanner import PictureKind

log = logging.getLogger(__name__)


class Shown(Struct, frozen=True):
    """A picture as the client will see it."""

    kind: PictureKind
    text: Callable[[], AsyncIterator[bytes]]
    """What stands between the quotes of its JSON string, in pieces."""


class Converter:
    """Turns pictures from one container into the other."""

    def __init__(self, spool: Spool, hosted: HostedImages, fetcher: ImageFetcher) -> None:
        self._spool = spool
        self._hosted = hosted
        self._fetcher = fetcher

    async def show(
        self, picture: SpooledPicture, wanted: PictureKind | None, hosts: Sequence[str], files: AsyncExitStack
    ) -> Shown:
        """The picture in the wanted container, else as it is; what it needs on disk lives as long as ``files``."""
        if wanted in (None, picture.kind):
            return as_given(picture)
        try:
            if wanted == "url":
                return await self._as_link(picture)
            return await self._as_base64(picture, hosts, files)
        except (GatewayError, FetchFailed, ValueError) as error:
            why = error.detail if isinstance(error, GatewayError) and error.detail else str(error)
            log.warning("a picture could not be converted", extra={"wanted": wanted, "detail": why})
            return as_given(picture)

    async def _as_link(self, picture: SpooledPicture) -> Shown:
        async with aclosing(decode(picture.text.read())) as chunks:
            link = await self._hosted.keep(chunks)
        return Shown("url", lambda: _once(orjson.dumps(link)[1:-1]))

    async def _as_base64(self, picture: SpooledPicture, hosts: Sequence[str], files: AsyncExitStack) -> Shown:
        """Fetch the whole picture first: only then can it be promised."""
        if picture.text.size_bytes > MAX_LINK_BYTES:
            raise FetchFailed("What stands in place of a link is none.")  # a data URI, not to be read into memory
        link = orjson.loads(b'"%b"' % b"".join([part async for part in picture.text.read()]))
        fetched = self._spool.open_file()
        files.push_async_callback(fetched.aclose)
        await self._fetch(link, hosts, fetched)
        return Shown("b64_json", lambda: encode(fetched.read()))

    async def _fetch(self, link: str, hosts: Sequence[str], into: SpooledFile) -> None:
        async with self._fetcher.open(link, hosts) as chunks:
            async for chunk in chunks:
                await into.write(chunk)
        await into.finish()
        if not content_type(into.head):
            raise FetchFailed("What the link leads to is no picture.")


def as_given(picture: SpooledPicture) -> Shown:
    """The picture as the upstream wrote it."""
    return Shown(picture.kind, picture.text.read)


async def _once(text: bytes) -> AsyncIterator[bytes]:
    yield text
