"""How a hold ends, decided from what came of the exchange. Pure (design: the resolution rule)."""

from collections.abc import Sequence

from msgspec.structs import replace

from app.catalog.pricing import Quote, TokenUsage, price, read_usage
from app.errors import UpstreamUnknown
from app.ledger.models import Outcome, Resolution
from app.money import Money
from app.upstream.failure import ExchangeFailed

_BEST_FIRST: tuple[Outcome, ...] = ("delivered", "unknown", "refused", "failed")
"""Of a mixed end the caller has the pictures, else perhaps bought some, else was told why not."""

_MOST_TIMES_THE_QUOTE = 100
"""The quote is an upper bound. A profile that is wrong is wrong by a factor of two or ten; tokens beyond this are no
truth that a team could be asked to pay."""

NOT_SENT = Resolution("failed", charged=False, note={"code": "not_sent"}, again=True)
"""The request ended before its first byte left: nothing can have been bought."""


def abandoned(quote: Quote) -> Resolution:
    """The request's own task ended after dispatch (shutdown, a fault of ours): nobody knows what was made."""
    return _unknown_at_quote(quote, 0, {"code": "abandoned"})


def delivered(usages: Sequence[object], images: int, quote: Quote) -> Resolution:
    """A whole answer: its true cost, by the usages it tells (one, or of a stream one a picture) and the pictures.

    A usage that is missing or cannot be believed is settled at the quote; a true cost above the quote, up to a hundred
    times as many tokens, is recorded in full, because it is what the upstream bills, and flagged, because the profile
    is wrong.
    """
    read = [read for usage in usages if (read := _believed(usage, quote)) is not None]
    if len(read) < max(1, len(usages)) and quote.prices.by_tokens:
        return Resolution("delivered", charged=True, cost=quote.cost, delivered=images, flags=("at_quote", "bad_usage"))
    return _at_true_cost("delivered", _sum_usage(read), images, quote)


def failed(failure: ExchangeFailed, quote: Quote) -> Resolution:
    """No whole answer: given back when nothing can have been billed, else charged as far as it is known."""
    note = {"code": failure.error.code}
    if failure.upstream_id:
        note["upstream_id"] = failure.upstream_id
    if not failure.charged:
        outcome: Outcome = "refused" if failure.error.status < 500 else "failed"
        return Resolution(outcome, charged=False, note=note, again=failure.nothing_made)
    if failure.delivered and not isinstance(failure.error, UpstreamUnknown):
        # The upstream itself ended a stream early: what it had completed is what it bills.
        return replace(delivered(failure.usages, failure.delivered, quote), note=note)
    if not failure.usages or not quote.prices.by_tokens:
        return _unknown_at_quote(quote, failure.delivered, note)
    usage = _believed(failure.usages[0], quote)
    if usage is None:
        return _unknown_at_quote(quote, failure.delivered, note, "bad_usage")
    return _at_true_cost("unknown", usage, failure.delivered, quote, note)


def together(parts: Sequence[Resolution]) -> Resolution:
    """Several exchanges under one hold as one resolution: costs and counts summed, the best outcome, every flag.

    Of the notes the first says the most: it is the one whose error the caller is told, if any.
    """
    if len(parts) == 1:
        return parts[0]
    return Resolution(
        outcome=min((part.outcome for part in parts), key=_BEST_FIRST.index),
        charged=any(part.charged for part in parts),
        cost=Money(sum(part.cost for part in parts)),
        delivered=sum(part.delivered for part in parts),
        usage=_sum_usage([part.usage for part in parts]),
        flags=tuple(dict.fromkeys(flag for part in parts for flag in part.flags)),
        note=next((part.note for part in parts if part.note), {}),
        again=all(part.again for part in parts),
    )


def _sum_usage(usages: Sequence[TokenUsage]) -> TokenUsage:
    if len(usages) == 1:
        return usages[0]
    return TokenUsage(
        text_input=sum(usage.text_input for usage in usages),
        image_input=sum(usage.image_input for usage in usages),
        text_output=sum(usage.text_output for usage in usages),
        image_output=sum(usage.image_output for usage in usages),
    )


def _believed(usage: object, quote: Quote) -> TokenUsage | None:
    """The tokens a usage tells; None where it tells none, or more than can be."""
    read = read_usage(usage)
    if read is not None and quote.prices.by_tokens and read.total > _MOST_TIMES_THE_QUOTE * quote.usage.total:
        return None
    return read


def _unknown_at_quote(quote: Quote, images: int, note: dict[str, str], *flags: str) -> Resolution:
    told = ("at_quote", *flags)
    return Resolution("unknown", charged=True, cost=quote.cost, delivered=images, flags=told, note=note)


def _at_true_cost(
    outcome: Outcome, usage: TokenUsage, images: int, quote: Quote, note: dict[str, str] | None = None
) -> Resolution:
    cost = price(quote.prices, usage, images)
    flags = ("above_quote",) if cost > quote.cost else ()
    return Resolution(outcome, charged=True, cost=cost, delivered=images, usage=usage, flags=flags, note=note or {})
