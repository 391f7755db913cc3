"""An exchange that brought no answer to pass on: what the caller is told, and what it means for money and key."""

from collections.abc import Sequence
from enum import StrEnum

from app.errors import GatewayError


class Cause(StrEnum):
    """Why nothing was made, where that is certain: somebody refused before any model had the request."""

    UNREACHABLE = "unreachable"
    """No connection, or no TLS: not a byte has left. Nobody's key is to blame."""
    CROWDED = "crowded"
    """All our connections stayed in use. Asking again would only go to the end of the line."""
    BUSY = "busy"
    """A 429, by status or by code."""
    NO_CAPACITY = "no_capacity"
    """The upstream has no channel for the model now."""
    NOT_PERMITTED = "not_permitted"
    """This key may not do this; for other requests it may be as good as ever."""
    ACCOUNT = "account"
    """The key is not accepted, or its money is used up: no request will do better with it."""
    KEYS_OUT = "keys_out"
    """We did not ask: every key is out (:mod:`app.upstream.keys`)."""


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
        cause: Cause | None = None,
        nothing_made: bool = False,
        words: str = "",
    ) -> None:
        super().__init__(f"{error.code}: {error.detail or error.message}")
        self.error = error
        self.charged = charged
        self.usages = usages
        """What the upstream had told of its tokens: once, or of a stream once for each completed picture."""
        self.upstream_id = upstream_id
        self.delivered = delivered
        """Pictures a stream had completed before it failed."""
        self.cause = cause
        """Which refusal it was, if it was one of those; of an error inside a 200 too, for it tells of the key."""
        self.nothing_made = nothing_made
        """Whether no model can have had the request, so that sending it again cannot buy a second picture. False of
        every other 4xx and 5xx, of every silence after dispatch, and of everything behind the head of a 200."""
        self.words = words
        """The upstream's own. They may quote the prompt, so no other text of this failure has any of them that is not
        known to be harmless."""
        self.held_up = False
        """Whether whoever took the answer kept us from reading on for a while before it was lost: the upstream may have
        given up for that, so it tells nothing of the key."""
        self.retry_after_seconds: float | None = None
        """What the upstream asked for in its Retry-After, within bounds."""
