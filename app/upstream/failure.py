"""An exchange that brought no answer to pass on: what the caller is told, and what it means for the money."""

from collections.abc import Sequence

from app.errors import GatewayError


class ExchangeFailed(Exception):
    """Ends an exchange.

    ``charged`` False: the upstream cannot have billed it, or said itself that it failed: give the hold back.
    ``charged`` True: nobody knows; settle at the quote, or at ``usages`` where the upstream had told them already.
    """

    def __init__(
        self,
        error: GatewayError,
        *,
        charged: bool,
        usages: Sequence[object] = (),
        upstream_id: str | None = None,
        delivered: int = 0,
    ) -> None:
        super().__init__(f"{error.code}: {error.detail or error.message}")
        self.error = error
        self.charged = charged
        self.usages = usages
        """What the upstream had told of its tokens: once, or of a stream once for each completed picture."""
        self.upstream_id = upstream_id
        self.delivered = delivered
        """Pictures a stream had completed before it failed."""
