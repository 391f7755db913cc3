"""``POST /v1/images/quote``: what a request would cost, and whether it would be admitted now; changes nothing."""

from typing import Any

import orjson
from msgspec import Struct

from app.accounts.keys import KeyRing
from app.catalog.estimate import lowest_cost
from app.catalog.normalise import ImageRequest
from app.catalog.pricing import Quote, quote
from app.errors import Conflict
from app.gateway.door import Door
from app.gateway.limits_left import iso, limits_left, scope_word
from app.gateway.places import Place, Places
from app.gateway.reading import RequestReader
from app.gateway.refusals import rate_headers, told
from app.ledger.ledger import Ledger
from app.ledger.models import Admission, Reason, Verdict
from app.money import dollars

_UNSHOWN = frozenset({"prompt", "image"})
"""What a caller need not be sent back: it is long, and they have it."""


class Quotes:
    """Walks stages 1 to 4 without setting anything aside."""

    def __init__(self, keys: KeyRing, reader: RequestReader, ledger: Ledger, places: Places) -> None:
        self._keys = keys
        self._reader = reader
        self._ledger = ledger
        self._places = places

    async def serve(self, door: Door) -> None:
        """Answer with the quotation.

        Raises:
            GatewayError: the request would be refused before any limit is looked at.

        """
        with self._places.one() as place:
            quotation = await self._quotation(door, place)
            body = orjson.dumps(quotation.document())
            head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            await door.start(head + rate_headers(quotation.admission))
            await door.finish(body)

    async def _quotation(self, door: Door, place: Place) -> "Quotation":
        principal = await self._keys.authenticate(door.authorization, fresh=True)
        await place.take_for(principal.key.id)
        request = self._reader.read(await door.order(), principal)
        quoted = quote(request)
        admission = await self._ledger.would_admit(principal, door.request_id, request.profile.name, quoted)
        if admission.verdict is Verdict.STALE:
            raise Conflict("This virtual key is being changed at this moment; try again.", should_retry=True)
        return Quotation(request, quoted, admission)


class Quotation(Struct, frozen=True):
    """A request, its quote, and what the books say to it."""

    request: ImageRequest
    quote: Quote
    admission: Admission

    def document(self) -> dict[str, Any]:
        """The answer; money in dollars as text, exact to nine decimals."""
        request, quote, lowest = self.request, self.quote, lowest_cost(self.request)
        return {
            "object": "image.quote",
            "operation": request.operation,
            "model": request.profile.name,
            "request": {name: value for name, value in request.fields.items() if name not in _UNSHOWN},
            "normalized": list(request.normalized),
            "images": request.n,
            "cost": {
                "highest": dollars(quote.cost),
                "lowest_estimate": None if lowest is None else dollars(min(lowest, quote.cost)),
            },
            "highest_tokens": quote.usage.total,
            "would_be_refused": [_refusal(reason, quote) for reason in self.admission.reasons],
            "left": limits_left(self.admission),
        }


def _refusal(reason: Reason, quote: Quote) -> dict[str, Any]:
    error = told(reason, quote.cost)
    waits = reason.retry_after_ms / 1000 if reason.retry_after_ms >= 0 else None
    return {
        "code": error.code,
        "reason": reason.code,
        "scope": scope_word(reason.scope),
        "message": error.message,
        "retry_after_seconds": waits,
        "resets_at": iso(reason.resets_ms) if reason.resets else None,
    }
