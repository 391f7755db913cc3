"""THE STORY of an image request: authenticate, normalise, quote, admit, forward, settle, record."""

import asyncio
import logging
from dataclasses import asdict
from typing import Any

from app.accounts.keys import KeyRing
from app.accounts.models import Principal
from app.catalog.normalise import ImageRequest
from app.catalog.pricing import NOTHING, Quote, quote
from app.errors import Conflict, GatewayError, InternalError, StoreUnavailable
from app.gateway.delivery import Deliveries
from app.gateway.door import Door, Header
from app.gateway.forward import Forward
from app.gateway.in_flight import InFlight
from app.gateway.purchase import Purchase
from app.gateway.reading import RequestReader
from app.gateway.record import Record, Recorder
from app.gateway.refusals import rate_headers, refusal, stopped
from app.gateway.turnstile import Turn, Turnstile
from app.ledger.ledger import Ledger
from app.ledger.models import Verdict
from app.upstream.client import UpstreamClient

log = logging.getLogger(__name__)


class Pipeline:
    """Walks a request down the stairs once and up once."""

    def __init__(
        self,
        keys: KeyRing,
        reader: RequestReader,
        ledger: Ledger,
        turnstile: Turnstile,
        upstream: UpstreamClient,
        deliveries: Deliveries,
        recorder: Recorder,
        in_flight: InFlight,
    ) -> None:
        self._keys = keys
        self._reader = reader
        self._ledger = ledger
        self._turnstile = turnstile
        self._upstream = upstream
        self._deliveries = deliveries
        self._recorder = recorder
        self._in_flight = in_flight

    async def serve(self, door: Door) -> None:
        """Serve one request, and record how it ended.

        Raises:
            GatewayError: the answer is this refusal; after the 200 was promised it means that the body must be cut.

        """
        record = Record(door.request_id)
        try:
            with self._in_flight.one():
                purchase = await self._admit(door, record)
                await self._buy(door, record, purchase)
        except (Exception, asyncio.CancelledError) as error:
            record.error = _told(error, record)
            raise record.error from error
        finally:
            self._recorder.finish(record)

    async def _admit(self, door: Door, record: Record) -> Purchase:
        """Stages 1 to 4; once more from the start when a cached principal turned out to be old."""
        turn = self._turnstile.turn(door, record)
        try:
            fresh = False
            while not fresh or turn.is_waiting:
                if purchase := await self._try_to_admit(door, record, turn, fresh=fresh):
                    return purchase
                fresh = True
            if purchase := await self._try_to_admit(door, record, turn, fresh=True):
                return purchase
            with record.timed("admit"):
                raise Conflict("This virtual key is being changed at this moment; try again.", should_retry=True)
        finally:
            await turn.leave()

    async def _try_to_admit(self, door: Door, record: Record, turn: Turn, *, fresh: bool) -> Purchase | None:
        with record.timed("authenticate"):
            principal = record.principal = await self._keys.authenticate(door.authorization, fresh=fresh)
        with record.timed("normalise"):
            try:
                with record.waiting():
                    order = await door.order()
                request = record.request = self._reader.read(order, principal)
            except GatewayError as error:
                if fresh or await self._keys.is_current(principal):
                    error.headers = await self._rates_of(principal, door)
                    raise
                return None  # refused for what the key was; it has been changed since
        with record.timed("quote"):
            quoted = quote(request)
        with record.timed("admit"):
            note = self._note(request, quoted)
            admission = await turn.admit(principal, request.profile.name, quoted, note)
            if admission.verdict is Verdict.REFUSED:
                raise refusal(admission, quoted.cost)
        return Purchase(request, quoted, admission, admission.hold) if admission.hold else None

    async def _buy(self, door: Door, record: Record, purchase: Purchase) -> None:
        """Stages 5 and 6: forward and settle; the last bytes leave when the settlement is written."""
        delivery = self._deliveries.of(door, purchase)
        try:
            try:
                with record.timed("forward"):
                    await Forward(self._upstream, door, record, delivery).all(purchase)
            finally:
                record.resolution = purchase.resolution
                with record.timed("settle"):
                    await self._ledger.resolve(purchase.hold, record.resolution)
            with record.timed("forward"):
                record.answer_bytes = await delivery.finish()
        except (Exception, asyncio.CancelledError) as error:
            told = _told(error, record)
            told.headers = rate_headers(purchase.admission)
            if purchase.resolution.charged:
                told.should_retry = False
            await delivery.tell(told)
            raise told from error
        finally:
            await delivery.aclose()

    async def _rates_of(self, principal: Principal, door: Door) -> list[Header]:
        """The rate headers of a refusal that no admission stands behind; none where Redis does not say."""
        try:
            return rate_headers(await self._ledger.would_admit(principal, door.request_id, "", NOTHING))
        except StoreUnavailable:
            return []

    def _note(self, request: ImageRequest, quoted: Quote) -> dict[str, Any]:
        """What the ledger entry keeps beside the numbers: what it was priced with, and whom it was for."""
        note: dict[str, Any] = {"prices": asdict(quoted.prices), "catalog": self._reader.catalog_version}
        return note | ({"user": request.user} if request.user else {})


def _told(error: BaseException, record: Record) -> GatewayError:
    """What the client is told of whatever ended its request."""
    if isinstance(error, GatewayError):
        return error
    if isinstance(error, asyncio.CancelledError):
        return stopped(record.resolution)
    log.error("image request failed", extra={"request_id": record.request_id}, exc_info=error)
    return InternalError("The gateway failed to serve this request; it has been logged.")
