"""The answers of a purchase that have to be whole before any of them goes out, and what becomes of them together."""

import time
from contextlib import AsyncExitStack
from typing import Any

from app.assets.spool import Spool
from app.catalog.normalise import ImageRequest
from app.gateway.answer import Item, merged
from app.gateway.collected import Collected
from app.gateway.conversion import Converter, PictureForm


class Collection:
    """Collected answers by the number of their exchange."""

    def __init__(self, request: ImageRequest, spool: Spool, converter: Converter) -> None:
        self._request = request
        self._spool = spool
        self._converter = converter
        self._answers: dict[int, Collected] = {}
        self._files = AsyncExitStack()

    def __bool__(self) -> bool:
        return bool(self._answers)

    def begin(self, number: int) -> Collected:
        """Where the answer of this exchange is collected."""
        answer = self._answers[number] = Collected(self._spool)
        return answer

    async def items(self, wanted: PictureForm | None) -> list[Item]:
        """All pictures in order, in the container wanted where that can be had."""
        hosts = self._request.profile.url_hosts
        return [
            Item(
                await self._converter.show(picture, wanted, hosts, self._files),
                answer.document["data"][picture.index],
            )
            for answer in self._whole()
            for picture in answer.items(wanted)
        ]

    def fields(self) -> dict[str, Any]:
        """What stands beside the pictures."""
        return merged([answer.document for answer in self._whole()], created=int(time.time()))

    async def aclose(self) -> None:
        """Forget everything."""
        for answer in self._answers.values():
            await answer.aclose()
        await self._files.aclose()

    def _whole(self) -> list[Collected]:
        """Those that came whole."""
        return [answer for _, answer in sorted(self._answers.items()) if answer.document]
