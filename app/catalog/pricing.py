"""What a request can cost at most, and what an answer did cost; exact integers of nano-dollars."""

from msgspec import Struct

from app.catalog.normalise import ImageRequest
from app.catalog.profile import UnitPrices
from app.catalog.quote_rules import CapQuote, FormulaQuote, QuoteRule, TableQuote
from app.catalog.sizes import parse_size
from app.catalog.wording import not_priced
from app.money import Money

MOST_TOKENS = 10**7
"""The dearest valid request makes about 240,000 (ten pictures); a larger count than this is a fault of the upstream."""


class TokenUsage(Struct, frozen=True):
    """Tokens by the kinds that have prices of their own."""

    text_input: int
    image_input: int
    text_output: int
    image_output: int

    @property
    def total(self) -> int:
        """All of them, as token limits count."""
        return self.text_input + self.image_input + self.text_output + self.image_output


TOKEN_KINDS = TokenUsage.__struct_fields__
"""``text_input``, ``image_input``, ``text_output``, ``image_output``."""

NO_USAGE = TokenUsage(0, 0, 0, 0)


class Quote(Struct, frozen=True):
    """The most a request can cost: pictures, tokens and money, each an upper bound."""

    cost: Money
    images: int
    usage: TokenUsage
    prices: UnitPrices
    """What it was quoted at; the answer is settled at the same prices."""


NOTHING = Quote(
    cost=Money(0),
    images=0,
    usage=NO_USAGE,
    prices=UnitPrices(Money(0), Money(0), Money(0), Money(0), Money(0), source="nothing is bought"),
)
"""The quote of a request that is not made: with it the books tell how limits stand."""


def quote(request: ImageRequest) -> Quote:
    """The most this request can cost.

    Raises:
        InvalidRequest: the model has no price; an unknown price is never taken for zero.

    """
    prices = request.profile.prices
    if prices is None:
        raise not_priced(request.profile.name)
    usage = _most_tokens(request) if prices.by_tokens else NO_USAGE
    return Quote(cost=price(prices, usage, request.n), images=request.n, usage=usage, prices=prices)


def price(prices: UnitPrices, usage: TokenUsage, delivered_images: int) -> Money:
    """What an answer cost, exactly. Whether a usage can be believed is `read_usage`'s to say, before."""
    return Money(
        usage.text_input * prices.text_input
        + usage.image_input * prices.image_input
        + usage.text_output * prices.text_output
        + usage.image_output * prices.image_output
        + delivered_images * prices.per_image
    )


def read_usage(usage: object) -> TokenUsage | None:
    """The tokens an answer reports, or None when it reports none that can be believed.

    Only the documented keys are read (relays add others of their own). The totals rule: what the details leave
    unassigned is text on the way in and image on the way out, because the Images API often omits the details. No
    picture is made of no output, so zero output tokens are not believed either.
    """
    if not isinstance(usage, dict):
        return None
    text_input, image_input = _read_split(
        usage.get("input_tokens"), usage.get("input_tokens_details"), "image_tokens", "text_tokens"
    )
    image_output, text_output = _read_split(
        usage.get("output_tokens"), usage.get("output_tokens_details"), "text_tokens", "image_tokens"
    )
    if text_input < 0 or text_output < 0 or text_output + image_output == 0:
        return None
    return TokenUsage(text_input, image_input, text_output, image_output)


def gpt_image_2_tokens(factor: int, width: int, height: int) -> int:
    """Output tokens of one gpt-image-2 picture, after OpenAI's own calculator (community.openai.com/t/1382699).

    The picture is a grid of ``factor`` by ``side`` (the short edge's share, rounded half up), weighted by its area.
    ``side <= factor``, so no picture of ``p`` pixels exceeds ``factor² · (2,000,000 + p) / 4,000,000``, rounded up:
    the square is the dearest shape.
    """
    long, short = max(width, height), min(width, height)
    side = (2 * factor * short + long) // (2 * long)
    return -(-factor * side * (2_000_000 + width * height) // 4_000_000)


def _most_tokens(request: ImageRequest) -> TokenUsage:
    """A byte-level BPE makes at most one token of a byte; ``n`` pictures are billed like ``n`` requests."""
    rule = request.profile.quote
    if rule is None:
        raise ValueError(f"the profile of {request.profile.name} is billed by tokens and has no quote rule")
    prompt_tokens = len(request.prompt.encode()) + rule.text_overhead_tokens
    image_tokens = _most_image_tokens(request, rule) + _most_partial_tokens(request)
    return TokenUsage(prompt_tokens * request.n, _most_input_tokens(request) * request.n, 0, image_tokens * request.n)


def _most_input_tokens(request: ImageRequest) -> int:
    """Every picture sent along counts, the mask and the markup too: nobody says that they are free."""
    rule = request.profile.inputs.get(request.operation)
    if rule is None:
        return 0
    pictures = len(request.images) + (request.mask is not None) + (request.markup is not None)
    return pictures * (rule.image_tokens or 0)


def _most_partial_tokens(request: ImageRequest) -> int:
    streaming = request.profile.streaming
    return request.partial_images * streaming.partial_image_tokens if streaming else 0


def _most_image_tokens(request: ImageRequest, rule: QuoteRule) -> int:
    match rule:
        case CapQuote():
            return rule.formats.get(request.output_format, rule.image_tokens)
        case TableQuote():
            return max(
                [rule.tokens[quality][size] for quality in _qualities(request, rule) for size in _sizes(request, rule)]
            )
        case FormulaQuote():
            edges = [edges for size in _sizes(request, rule) if (edges := parse_size(size)) is not None]
            factors = [rule.factors[quality] for quality in _qualities(request, rule)]
            return max([gpt_image_2_tokens(factor, width, height) for factor in factors for width, height in edges])


def _qualities(request: ImageRequest, rule: FormulaQuote | TableQuote) -> tuple[str, ...]:
    """Every quality that what was asked for may become."""
    return rule.qualities.get(request.quality, (request.quality,))


def _sizes(request: ImageRequest, rule: FormulaQuote | TableQuote) -> tuple[str, ...]:
    """Every size that what was asked for may become."""
    return rule.sizes.get(request.size, (request.size,))


def _read_split(total: object, details: object, named_key: str, rest_key: str) -> tuple[int, int]:
    """A total as (rest, named): the named kind as the details say, the rest what remains; (-1, -1) for nonsense."""
    if details is None:
        details = {}
    if not isinstance(details, dict):
        return -1, -1
    all_of_it, named, rest = _count(total), _count(details.get(named_key)), _count(details.get(rest_key))
    if all_of_it < 0 or named < 0 or rest < 0 or named + rest > all_of_it:
        return -1, -1
    return all_of_it - named, named


def _count(value: object) -> int:
    """A believable number of tokens; an absent one is 0, nonsense is -1."""
    if value is None:
        return 0
    if type(value) is not int or not 0 <= value <= MOST_TOKENS:  # true is an int, and no number
        return -1
    return value
