"""Keeps knowing what is left of the account at CometAPI: asks once a minute, and remembers the last answer."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import httpx
from msgspec import Struct

from app.money import Money
from app.upstream.balance import BalanceFailed, fetch_left

log = logging.getLogger(__name__)

EVERY_SECONDS: Final = 60.0
_TOTAL_SECONDS: Final = 20.0


class Balance(Struct, frozen=True):
    """What came of the last question: money, or why there is none to be told."""

    left: Money | None
    asked_at: datetime
    error: str | None = None
    """For the operator; never holds the key."""


class BalanceWatch:
    """A task that asks, from `start` to `aclose`. The key stands in the URL, so neither is told or logged."""

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        url: str,
        key: str,
        user_agent: str,
        *,
        every_seconds: float = EVERY_SECONDS,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._transport = transport
        self._url = url
        self._key = key
        self._user_agent = user_agent
        self._every_seconds = every_seconds
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self.latest: Balance | None = None
        """None before the first answer."""

    def start(self) -> None:
        """Begin to ask."""
        self._task = asyncio.create_task(self._run(), name="balance watch")

    async def aclose(self) -> None:
        """Stop asking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self._transport.aclose()

    async def ask(self) -> Balance:
        """Ask once; what came of it is the latest."""
        asked_at = self._clock()
        try:
            left = await fetch_left(
                self._transport, self._url, self._key, total_seconds=_TOTAL_SECONDS, user_agent=self._user_agent
            )
        except BalanceFailed as error:
            found = Balance(None, asked_at, str(error))
            if self.latest is None or self.latest.error != found.error:  # once, not every minute
                log.warning("the upstream tells no balance", extra={"event": "balance_unknown", "why": found.error})
        else:
            found = Balance(left, asked_at)
        self.latest = found
        return found

    async def _run(self) -> None:
        while True:
            await self.ask()
            await asyncio.sleep(self._every_seconds)
