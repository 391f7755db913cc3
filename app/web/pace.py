"""How slowly a client may take its answer: not one piece for too long, and not all of them at a trickle."""

import asyncio
import time
from collections.abc import Awaitable
from typing import Final

LEAST_BYTES_PER_SECOND: Final = 8192
"""In the long run. A picture of 2 MB may take four minutes; what holds us longer is no reader but an attack."""


class Pace:
    """The patience with one client: spent while it takes nothing, earned back by what it takes."""

    def __init__(self, send_seconds: float) -> None:
        """``send_seconds`` is the most there ever is, and what there is at first."""
        self._most = self._left = send_seconds

    async def keep(self, taking: Awaitable[None], size_bytes: int) -> None:
        """Wait until a piece of this size is taken.

        Raises:
            TimeoutError: it is not, and there is no patience left.

        """
        began = time.monotonic()
        async with asyncio.timeout(self._left):
            await taking
        self._left = min(self._most, self._left - (time.monotonic() - began) + size_bytes / LEAST_BYTES_PER_SECOND)
