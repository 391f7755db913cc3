"""Passes a stream of events on: comments while it is silent, the end of the last picture only when it is settled."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

import orjson

from app.errors import GatewayError
from app.gateway.door import Door, Header
from app.upstream.events import Piece

_COMMENT = b": keepalive\n\n"


class EventRelay:
    """Holds back the blank line that ends the last picture asked for: without it no client takes the event for whole.

    It goes out after the settlement. What an upstream still sends behind it (a partial image of what is finished) stays
    here.
    """

    def __init__(
        self, door: Door, head: Callable[[], Sequence[Header]], *, expected: int, keepalive_seconds: float
    ) -> None:
        self._door = door
        self._head = head
        self._missing = expected  # pictures that have not been completed yet
        self._keepalive_seconds = keepalive_seconds
        self._held = b""
        self._at_boundary = True
        self._sending = asyncio.Lock()
        self._sent_at = asyncio.get_running_loop().time()
        self._heart = asyncio.create_task(self._beat())
        self.passed_bytes = 0

    async def pass_on(self, pieces: Iterable[Piece], *, at_boundary: bool) -> None:
        """Take what came; ``at_boundary`` says whether it leaves no event unfinished."""
        out: list[bytes] = []
        for piece in pieces:
            if self._missing == 0:
                break
            self._missing -= piece.ends_completed
            if self._missing == 0:
                self._held = piece.data
            else:
                out.append(piece.data)
        await self._pass(b"".join(out), at_boundary=at_boundary and not self._held)

    async def add(self, piece: Piece) -> None:
        """Pass on what was settled before: nothing of it waits."""
        await self._pass(piece.data, at_boundary=piece.ends_completed)

    async def finish(self) -> None:
        """Settled: let the last line go, and end the stream."""
        async with self._sending:
            await self._open()
            self.passed_bytes += len(self._held)
            self._at_boundary = False
            await self._door.finish(self._held)

    async def tell(self, error: GatewayError) -> None:
        """End the stream with an error, where it has begun and stands between two events; else it has to be cut."""
        async with self._sending:
            may_follow = self._door.is_open and (self._at_boundary or self._held)
            self._at_boundary = False
            if may_follow:
                event = b"event: error\ndata: %b\n\n" % orjson.dumps(error.envelope())
                await self._door.finish(self._held + event)

    async def aclose(self) -> None:
        """Stop the comments."""
        self._heart.cancel()
        await asyncio.gather(self._heart, return_exceptions=True)

    async def _beat(self) -> None:
        """Say something whenever nothing was said for a while; the first time, that is the 200."""
        clock = asyncio.get_running_loop().time
        while True:
            due = self._sent_at + self._keepalive_seconds
            await asyncio.sleep(due - clock())
            async with self._sending:
                if self._at_boundary and clock() >= self._sent_at + self._keepalive_seconds:
                    await self._send(_COMMENT)
                elif not self._at_boundary:
                    self._sent_at = clock()  # the rest of the event is on its way

    async def _pass(self, data: bytes, *, at_boundary: bool) -> None:
        async with self._sending:
            if data:
                await self._send(data)
            self._at_boundary = at_boundary

    async def _send(self, data: bytes) -> None:
        await self._open()
        self.passed_bytes += len(data)
        await self._door.send(data)
        self._sent_at = asyncio.get_running_loop().time()

    async def _open(self) -> None:
        if not self._door.is_open:
            await self._door.start(self._head())
