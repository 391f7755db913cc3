"""Stage 2: an order becomes a request under the rules in force for its key; and what the books note of it."""

from typing import Any

from app.accounts.models import KeyOptions, Principal
from app.catalog.catalog import Catalog
from app.catalog.normalise import ImageRequest, normalise
from app.catalog.order import Order
from app.catalog.policy import Policy
from app.catalog.pricing import Quote
from app.errors import Forbidden
from app.logs import without_keys


class RequestReader:
    """Normalises what a principal asks for; ``policy`` is the gateway's own."""

    def __init__(self, catalog: Catalog, policy: Policy) -> None:
        self._catalog = catalog
        self._policy = policy

    def read(self, order: Order, principal: Principal) -> ImageRequest:
        """The request, if it is a good one and this key may make it.

        Raises:
            InvalidRequest: a parameter breaks a rule.
            ModelNotFound: no such model.
            Forbidden: not with this key.

        """
        request = normalise(order, self._catalog, policy_of(principal.key.options, self._policy))
        model = request.profile.name
        if not principal.may_use(model):
            raise Forbidden(
                f"This virtual key may not use the model `{model}`; GET /v1/models lists those it may.", param="model"
            )
        return request

    def note(self, request: ImageRequest, quoted: Quote) -> dict[str, Any]:
        """What the ledger entry keeps beside the numbers: what it was priced with, and whom it was for."""
        note: dict[str, Any] = {"prices": quoted.prices.document(), "catalog": self._catalog.version}
        return note | ({"user": without_keys(request.user)} if request.user else {})


def policy_of(options: KeyOptions, own: Policy) -> Policy:
    """The choices in force for a key: its own, else the gateway's."""
    return Policy(
        strict=own.strict if options.strict is None else options.strict,
        pass_unknown_fields=(
            own.pass_unknown_fields if options.unknown_fields is None else options.unknown_fields == "pass"
        ),
        fan_out=options.fan_out,
    )
