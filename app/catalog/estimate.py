"""What a request will cost if it turns out cheap: a guess for people, beside the quote, which is a bound."""

from app.catalog.normalise import ImageRequest
from app.catalog.pricing import NO_USAGE, TokenUsage, gpt_image_2_tokens, price
from app.catalog.quote_rules import CapQuote, FormulaQuote, QuoteRule, TableQuote
from app.catalog.sizes import parse_size
from app.money import Money

_BYTES_PER_TOKEN = 5
"""English prose has about 4.5 (o200k_base); a guess that is to be low takes more."""
_COMMON_SIZE = "1024x1024"
"""What a size left open most often becomes."""


def lowest_cost(request: ImageRequest) -> Money | None:
    """The least the request is likely to cost; None where its profile gives nothing to guess by."""
    prices, rule = request.profile.prices, request.profile.quote
    if prices is None:
        return None
    if not prices.by_tokens:
        return price(prices, NO_USAGE, request.n)
    picture = _least_image_tokens(request, rule) if rule else None
    if picture is None:
        return None
    text = max(1, len(request.prompt.encode()) // _BYTES_PER_TOKEN)
    return price(prices, TokenUsage(text * request.n, 0, 0, picture * request.n), request.n)


def _least_image_tokens(request: ImageRequest, rule: QuoteRule) -> int | None:
    match rule:
        case CapQuote():
            return None
        case TableQuote():
            return min(
                rule.tokens[quality][size] for quality in _qualities(request, rule) for size in _sizes(request, rule)
            )
        case FormulaQuote():
            return min(
                gpt_image_2_tokens(rule.factors[quality], *edges)
                for quality in _qualities(request, rule)
                for size in _sizes(request, rule)
                if (edges := parse_size(size)) is not None
            )


def _qualities(request: ImageRequest, rule: FormulaQuote | TableQuote) -> tuple[str, ...]:
    return rule.qualities.get(request.quality, (request.quality,))


def _sizes(request: ImageRequest, rule: FormulaQuote | TableQuote) -> tuple[str, ...]:
    """A word such as ``auto`` may become what is quoted, which is the dearest, or the common size."""
    possible = rule.sizes.get(request.size)
    return (request.size,) if possible is None else (*possible, _COMMON_SIZE)
