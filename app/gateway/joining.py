"""A request that is the same purchase as an earlier one: it waits for that one's end, and gets what that one got."""

from collections.abc import Awaitable, Callable

from msgspec import Struct

from app.accounts.models import Principal
from app.catalog.normalise import ImageRequest
from app.errors import ClientGone, GatewayError, Overloaded, StoreUnavailable, earlier_failure
from app.gateway.departures import Awaited, Departures, awaited
from app.gateway.door import Door
from app.gateway.heads import replay_head
from app.gateway.in_flight import PerName
from app.gateway.pulse import COMMENT, WHITE_SPACE, Pulse
from app.gateway.record import Record
from app.gateway.replay import KEEPING_SECONDS, Replays
from app.gateway.telling import error_event, tell_in_body
from app.ledger.models import Identity
from app.requests.models import RequestRecord
from app.requests.register import Register
from app.requests.waiting import Waiter

_LONGEST_SECONDS = 86_400.0
"""No request takes longer than its deadlines allow; this ends a wait for one that nobody ends."""

_MOST_JOINERS = 20
"""Of one request at once in this process: they pay nothing, and have places that others could buy with."""


class Joined(Struct, frozen=True):
    """A request, and the earlier one that is the same purchase."""

    principal: Principal
    request: ImageRequest
    identity: Identity
    earlier: str

    @property
    def whom(self) -> Awaited:
        """The earlier one, as its departures are noted."""
        return awaited(self.principal.team.id, self.principal.key.id, self.earlier, self.identity)


class Joining:
    """Answers requests with the answers of others."""

    def __init__(
        self,
        register: Register,
        waiter: Waiter,
        replays: Replays,
        departures: Departures,
        keepalive_seconds: float,
    ) -> None:
        self._register = register
        self._waiter = waiter
        self._replays = replays
        self._departures = departures
        self._keepalive_seconds = keepalive_seconds
        self._joiners = PerName(_MOST_JOINERS)

    async def serve(self, door: Door, record: Record, joined: Joined, heartbeat_seconds: float | None) -> bool:
        """Give the earlier request's answer, or its error; False where nothing was bought, so that this one may buy.

        Raises:
            GatewayError: what the earlier one was told, or would have been.

        """
        record.joined = joined.earlier
        if not door.is_attended:
            await door.accept(joined.earlier, [])
            return True
        stream = joined.request.stream
        ended: RequestRecord | None = None
        pulse = Pulse(
            door,
            lambda: replay_head(joined.earlier if ended else None, stream=stream),
            beat=COMMENT if stream else WHITE_SPACE,
            seconds=self._keepalive_seconds if stream else heartbeat_seconds,
        )
        self._departures.watch(door, joined.whom)
        try:
            with self._joiners.one(joined.earlier):
                ended = await self._end_of(door, joined)
            if ended is None:
                record.joined = None
                return False
            await self._pass_on(door, ended, joined, pulse)
            record.answer_bytes = pulse.sent_bytes
        except GatewayError as error:
            await _tell(door, pulse, error, stream=stream)
            raise
        finally:
            await pulse.aclose()
            if ended is not None:
                await self._note(door, ended, joined.whom)
        return True

    async def _end_of(self, door: Door, joined: Joined) -> RequestRecord | None:
        """The earlier request when it is over; None where nothing came of it that anybody could be given."""
        found = await self._waiter.until_ended(
            joined.principal.team.id,
            joined.principal.key.id,
            joined.earlier,
            seconds=_LONGEST_SECONDS,
            gives_up=lambda: door.is_left,
        )
        if found is None or found.again:
            return None
        if not found.has_ended:
            raise _broken_off(door)
        return found

    async def _pass_on(self, door: Door, ended: RequestRecord, joined: Joined, pulse: Pulse) -> None:
        if ended.error is not None:
            raise earlier_failure(ended.error.status, ended.error.envelope)
        kept = await self._replays.open(
            joined.principal.team.id, ended, seconds=KEEPING_SECONDS, gives_up=lambda: door.is_left
        )
        if kept is None:
            raise _broken_off(door)
        left_bytes = kept.size_bytes
        async for piece in self._replays.pieces(kept):
            left_bytes -= len(piece)
            if left_bytes > 0:
                await pulse.send(piece, may_beat=False)
            else:
                await pulse.finish(piece, with_length=True)

    async def _note(self, door: Door, ended: RequestRecord, whom: Awaited) -> None:
        """Tell the register who has the answer, or was told the error; of who left without, the departure is noted."""
        if door.is_left:
            return
        if ended.error is not None:
            await _noted(self._register.told, whom)
        elif door.is_open:
            await _noted(self._register.given, whom)


async def _noted(what: Callable[[str, str, str, str], Awaitable[None]], whom: Awaited) -> None:
    try:
        await what(whom.team_id, whom.key_id, whom.request_id, whom.retries)
    except StoreUnavailable:
        """Then another retry may get the same once more, which costs nothing."""


async def _tell(door: Door, pulse: Pulse, error: GatewayError, *, stream: bool) -> None:
    """Where heartbeats have promised a 200 already, the error takes the place of the answer."""
    if not stream:
        await tell_in_body(door, pulse, error)
    elif door.is_open and pulse.may_beat:
        await pulse.stop()
        await pulse.finish(error_event(error))


def _broken_off(door: Door) -> GatewayError:
    if door.is_left:
        return ClientGone("The client hung up while it waited for the answer of an earlier request.")
    return Overloaded("The earlier request did not come to an end; try again in a moment.", retry_after_seconds=2)
