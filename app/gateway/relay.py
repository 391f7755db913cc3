"""Passes an answer on, one piece behind: the last bytes stay here until the request is settled."""

from collections.abc import Sequence

from app.gateway.door import Door, Header

SMALL_BYTES = 16_384
"""An answer up to this size (a url, an error) is held whole, leaves in one write with its length, and keeps its status
even if its settlement fails."""


class Relay:
    """Holds the newest bytes back, so that whoever has a whole answer can already see it in the ledger."""

    def __init__(self, door: Door, headers: Sequence[Header]) -> None:
        self._door = door
        self._headers = headers
        self._held = b""
        self.passed_bytes = 0

    async def pass_on(self, piece: bytes) -> None:
        """Take the next piece and let the one before it go."""
        if len(self._held) + len(piece) <= SMALL_BYTES:
            self._held += piece
            return
        if self._held:
            await self._let_go()
        self._held = piece

    async def finish(self) -> None:
        """Let the last piece go; a small answer leaves whole, with its length."""
        self.passed_bytes += len(self._held)
        if not self._door.is_open:
            await self._door.start([*self._headers, (b"content-length", str(len(self._held)).encode())])
        await self._door.finish(self._held)

    async def _let_go(self) -> None:
        if not self._door.is_open:
            await self._door.start(self._headers)
        self.passed_bytes += len(self._held)
        await self._door.send(self._held)
