"""How a hold ends, decided from what came of the exchange. Pure (design: the resolution rule)."""

from app.catalog.pricing import Quote, price, read_usage
from app.ledger.models import NO_USAGE, Resolution
from app.upstream.failure import ExchangeFailed
from app.upstream.scanner import Answer


def delivered(answer: Answer, quote: Quote) -> Resolution:
    """A whole answer: its true cost, by its own usage and the pictures that came.

    A usage that is missing or cannot be believed is settled at the quote; a true cost above the quote is recorded in
    full, because it is what the upstream bills, and flagged, because the profile is wrong.
    """
    usage = read_usage(_mapping(answer.document.get("usage")))
    if usage is None and quote.prices.by_tokens:
        flags = ("at_quote", "bad_usage")
        return Resolution("delivered", charged=True, cost=quote.cost, delivered=answer.delivered, flags=flags)
    cost = price(quote.prices, usage, answer.delivered)
    above = ("above_quote",) if cost > quote.cost else ()
    return Resolution(
        "delivered", charged=True, cost=cost, delivered=answer.delivered, usage=usage or NO_USAGE, flags=above
    )


def failed(failure: ExchangeFailed, quote: Quote) -> Resolution:
    """No whole answer: given back when nothing can have been billed, else charged as far as it is known."""
    note = {"code": failure.error.error_code}
    if failure.upstream_id:
        note["upstream_id"] = failure.upstream_id
    if not failure.charged:
        return Resolution("failed", charged=False, note=note)
    usage = read_usage(failure.usage)
    if usage is None or not quote.prices.by_tokens:
        return Resolution("unknown", charged=True, cost=quote.cost, flags=("at_quote",), note=note)
    return Resolution("unknown", charged=True, cost=price(quote.prices, usage, 0), usage=usage, note=note)


def not_sent() -> Resolution:
    """The request ended before its first byte left: nothing can have been bought."""
    return Resolution("failed", charged=False, note={"code": "not_sent"})


def abandoned(quote: Quote) -> Resolution:
    """The request's own task ended after dispatch (shutdown, a fault of ours): nobody knows what was made."""
    return Resolution("unknown", charged=True, cost=quote.cost, flags=("at_quote",), note={"code": "abandoned"})


def _mapping(usage: object) -> dict[str, object] | None:
    return usage if isinstance(usage, dict) else None
