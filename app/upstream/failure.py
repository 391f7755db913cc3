"""An exchange that brought no answer to pass on: what the caller is told, and what it means for the money."""

from collections.abc import Mapping
from typing import Any

from app.errors import GatewayError


class ExchangeFailed(Exception):
    """Ends an exchange.

    ``charged`` False: the upstream cannot have billed it, or said itself that it failed: give the hold back.
    ``charged`` True: nobody knows; settle at the quote, or at ``usage`` where the upstream had told it already.
    """

    def __init__(
        self,
        error: GatewayError,
        *,
        charged: bool,
        usage: Mapping[str, Any] | None = None,
        upstream_id: str | None = None,
        delivered: int = 0,
    ) -> None:
        super().__init__(f"{error.code}: {error.detail or error.message}")
        self.error = error
        self.charged = charged
        self.usage = usage
        self.upstream_id = upstream_id
        self.delivered = delivered
        """Pictures a stream had completed before it failed."""
