"""Pricing: the quote is never below the bill, the bill is exact, and an unknown price buys nothing."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.catalog.catalog import Catalog, load_catalog
from app.catalog.normalise import ImageRequest
from app.catalog.pricing import NO_USAGE, TokenUsage, gpt_image_2_tokens, price, quote, read_usage
from app.catalog.profile import UnitPrices
from app.errors import InvalidRequest
from app.money import Money
from tests.catalog.asking import ask

CATALOG = load_catalog()
GPT = CATALOG.find("gpt-image-2")
assert GPT.prices is not None
GPT_PRICES: UnitPrices = GPT.prices
FACTORS = {"low": 16, "medium": 48, "high": 96}


TABLE = {
    (1024, 1024): (196, 1756, 7024),
    (1536, 1024): (158, 1372, 5488),
    (1024, 1536): (158, 1372, 5488),
    (1792, 1024): (139, 1243, 5063),
    (1024, 640): (107, 956, 3824),
    (2048, 1152): (157, 1413, 5650),
    (2560, 1440): (205, 1843, 7370),
    (2048, 2048): (397, 3568, 14272),
    (3840, 2160): (371, 3336, 13342),
    (2880, 2880): (659, 5930, 23719),
}


@pytest.mark.parametrize(("size", "tokens"), TABLE.items())
def test_the_formula_gives_the_published_numbers(size: tuple[int, int], tokens: tuple[int, int, int]) -> None:
    """Every figure of the published table comes out exactly, by the formula and by the shipped profile."""
    assert tuple(gpt_image_2_tokens(factor, *size) for factor in FACTORS.values()) == tokens
    quoted = (quote(ask(CATALOG, size=f"{size[0]}x{size[1]}", quality=quality)) for quality in FACTORS)
    assert tuple(most.usage.image_output for most in quoted) == tokens


def test_auto_bounds_every_size() -> None:
    """No size the model makes, nor any other of as many pixels, exceeds what auto is quoted at."""
    dearest = quote(ask(CATALOG)).usage.image_output
    assert dearest == 23_719
    edges = range(16, 3841, 16)
    areas = ((width, height) for width in edges for height in edges if width * height <= 8_294_400)
    assert max(gpt_image_2_tokens(96, *area) for area in areas) == dearest
    odd = ((width, 8_294_400 // width) for width in range(1, 8_294_401, 997))
    assert max(gpt_image_2_tokens(96, *area) for area in odd) <= dearest


@pytest.mark.parametrize(
    ("fields", "same_as"),
    [
        ({}, {"size": "2880x2880", "quality": "high"}),
        ({"size": "auto", "quality": "auto"}, {"size": "2880x2880", "quality": "high"}),
        ({"size": "1024x1024"}, {"size": "1024x1024", "quality": "high"}),
        ({"quality": "low"}, {"size": "2880x2880", "quality": "low"}),
    ],
)
def test_auto_and_silence_are_quoted_at_the_dearest(fields: dict[str, Any], same_as: dict[str, Any]) -> None:
    """What is left open is held at the dearest it can become."""
    assert quote(ask(CATALOG, **fields)) == quote(ask(CATALOG, **same_as))


def test_a_quote_in_full() -> None:
    """Bytes of the prompt plus the overhead, tokens of the picture, both times n, at CometAPI's list price."""
    most = quote(ask(CATALOG, prompt="é", n=3, size="1024x1024", quality="low"))
    assert most.usage == TokenUsage(text_input=3 * (2 + 64), image_input=0, text_output=0, image_output=3 * 196)
    assert (most.images, most.cost) == (3, 198 * 4_000 + 588 * 24_000)


def test_the_sample_answer_costs_what_cometapi_says() -> None:
    """13 tokens in and 196 out cost $0.004756."""
    usage = read_usage({"input_tokens": 13, "output_tokens": 196, "total_tokens": 209})
    assert usage is not None
    assert price(GPT_PRICES, usage, 1) == 4_756_000


@st.composite
def bills(draw: st.DrawFn) -> tuple[ImageRequest, TokenUsage, int]:
    """A request, a usage its answer may report, and the number of pictures in it."""
    size = draw(st.sampled_from(list(TABLE)))
    quality = draw(st.sampled_from(list(FACTORS)))
    fields: dict[str, Any] = {"prompt": draw(st.text(min_size=1)), "n": draw(st.integers(1, 10))}
    if draw(st.booleans()):
        fields["size"] = f"{size[0]}x{size[1]}"
    if draw(st.booleans()):
        fields["quality"] = quality
    made = draw(st.integers(0, fields["n"]))
    prompt_tokens = draw(st.integers(1, len(fields["prompt"].encode()))) + 6
    image_tokens = made * gpt_image_2_tokens(FACTORS[quality], *size)
    return ask(CATALOG, **fields), TokenUsage(fields["n"] * prompt_tokens, 0, 0, image_tokens), made


@settings(deadline=None)  # a busy machine is no failure
@given(bills())
def test_the_quote_is_never_below_the_bill(bill: tuple[ImageRequest, TokenUsage, int]) -> None:
    """For any prompt, number, size and quality, chosen or left open, no usage within bounds costs more."""
    request, usage, made = bill
    most = quote(request)
    assert price(GPT_PRICES, usage, made) <= most.cost
    assert usage.total <= most.usage.total
    assert made <= most.images


