"""An admitted request on its way, and how it would end if it ended now."""

from dataclasses import dataclass, field

from app.catalog.normalise import ImageRequest
from app.catalog.pricing import Quote
from app.gateway.door import Header
from app.gateway.refusals import rate_headers
from app.gateway.resolution import abandoned, delivered, failed, not_sent
from app.ledger.models import Admission, Hold, Resolution
from app.upstream.failure import ExchangeFailed
from app.upstream.scanner import Answer


@dataclass(slots=True)
class Purchase:
    """Takes note of each step as it happens, so that whatever comes next its hold can be resolved."""

    request: ImageRequest
    quote: Quote
    admission: Admission
    hold: Hold
    resolution: Resolution = field(default_factory=not_sent)

    def dispatched(self) -> None:
        """The first byte leaves: from here on nobody knows, until somebody says."""
        self.resolution = abandoned(self.quote)

    def arrived(self, answer: Answer) -> None:
        """The whole answer is here; a client that does not read it changes nothing about its cost."""
        self.resolution = delivered(answer, self.quote)

    def fell(self, failure: ExchangeFailed) -> None:
        """The exchange failed; what had arrived whole before stays so."""
        if self.resolution.outcome != "delivered":
            self.resolution = failed(failure, self.quote)
        failure.error.headers = rate_headers(self.admission)

    def headers(self) -> list[Header]:
        """The head of a 200."""
        headers = [(b"content-type", b"application/json"), *rate_headers(self.admission)]
        if self.request.normalized:
            headers.append((b"x-imagegate-normalized", ", ".join(self.request.normalized).encode("ascii")))
        return headers
