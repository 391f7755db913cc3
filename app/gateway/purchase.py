"""An admitted request on its way, and how it would end if it ended now."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from app.accounts.models import Principal
from app.catalog.normalise import ImageRequest
from app.catalog.pricing import Quote, TokenUsage
from app.gateway.resolution import NOT_SENT, abandoned, delivered, failed, together
from app.ledger.models import Admission, Hold, Resolution
from app.money import Money
from app.upstream.failure import ExchangeFailed


class Part(Struct):
    """One exchange of a purchase: takes note of each step as it happens."""

    quote: Quote
    resolution: Resolution = NOT_SENT

    def dispatched(self) -> None:
        """The first byte leaves: from here on nobody knows, until somebody says."""
        self.resolution = abandoned(self.quote)

    def taken_back(self) -> None:
        """Nothing can have been made of what was sent, and it will be sent again: it ends as it did before."""
        self.resolution = NOT_SENT

    def arrived(self, usages: Sequence[object], images: int) -> None:
        """The whole answer is here; a client that does not read it changes nothing about its cost."""
        self.resolution = delivered(usages, images, self.quote)

    def fell(self, failure: ExchangeFailed) -> None:
        """The exchange failed; what had arrived whole before stays so."""
        if self.resolution.outcome != "delivered":
            self.resolution = failed(failure, self.quote)


class Purchase:
    """A request, what was set aside for it, and its exchanges: one, or under fan-out as many as pictures."""

    def __init__(
        self, principal: Principal, request: ImageRequest, quote: Quote, admission: Admission, hold: Hold
    ) -> None:
        self.principal = principal
        self.request = request
        self.admission = admission
        self.hold = hold
        self.parts = [Part(_share(quote, request.exchanges)) for _ in range(request.exchanges)]

    @property
    def resolution(self) -> Resolution:
        """How the hold ends: all its exchanges together."""
        resolution = together([part.resolution for part in self.parts])
        if not self.request.profile.assumed:
            return resolution
        return replace(resolution, flags=(*resolution.flags, "assumed"))


def _share(quote: Quote, exchanges: int) -> Quote:
    """What one of several equal exchanges can cost; a quote is a multiple of it, being so many pictures' price."""
    if exchanges == 1:
        return quote
    usage = quote.usage
    counts = (usage.text_input, usage.image_input, usage.text_output, usage.image_output)
    return Quote(
        cost=Money(-(-quote.cost // exchanges)),
        images=-(-quote.images // exchanges),
        usage=TokenUsage(*(-(-count // exchanges) for count in counts)),
        prices=quote.prices,
    )
