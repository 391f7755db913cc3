"""THE STORY of an image request: authenticate, normalise, quote, admit, forward, settle, record."""

from dataclasses import asdict, dataclass
from typing import Any

from app.accounts.keys import KeyRing
from app.catalog.catalog import Catalog
from app.catalog.normalise import ImageRequest, normalise
from app.catalog.pricing import Quote, quote
from app.errors import ClientGone, Forbidden, GatewayError, InternalError, Unauthenticated
from app.gateway.door import Door, Header
from app.gateway.record import Record, Recorder
from app.gateway.refusals import rate_headers, refusal
from app.gateway.relay import Relay
from app.gateway.resolution import abandoned, delivered, failed, not_sent
from app.gateway.shelter import sheltered
from app.ledger.ledger import Ledger
from app.ledger.models import Admission, Hold, Resolution, Verdict
from app.upstream.client import UpstreamClient
from app.upstream.failure import ExchangeFailed


@dataclass(slots=True)
class Purchase:
    """An admitted request on its way, and how it would end if it ended now."""

    request: ImageRequest
    quote: Quote
    admission: Admission
    hold: Hold
    resolution: Resolution


class Pipeline:
    """Walks a request down the stairs once and up once."""

    def __init__(
        self, keys: KeyRing, catalog: Catalog, ledger: Ledger, upstream: UpstreamClient, recorder: Recorder
    ) -> None:
        self._keys = keys
        self._catalog = catalog
        self._ledger = ledger
        self._upstream = upstream
        self._recorder = recorder

    async def generate(self, door: Door) -> None:
        """Serve one request, and record how it ended.

        Raises:
            GatewayError: the answer is this refusal; after the 200 was promised it means that the body must be cut.

        """
        record = Record(door.request_id)
        try:
            purchase = await self._admit(door, record)
            await self._buy(door, record, purchase)
        except GatewayError as error:
            record.error = error
            raise
        except BaseException as error:
            record.error = InternalError("The gateway failed.", detail=repr(error))
            raise
        finally:
            self._recorder.finish(record)

    async def _admit(self, door: Door, record: Record) -> Purchase:
        """Stages 1 to 4; once more from the start when a cached principal turned out to be old."""
        purchase = await self._try_to_admit(door, record, fresh=False)
        purchase = purchase or await self._try_to_admit(door, record, fresh=True)
        if purchase is None:
            raise Unauthenticated("This virtual key is being changed at this moment; try again.")
        return purchase

    async def _try_to_admit(self, door: Door, record: Record, *, fresh: bool) -> Purchase | None:
        with record.timed("authenticate"):
            principal = record.principal = await self._keys.authenticate(door.authorization, fresh=fresh)
        with record.timed("normalise"):
            with record.waiting():
                body = await door.body()
            request = record.request = normalise(body, self._catalog)
            model = request.profile.name
            if not principal.may_use(model):
                raise Forbidden(f"This virtual key may not use the model `{model}`.", param="model")
        with record.timed("quote"):
            quoted = quote(request)
        with record.timed("admit"):
            note = self._note(request, quoted)
            admission = await self._ledger.admit(principal, door.request_id, model, quoted, note)
            if admission.verdict is Verdict.REFUSED:
                raise refusal(admission, quoted.cost)
        if admission.hold is None:
            return None
        return Purchase(request, quoted, admission, admission.hold, not_sent())

    async def _buy(self, door: Door, record: Record, purchase: Purchase) -> None:
        """Stages 5 and 6: forward and settle; the last bytes leave when the settlement is written."""
        relay = Relay(door, self._headers(purchase))
        try:
            with record.timed("forward"):
                await self._forward(door, record, purchase, relay)
        except ExchangeFailed as failure:
            purchase.resolution = failed(failure, purchase.quote)
            failure.error.headers = rate_headers(purchase.admission)
            raise failure.error from None
        finally:
            record.resolution = purchase.resolution
            with record.timed("settle"):
                await sheltered(self._ledger.resolve(purchase.hold, purchase.resolution))
            record.answer_bytes = relay.passed_bytes
        await relay.finish()

    async def _forward(self, door: Door, record: Record, purchase: Purchase, relay: Relay) -> None:
        def dispatched() -> None:
            if door.is_left:
                raise ClientGone("The client hung up before the request was sent.")
            purchase.resolution = abandoned(purchase.quote)

        async with self._upstream.exchange(purchase.request, dispatched) as exchange:
            record.first_byte_seconds = exchange.first_byte_seconds
            async for piece in exchange.pieces():
                await relay.pass_on(piece)
            if exchange.answer is not None:
                purchase.resolution = delivered(exchange.answer, purchase.quote)

    def _headers(self, purchase: Purchase) -> list[Header]:
        headers = [(b"content-type", b"application/json"), *rate_headers(purchase.admission)]
        if purchase.request.normalized:
            headers.append((b"x-imagegate-normalized", ", ".join(purchase.request.normalized).encode("ascii")))
        return headers

    def _note(self, request: ImageRequest, quoted: Quote) -> dict[str, Any]:
        """What the ledger entry keeps beside the numbers: what it was priced with, and whom it was for."""
        note: dict[str, Any] = {"prices": asdict(quoted.prices), "catalog": self._catalog.version}
        return note | ({"user": request.user} if request.user else {})
