"""By what a request is known again. Pure."""

from app.catalog.normalise import ImageRequest
from app.gateway.door import Door
from app.ledger.models import Identity
from app.requests.fingerprint import fingerprint, idempotency_digest


class Identities:
    """``join_retries``: whether a retry of an SDK may be given the answer of its own earlier try."""

    def __init__(self, *, join_retries: bool) -> None:
        self._join_retries = join_retries

    def of(self, request: ImageRequest, door: Door) -> Identity:
        """The identity of a request.

        Raises:
            InvalidRequest: one of its headers makes no sense.

        """
        wishes = door.wishes
        return Identity(
            operation=request.operation,
            fingerprint=fingerprint(request),
            idempotency=idempotency_digest(wishes.idempotency_key) if wishes.idempotency_key is not None else "",
            retry_count=wishes.retry_count if self._join_retries else 0,
            attended=door.is_attended,
        )
