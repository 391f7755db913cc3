"""Passes an answer on, one piece behind: the last bytes stay here until the request is settled."""

from app.gateway.keeping import Keeping
from app.gateway.pulse import Pulse

SMALL_BYTES = 16_384
"""An answer up to this size (a url, an error) is held whole, leaves in one write with its length, and keeps its status
even if its settlement fails."""


class Relay:
    """Holds the newest bytes back, so that whoever has a whole answer can already see it in the ledger."""

    def __init__(self, pulse: Pulse, keeping: Keeping) -> None:
        self._pulse = pulse
        self._keeping = keeping
        self._held = b""

    async def pass_on(self, piece: bytes) -> None:
        """Take the next piece and let the one before it go."""
        await self._keeping.write(piece)
        if len(self._held) + len(piece) <= SMALL_BYTES:
            self._held += piece
            return
        if self._held:
            await self._pulse.send(self._held, may_beat=False)
        self._held = piece

    async def finish(self) -> None:
        """Let the last piece go; a small answer leaves whole, with its length."""
        await self._pulse.finish(self._held, with_length=True)
