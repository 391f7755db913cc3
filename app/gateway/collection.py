"""The answers of a purchase that have to be whole before any of them goes out, and what becomes of them together."""

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any

from app.assets.spool import Spool
from app.catalog.normalise import ImageRequest
from app.gateway.answer import Item, merged
from app.gateway.collected import Collected
from app.gateway.conversion import Converter, as_given
from app.upstream.scanner import PictureKind


class Collection:
    """Collected answers by the number of their exchange."""

    def __init__(self, request: ImageRequest, spool: Spool, converter: Converter) -> None:
        self._request = request
        self._spool = spool
        self._converter = converter
        self._answers: dict[int, Collected] = {}
        self._files: AsyncExitStack | None = None  # most answers pass, and are not collected

    def __bool__(self) -> bool:
        return bool(self._answers)

    def begin(self, number: int) -> Collected:
        """Where the answer of this exchange is collected."""
        self._files = self._files or AsyncExitStack()
        answer = self._answers[number] = Collected(self._spool, self._files)
        return answer

    async def items(self, wanted: PictureKind | None, *, is_wanted: bool) -> list[Item]:
        """All pictures in order, in the container wanted where that can be had.

        Nothing is converted that nobody will see. When the gateway is stopped meanwhile, pictures go out as they
        are: they are paid for, and there is no other time to hand them over.
        """
        found = [(answer, picture) for answer in self._whole() for picture in answer.items(wanted)]
        hosts, files = self._request.profile.url_hosts, self._files
        if files is None:
            return []
        wanted = wanted if is_wanted else None
        try:
            shown = await asyncio.gather(*[self._converter.show(picture, wanted, hosts, files) for _, picture in found])
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is not None:
                task.uncancel()
            shown = [as_given(picture) for _, picture in found]
        return [
            Item(show, answer.document["data"][picture.index])
            for show, (answer, picture) in zip(shown, found, strict=True)
        ]

    def fields(self) -> dict[str, Any]:
        """What stands beside the pictures."""
        return merged([answer.document for answer in self._whole()], created=int(time.time()))

    async def aclose(self) -> None:
        """Forget everything; a cancellation in between leaves nothing open."""
        if self._files is not None:
            await self._files.aclose()

    def _whole(self) -> list[Collected]:
        """Those that came whole."""
        return [answer for _, answer in sorted(self._answers.items()) if answer.document]
