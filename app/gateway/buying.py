"""Stages 5 and 6: forward an admitted request and settle it; its last bytes leave when the settlement is written."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing

from msgspec.structs import asdict

from app.errors import GatewayError
from app.gateway.delivery import Deliveries, Delivery
from app.gateway.departures import Departures, awaited
from app.gateway.door import Door
from app.gateway.forward import Forward
from app.gateway.keeping import Keepings
from app.gateway.purchase import Purchase
from app.gateway.record import Record
from app.gateway.refusals import rate_headers
from app.gateway.telling import told_of
from app.ledger.ledger import Ledger
from app.ledger.models import Ending
from app.requests.models import StoredError
from app.upstream.client import UpstreamClient

Afterwards = list[Callable[[], Awaitable[None]]]
"""What is done when a request is over and recorded: nobody waits for it, and it takes nobody's place."""


class Buyer:
    """Buys what was admitted. Nobody's hang-up stops it once the request is on its way."""

    def __init__(
        self,
        ledger: Ledger,
        upstream: UpstreamClient,
        deliveries: Deliveries,
        keepings: Keepings,
        departures: Departures,
    ) -> None:
        self._ledger = ledger
        self._upstream = upstream
        self._deliveries = deliveries
        self._keepings = keepings
        self._departures = departures

    async def buy(
        self,
        door: Door,
        record: Record,
        purchase: Purchase,
        heartbeat_seconds: float | None,
        afterwards: Afterwards,
    ) -> None:
        """Forward, settle, and let the last bytes go; ``afterwards`` the copy is put away.

        Raises:
            GatewayError: the answer is this refusal; after the 200 was promised it means that the body must be cut.

        """
        hold = purchase.hold
        whom = awaited(hold.team_id, hold.key_id, hold.request_id, hold.identity)
        keeping = self._keepings.begin(purchase)
        afterwards.append(keeping.aclose)
        async with aclosing(self._deliveries.of(door, purchase, keeping, heartbeat_seconds)) as delivery:
            self._departures.watch(door, whom)
            failure = await _failure_of(self._forward(door, record, delivery, purchase), record)
            door.when_left(None)  # the settlement tells whether it was there
            is_there = door.is_attended and not door.is_left and await _can_be_answered(delivery, failure)
            ending = _ending(record, "" if failure else keeping.promise(), failure, attended=is_there)
            settling = await _failure_of(self._settle(record, purchase, ending), record)
            failure = failure or settling or await _failure_of(_finish(record, delivery), record)
            if failure is not None:
                failure.headers = rate_headers(purchase.admission)
                if purchase.resolution.charged:
                    failure.should_retry = False
                await delivery.tell(failure)
                raise failure
            if door.is_left and ending.attended:
                self._departures.note(whom)  # it was still there when that was written

    async def _forward(self, door: Door, record: Record, delivery: Delivery, purchase: Purchase) -> None:
        """Run the exchanges to their end."""
        try:
            with record.timed("forward"):
                await door.accept(purchase.hold.request_id, rate_headers(purchase.admission))
                await Forward(self._upstream, door, record, delivery).all(purchase)
        finally:
            record.resolution = purchase.resolution

    async def _settle(self, record: Record, purchase: Purchase, ending: Ending) -> None:
        with record.timed("settle"):
            await self._ledger.resolve(purchase.hold, purchase.resolution, ending)


async def _can_be_answered(delivery: Delivery, failure: GatewayError | None) -> bool:
    """With its answer, or with what it failed of; one that is cancelled here is cut, and comes again to learn of it."""
    try:
        return failure is None or await delivery.can_tell()
    except asyncio.CancelledError:
        return False


async def _finish(record: Record, delivery: Delivery) -> None:
    with record.timed("forward"):
        record.answer_bytes = await delivery.finish()


async def _failure_of(work: Awaitable[None], record: Record) -> GatewayError | None:
    """What the client is told where a piece of work fails or is cancelled; what follows has to be done all the same."""
    try:
        await work
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - told and logged, and settled before that
        return told_of(error, record)
    return None


def _ending(record: Record, result: str, failure: GatewayError | None, *, attended: bool) -> Ending:
    return Ending(
        attended=attended,
        result=result,
        error=None if failure is None else asdict(StoredError.of(failure)),
        about=record.about(),
    )
