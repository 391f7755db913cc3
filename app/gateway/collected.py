"""An answer kept whole before any of it goes to the client: its words in memory, its pictures in the spool."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

from msgspec import Struct

from app.assets.spool import Spool, SpooledFile
from app.upstream.scanner import Answer, PictureKind, Segment, SegmentKind


class SpooledPicture(Struct, frozen=True):
    """One picture as the upstream wrote it, between the quotes of its JSON string."""

    index: int
    """Position of its item in ``data``."""
    kind: PictureKind
    text: SpooledFile


class Collected:
    """Takes the segments of one answer."""

    def __init__(self, spool: Spool, files: AsyncExitStack) -> None:
        self._spool = spool
        self._files = files  # closes the pictures, whoever forgets this answer
        self.pictures: list[SpooledPicture] = []
        self.document: dict[str, Any] = {}
        """The answer without its pictures, once it is whole."""

    async def take(self, segments: Sequence[Segment]) -> None:
        """Keep what came."""
        for segment in segments:
            if segment.kind is SegmentKind.PICTURE:
                if segment.start is not None:
                    await self._end_picture()
                    start = segment.start
                    text = self._spool.open_file()
                    self._files.push_async_callback(text.aclose)
                    self.pictures.append(SpooledPicture(start.index, start.kind, text))
                await self.pictures[-1].text.write(segment.data)

    async def end(self, answer: Answer) -> None:
        """The answer is whole."""
        await self._end_picture()
        self.document = answer.document

    def items(self, wanted: PictureKind | None) -> list[SpooledPicture]:
        """One picture of each item, of the wanted kind where the item has both."""
        chosen: dict[int, SpooledPicture] = {}
        for picture in self.pictures:
            if picture.index not in chosen or picture.kind == wanted:
                chosen[picture.index] = picture
        return list(chosen.values())

    async def _end_picture(self) -> None:
        if self.pictures:
            await self.pictures[-1].text.finish()
