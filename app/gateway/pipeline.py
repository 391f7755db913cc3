"""THE STORY of an image request: authenticate, normalise, quote, admit, forward, settle, record."""

import asyncio
import logging
from dataclasses import asdict
from typing import Any

from app.accounts.keys import KeyRing
from app.catalog.catalog import Catalog
from app.catalog.normalise import ImageRequest, normalise
from app.catalog.pricing import Quote, quote
from app.errors import ClientGone, Conflict, Forbidden, GatewayError, InternalError
from app.gateway.door import Door
from app.gateway.in_flight import InFlight
from app.gateway.purchase import Purchase
from app.gateway.record import Record, Recorder
from app.gateway.refusals import refusal, stopped
from app.gateway.relay import Relay
from app.ledger.ledger import Ledger
from app.ledger.models import Verdict
from app.upstream.client import UpstreamClient
from app.upstream.failure import ExchangeFailed

log = logging.getLogger(__name__)


class Pipeline:
    """Walks a request down the stairs once and up once."""

    def __init__(
        self,
        keys: KeyRing,
        catalog: Catalog,
        ledger: Ledger,
        upstream: UpstreamClient,
        recorder: Recorder,
        in_flight: InFlight,
    ) -> None:
        self._keys = keys
        self._catalog = catalog
        self._ledger = ledger
        self._upstream = upstream
        self._recorder = recorder
        self._in_flight = in_flight

    async def generate(self, door: Door) -> None:
        """Serve one request, and record how it ended.

        Raises:
            GatewayError: the answer is this refusal; after the 200 was promised it means that the body must be cut.

        """
        record = Record(door.request_id)
        try:
            with self._in_flight.one():
                purchase = await self._admit(door, record)
                await self._buy(door, record, purchase)
        except GatewayError as error:
            record.error = error
            raise
        except asyncio.CancelledError as error:
            record.error = stopped(record.resolution)
            raise record.error from error
        except Exception as error:
            log.exception("image request failed", extra={"request_id": door.request_id})
            record.error = InternalError("The gateway failed to serve this request; it has been logged.")
            raise record.error from error
        finally:
            self._recorder.finish(record)

    async def _admit(self, door: Door, record: Record) -> Purchase:
        """Stages 1 to 4; once more from the start when a cached principal turned out to be old."""
        for fresh in (False, True):
            if purchase := await self._try_to_admit(door, record, fresh=fresh):
                return purchase
        with record.timed("admit"):
            raise Conflict("This virtual key is being changed at this moment; try again.", should_retry=True)

    async def _try_to_admit(self, door: Door, record: Record, *, fresh: bool) -> Purchase | None:
        with record.timed("authenticate"):
            principal = record.principal = await self._keys.authenticate(door.authorization, fresh=fresh)
        with record.timed("normalise"):
            with record.waiting():
                body = await door.body()
            request = record.request = normalise(body, self._catalog)
            model = request.profile.name
            if not principal.may_use(model):
                raise Forbidden(
                    f"This virtual key may not use the model `{model}`; GET /v1/models lists those it may.",
                    param="model",
                )
        with record.timed("quote"):
            quoted = quote(request)
        with record.timed("admit"):
            note = self._note(request, quoted)
            admission = await self._ledger.admit(principal, door.request_id, model, quoted, note)
            if admission.verdict is Verdict.REFUSED:
                raise refusal(admission, quoted.cost)
        return Purchase(request, quoted, admission, admission.hold) if admission.hold else None

    async def _buy(self, door: Door, record: Record, purchase: Purchase) -> None:
        """Stages 5 and 6: forward and settle; the last bytes leave when the settlement is written."""
        try:
            relay = Relay(door, purchase.headers())
            with record.timed("forward"):
                await self._forward(door, record, purchase, relay)
        except ExchangeFailed as failure:
            purchase.fell(failure)
            raise failure.error from None
        finally:
            record.resolution = purchase.resolution
            with record.timed("settle"):
                await self._ledger.resolve(purchase.hold, purchase.resolution)
        await relay.finish()
        record.answer_bytes = relay.passed_bytes

    async def _forward(self, door: Door, record: Record, purchase: Purchase, relay: Relay) -> None:
        def dispatched() -> None:
            if door.is_left:
                raise ClientGone("The client hung up before the request was sent.")
            purchase.dispatched()

        async with self._upstream.exchange(purchase.request, dispatched) as exchange:
            record.first_byte_seconds = exchange.first_byte_seconds
            async for piece in exchange.pieces():
                if exchange.answer is not None:
                    purchase.arrived(exchange.answer)
                await relay.pass_on(piece)

    def _note(self, request: ImageRequest, quoted: Quote) -> dict[str, Any]:
        """What the ledger entry keeps beside the numbers: what it was priced with, and whom it was for."""
        note: dict[str, Any] = {"prices": asdict(quoted.prices), "catalog": self._catalog.version}
        return note | ({"user": request.user} if request.user else {})
