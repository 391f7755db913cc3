"""THE STORY of an image request: authenticate, normalise, quote, admit, forward, settle, record."""

import asyncio
import logging
from dataclasses import asdict
from typing import Any

from app.accounts.keys import KeyRing
from app.catalog.catalog import Catalog
from app.catalog.normalise import ImageRequest, normalise
from app.catalog.policy import Policy
from app.catalog.pricing import Quote, quote
from app.errors import Conflict, Forbidden, GatewayError, InternalError
from app.gateway.delivery import Deliveries
from app.gateway.door import Door
from app.gateway.forward import Forward
from app.gateway.in_flight import InFlight
from app.gateway.purchase import Purchase
from app.gateway.reading import policy_of
from app.gateway.record import Record, Recorder
from app.gateway.refusals import rate_headers, refusal, stopped
from app.ledger.ledger import Ledger
from app.ledger.models import Verdict
from app.upstream.client import UpstreamClient

log = logging.getLogger(__name__)


class Pipeline:
    """Walks a request down the stairs once and up once."""

    def __init__(
        self,
        keys: KeyRing,
        catalog: Catalog,
        ledger: Ledger,
        upstream: UpstreamClient,
        deliveries: Deliveries,
        policy: Policy,
        recorder: Recorder,
        in_flight: InFlight,
    ) -> None:
        self._keys = keys
        self._catalog = catalog
        self._ledger = ledger
        self._upstream = upstream
        self._deliveries = deliveries
        self._policy = policy
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
                order = await door.order()
            request = record.request = normalise(order, self._catalog, policy_of(principal.key.options, self._policy))
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
        delivery = self._deliveries.of(door, purchase)
        try:
            try:
                with record.timed("forward"):
                    await Forward(self._upstream, door, record, delivery).all(purchase)
            finally:
                record.resolution = purchase.resolution
                with record.timed("settle"):
                    await self._ledger.resolve(purchase.hold, record.resolution)
            record.answer_bytes = await delivery.finish()
        except GatewayError as error:
            error.headers = rate_headers(purchase.admission)
            if purchase.resolution.charged:
                error.should_retry = False
            await delivery.tell(error)
            raise
        finally:
            await delivery.aclose()

    def _note(self, request: ImageRequest, quoted: Quote) -> dict[str, Any]:
        """What the ledger entry keeps beside the numbers: what it was priced with, and whom it was for."""
        note: dict[str, Any] = {"prices": asdict(quoted.prices), "catalog": self._catalog.version}
        return note | ({"user": request.user} if request.user else {})
