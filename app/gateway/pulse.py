"""The way of an answer to its client: a sign of life whenever it was silent for a while, never inside anything."""

import asyncio
import time
from collections.abc import Callable, Sequence

from app.accounts.models import Principal
from app.gateway.door import Door, Header, Wishes

WHITE_SPACE = b" "
"""What may stand before any JSON (RFC 8259 §2)."""
COMMENT = b": keepalive\n\n"
"""What readers of events pass over (HTML Living Standard, server-sent events)."""


def heartbeat_seconds(wishes: Wishes, principal: Principal) -> float | None:
    """How long JSON may be silent for this client; None: for as long as it takes."""
    chosen = wishes.heartbeat_seconds
    return (principal.key.options.heartbeat_seconds if chosen is None else chosen) or None


class Pulse:
    """Sends the pieces of one answer, and between them ``beat`` after each ``seconds`` of silence; None: never.

    The first beat promises the 200, with the head as it is known by then.
    """

    def __init__(self, door: Door, head: Callable[[], Sequence[Header]], *, beat: bytes, seconds: float | None) -> None:
        self._door = door
        self._head = head
        self._beat = beat
        self._seconds = seconds
        self._sending = asyncio.Lock()
        self.may_beat = True
        """Whether what was sent so far leaves room for a beat, or for something else of ours."""
        self._sent_at = time.monotonic()
        self._heart = asyncio.create_task(self._live(seconds)) if seconds else None
        self.has_spoken = False
        """Whether any piece of the answer itself has gone."""
        self.sent_bytes = 0

    async def send(self, data: bytes, *, may_beat: bool) -> None:
        """Send a piece; ``may_beat`` says whether a beat may follow it."""
        async with self._sending:
            if data:
                self.has_spoken = True
                await self._send(data)
            self.may_beat = may_beat

    async def finish(self, data: bytes, *, with_length: bool = False) -> None:
        """Send the last piece and end the answer; ``with_length`` tells it where this is all there is."""
        async with self._sending:
            self.may_beat = False
            if not self._door.is_open:
                length = [(b"content-length", b"%d" % len(data))] if with_length else []
                await self._door.start([*self._head(), *length])
            self.has_spoken = True
            self.sent_bytes += len(data)
            await self._door.finish(data)

    async def stop(self) -> None:
        """Beat no more."""
        async with self._sending:
            self.may_beat = False

    async def aclose(self) -> None:
        """End the beats."""
        self._head = tuple  # whose it is refers to us: a cycle would leave all of a request to the garbage collector
        if self._heart is not None:
            self._heart.cancel()
            await asyncio.gather(self._heart, return_exceptions=True)

    async def _live(self, seconds: float) -> None:
        clock = time.monotonic
        while True:
            await asyncio.sleep(self._sent_at + seconds - clock())
            async with self._sending:
                if self.may_beat and clock() >= self._sent_at + seconds:
                    await self._send(self._beat)
                elif not self.may_beat:
                    self._sent_at = clock()  # the rest of it is on its way

    async def _send(self, data: bytes) -> None:
        if not self._door.is_open:
            await self._door.start(self._head())
        self.sent_bytes += len(data)
        await self._door.send(data)
        self._sent_at = time.monotonic()
