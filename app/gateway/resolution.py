"""How a hold ends, decided from what came of the exchange. Pure (design: the resolution rule)."""

from app.catalog.pricing import NO_USAGE, Quote, TokenUsage, price, read_usage
from app.ledger.models import Outcome, Resolution
from app.upstream.failure import ExchangeFailed
from app.upstream.scanner import Answer


def not_sent() -> Resolution:
    """The request ended before its first byte left: nothing can have been bought."""
    return Resolution("failed", charged=False, note={"code": "not_sent"})


def abandoned(quote: Quote) -> Resolution:
    """The request's own task ended after dispatch (shutdown, a fault of ours): nobody knows what was made."""
    return Resolution("unknown", charged=True, cost=quote.cost, flags=("at_quote",), note={"code": "abandoned"})


def delivered(answer: Answer, quote: Quote) -> Resolution:
    """A whole answer: its true cost, by its own usage and the pictures that came.

    A usage that is missing or cannot be believed is settled at the quote; a true cost above the quote is recorded in
    full, because it is what the upstream bills, and flagged, because the profile is wrong.
    """
    usage = read_usage(answer.document.get("usage"))
    if usage is None and quote.prices.by_tokens:
        flags = ("at_quote", "bad_usage")
        return Resolution("delivered", charged=True, cost=quote.cost, delivered=answer.delivered, flags=flags)
    return _at_true_cost("delivered", usage or NO_USAGE, answer.delivered, quote)


def failed(failure: ExchangeFailed, quote: Quote) -> Resolution:
    """No whole answer: given back when nothing can have been billed, else charged as far as it is known."""
    note = {"code": failure.error.code}
    if failure.upstream_id:
        note["upstream_id"] = failure.upstream_id
    if not failure.charged:
        outcome: Outcome = "refused" if failure.error.status < 500 else "failed"
        return Resolution(outcome, charged=False, note=note)
    usage = read_usage(failure.usage)
    if usage is None or not quote.prices.by_tokens:
        return Resolution("unknown", charged=True, cost=quote.cost, flags=("at_quote",), note=note)
    return _at_true_cost("unknown", usage, 0, quote, note)


def _at_true_cost(
    outcome: Outcome, usage: TokenUsage, images: int, quote: Quote, note: dict[str, str] | None = None
) -> Resolution:
    cost = price(quote.prices, usage, images)
    flags = ("above_quote",) if cost > quote.cost else ()
    return Resolution(outcome, charged=True, cost=cost, delivered=images, usage=usage, flags=flags, note=note or {})