def test_an_unpriced_model_is_refused(shipped: Catalog) -> None:
    """qwen-image ships without a price: 400 naming the model and the way out, never a free picture."""
    with pytest.raises(InvalidRequest) as refusal:
        quote(ask(shipped, model="qwen-image"))
    assert (refusal.value.status, refusal.value.param, refusal.value.code) == (400, "model", "model_not_priced")
    assert "IMAGEGATE_CATALOG_DIR" in refusal.value.message


def test_a_priced_model_is_billed_by_the_picture(qwen_priced: Catalog) -> None:
    """Once priced, qwen-image costs its price for each picture delivered, whatever the usage says or omits."""
    request = ask(qwen_priced, model="qwen-image")
    prices = request.profile.prices
    assert prices is not None
    assert not prices.by_tokens
    assert (quote(request).cost, quote(request).images, quote(request).usage.total) == (40_000_000, 1, 0)
    assert price(prices, NO_USAGE, 1) == 40_000_000
    assert price(prices, TokenUsage(9, 9, 9, 9), 2) == 80_000_000
    assert price(prices, NO_USAGE, 0) == 0


def test_each_kind_of_token_has_its_price() -> None:
    """Four kinds of token and the picture each count at their own price."""
    prices = UnitPrices(Money(1), Money(10), Money(100), Money(1_000), Money(10_000), source="this test")
    assert price(prices, TokenUsage(1, 2, 3, 4), 5) == 54_321


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        # The sample answer, its details spelled out.
        ({"input_tokens": 13, "output_tokens": 196, "total_tokens": 209,
          "input_tokens_details": {"text_tokens": 13, "image_tokens": 0},
          "output_tokens_details": {"image_tokens": 196, "text_tokens": 0}}, TokenUsage(13, 0, 0, 196)),
        # No details: text in, image out.
        ({"input_tokens": 16, "output_tokens": 208}, TokenUsage(16, 0, 0, 208)),
        ({"input_tokens": 16, "output_tokens": 208, "input_tokens_details": None}, TokenUsage(16, 0, 0, 208)),
        # An edit through a relay that adds counters of its own.
        ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 981, "input_tokens": 785, "output_tokens": 196,
          "prompt_tokens_details": {"cached_tokens_details": {}}, "claude_cache_creation_5_m_tokens": 0,
          "input_tokens_details": {"image_tokens": 768, "text_tokens": 17, "cached_tokens_details": {}}},
         TokenUsage(17, 768, 0, 196)),
        # Text among the output.
        ({"input_tokens": 5, "output_tokens": 110, "output_tokens_details": {"image_tokens": 100, "text_tokens": 10}},
         TokenUsage(5, 0, 10, 100)),
        # Details filled with zeros assign nothing.
        ({"input_tokens": 5, "output_tokens": 9, "output_tokens_details": {"image_tokens": 0, "text_tokens": 0}},
         TokenUsage(5, 0, 0, 9)),
        # Seedream reports no input.
        ({"generated_images": 1, "output_tokens": 16_384, "total_tokens": 16_384}, TokenUsage(0, 0, 0, 16_384)),
    ],
)  # fmt: skip
def test_usage_as_upstreams_write_it(usage: dict[str, object], expected: TokenUsage) -> None:
    """Only documented keys count, and what the details leave unassigned goes to the usual kind."""
    assert read_usage(usage) == expected


@pytest.mark.parametrize("total", [-1, True, "196", 196.0, [196], 10**9 + 1, 10**30])
@pytest.mark.parametrize("place", ["input_tokens", "output_tokens", "input_tokens_details", "output_tokens_details"])
def test_absurd_counts_are_not_believed(total: object, place: str) -> None:
    """Nonsense in any documented place voids the whole usage."""
    usage: dict[str, object] = {"input_tokens": 13, "output_tokens": 196}
    usage[place] = {"image_tokens": total} if place.endswith("details") else total
    assert read_usage(usage) is None


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        {"input_tokens": 13},
        {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0},
        {"input_tokens": 1, "output_tokens": 196, "input_tokens_details": {"text_tokens": 2}},
        {"input_tokens": 1, "output_tokens": 196, "output_tokens_details": []},
    ],
)
def test_no_usage_worth_the_name(usage: dict[str, object] | None) -> None:
    """Nothing, no output, or details beyond their total: unknown, so not free."""
    assert read_usage(usage) is None


COUNTS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
DETAILS = st.dictionaries(st.sampled_from(["text_tokens", "image_tokens", "x"]), COUNTS | st.integers(0, 9)) | COUNTS
USAGES = st.fixed_dictionaries(
    {},
    optional={
        "input_tokens": COUNTS | st.integers(0, 20),
        "output_tokens": COUNTS | st.integers(0, 20),
        "input_tokens_details": DETAILS,
        "output_tokens_details": DETAILS,
    },
)


@settings(deadline=None)  # a busy machine is no failure
@given(USAGES)
def test_any_usage_is_read_or_not_believed(usage: dict[str, object]) -> None:
    """Whatever stands there, no count is negative, and the parts are the documented totals."""
    read = read_usage(usage)
    if read is None:
        return
    assert min(read.text_input, read.image_input, read.text_output, read.image_output) >= 0
    assert read.text_input + read.image_input == (usage.get("input_tokens") or 0)
    assert read.text_output + read.image_output == usage["output_tokens"]
    assert price(GPT_PRICES, read, 1) > 0
