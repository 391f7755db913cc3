"""THE STORY of an image request: authenticate, normalise, quote, admit, forward, settle, record."""

import asyncio

from app.accounts.keys import KeyRing
from app.accounts.models import Principal
from app.catalog.pricing import NOTHING, quote
from app.errors import Conflict, GatewayError, Overloaded, StoreUnavailable
from app.gateway.buying import Afterwards, Buyer
from app.gateway.door import Door, Header
from app.gateway.identity import Identities
from app.gateway.joining import Joined, Joining
from app.gateway.later import LaterDoor, Refusals
from app.gateway.places import Place, Places
from app.gateway.pulse import heartbeat_seconds
from app.gateway.purchase import Purchase
from app.gateway.reading import RequestReader
from app.gateway.record import Record
from app.gateway.recorder import Recorder
from app.gateway.refusals import mismatch, rate_headers, refusal
from app.gateway.telling import tell_behind_beats, told_of
from app.gateway.turnstile import Turn, Turnstile
from app.ledger.ledger import Ledger
from app.ledger.models import Verdict

_MOST_JOINS = 10
"""How often the one that is waited for may come to nothing before the next one in line is told to try again."""


class Pipeline:
    """Walks a request down the stairs once and up once."""

    def __init__(
        self,
        keys: KeyRing,
        reader: RequestReader,
        identities: Identities,
        ledger: Ledger,
        turnstile: Turnstile,
        joining: Joining,
        refusals: Refusals,
        buyer: Buyer,
        recorder: Recorder,
        places: Places,
        *,
        keeps: bool,
    ) -> None:
        self._keys = keys
        self._reader = reader
        self._identities = identities
        self._ledger = ledger
        self._turnstile = turnstile
        self._joining = joining
        self._refusals = refusals
        self._buyer = buyer
        self._recorder = recorder
        self._places = places
        self._keeps = keeps  # answers, so that they can be fetched later

    async def serve(self, door: Door) -> None:
        """Serve one request, and record how it ended.

        Raises:
            GatewayError: the answer is this refusal; after the 200 was promised it means that the body must be cut.

        """
        record = self._recorder.begin(door)
        afterwards: Afterwards = []
        try:
            with self._places.one() as place:
                await self._serve(door, record, place, afterwards)
        except (Exception, asyncio.CancelledError) as error:
            record.error = told_of(error, record)
            raise record.error from error
        finally:
            record.status = door.status or (record.error.status if record.error else None)
            self._recorder.finish(record)
            for work in afterwards:
                await work()

    async def _serve(self, client: Door, record: Record, place: Place, afterwards: Afterwards) -> None:
        """Buy, or get what an earlier request of the same purchase got; buy after all where that came to nothing."""
        door = LaterDoor(client) if client.prefers_later and self._keeps else client
        for _ in range(_MOST_JOINS):
            try:
                found = await self._admit(door, record, place)
            except GatewayError as error:
                await self._refusals.keep(door, record, error)
                await tell_behind_beats(door, error, record)
                raise
            heartbeat = heartbeat_seconds(door.wishes, found.principal)
            if isinstance(found, Purchase):
                await self._buyer.buy(door, record, found, heartbeat, afterwards)
                return
            with record.timed("admit"), record.waiting():
                if await self._joining.serve(door, record, found, heartbeat):
                    return
        raise Overloaded("The requests this one is the same as came to nothing again and again.", retry_after_seconds=2)

    async def _admit(self, door: Door, record: Record, place: Place) -> Purchase | Joined:
        """Stages 1 to 4; once more from the start when a cached principal turned out to be old."""
        turn = self._turnstile.turn(door, record)
        try:
            fresh = False
            while not fresh or turn.is_waiting:
                if found := await self._try_to_admit(door, record, place, turn, fresh=fresh):
                    return found
                fresh = True
            if found := await self._try_to_admit(door, record, place, turn, fresh=True):
                return found
            with record.timed("admit"):
                raise Conflict("This virtual key is being changed at this moment; try again.", should_retry=True)
        finally:
            await turn.leave()

    async def _try_to_admit(
        self, door: Door, record: Record, place: Place, turn: Turn, *, fresh: bool
    ) -> Purchase | Joined | None:
        with record.timed("authenticate"):
            principal = record.principal = await self._keys.authenticate(door.authorization, fresh=fresh)
            with record.waiting():
                await place.take_for(principal.key.id)
        with record.timed("normalise"):
            try:
                with record.waiting():
                    order = await door.order()
                request = record.request = self._reader.read(order, principal)
                identity = self._identities.of(request, door)
            except GatewayError as error:
                if fresh or await self._keys.is_current(principal):
                    error.headers = await self._rates_of(principal, door)
                    raise
                return None  # refused for what the key was; it has been changed since
        with record.timed("quote"):
            quoted = record.quote = quote(request)
        with record.timed("admit"):
            note = self._reader.note(request, quoted)
            admission = await turn.admit(principal, request.profile.name, quoted, note, identity)
            if admission.verdict is Verdict.REFUSED:
                raise refusal(admission, quoted.cost)
            if admission.verdict is Verdict.MISMATCH:
                raise mismatch()
            if admission.verdict is Verdict.JOIN:
                return Joined(principal, request, identity, admission.earlier)
        return Purchase(principal, request, quoted, admission, admission.hold) if admission.hold else None

    async def _rates_of(self, principal: Principal, door: Door) -> list[Header]:
        """The rate headers of a refusal that no admission stands behind; none where Redis does not say."""
        try:
            return rate_headers(await self._ledger.would_admit(principal, door.request_id, "", NOTHING))
        except StoreUnavailable:
            return []
