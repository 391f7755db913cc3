"""Passes a stream of events on: the end of the last picture only when it is settled."""

from collections.abc import Iterable

from app.errors import GatewayError
from app.gateway.door import Door
from app.gateway.keeping import Keeping
from app.gateway.pulse import Pulse
from app.gateway.telling import error_event
from app.upstream.events import Piece


class EventRelay:
    """Holds back the blank line that ends the last picture asked for: without it no client takes the event for whole.

    It goes out after the settlement. What an upstream still sends behind it (a partial image of what is finished) stays
    here.
    """

    def __init__(self, door: Door, pulse: Pulse, keeping: Keeping, *, expected: int) -> None:
        self._door = door
        self._pulse = pulse
        self._keeping = keeping
        self._missing = expected  # pictures that have not been completed yet
        self._held = b""
        self._may_follow: bool | None = None  # known once it has to end early

    async def is_between_events(self) -> bool:
        """Be silent from here on; whether an event of our own may follow what was sent."""
        if self._may_follow is None:
            self._may_follow = self._pulse.may_beat or bool(self._held)
            await self._pulse.stop()
        return self._may_follow

    def expect(self, pictures: int) -> None:
        """There will be fewer than were asked for."""
        self._missing = pictures

    async def pass_on(self, pieces: Iterable[Piece], *, at_boundary: bool) -> None:
        """Take what came; ``at_boundary`` says whether it leaves no event unfinished."""
        out: list[bytes] = []
        for piece in pieces:
            if self._missing == 0:
                break
            self._missing -= piece.ends_completed
            await self._keeping.write(piece.data)
            if self._missing == 0:
                self._held = piece.data
            else:
                out.append(piece.data)
        await self._pulse.send(b"".join(out), may_beat=at_boundary and not self._held)

    async def finish(self) -> None:
        """Settled: let the last line go, and end the stream."""
        await self._pulse.finish(self._held)

    async def tell(self, error: GatewayError) -> None:
        """End the stream with an error, where it has begun and stands between two events; else it has to be cut."""
        if await self.is_between_events() and self._door.is_open:
            await self._pulse.finish(self._held + error_event(error))
