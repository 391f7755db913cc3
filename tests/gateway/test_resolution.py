"""What a purchase is charged, by what the upstream tells of its tokens."""

from typing import Any

import pytest

from app.catalog.pricing import NO_USAGE, Quote, TokenUsage, price
from app.catalog.profile import UnitPrices
from app.errors import UpstreamUnknown
from app.gateway.resolution import delivered, failed
from app.money import Money
from app.upstream.failure import ExchangeFailed

PRICES = UnitPrices(Money(5_000), Money(8_000), Money(10_000), Money(30_000), Money(0), source="the tests")
MOST = TokenUsage(40, 0, 0, 200)
QUOTE = Quote(price(PRICES, MOST, 1), 1, MOST, PRICES)


def usage(output_tokens: int) -> dict[str, Any]:
    """What an answer tells of its tokens."""
    return {"input_tokens": 9, "output_tokens": output_tokens}


@pytest.mark.parametrize(
    ("output_tokens", "flags"),
    [
        (196, ()),
        (400, ("above_quote",)),
        (23_991, ("above_quote",)),
        (23_992, ("at_quote", "bad_usage")),
        (10**7, ("at_quote", "bad_usage")),
        (0, ("at_quote", "bad_usage")),
        (-196, ("at_quote", "bad_usage")),
    ],
)
def test_tokens_are_believed_up_to_a_hundred_times_the_quote(output_tokens: int, flags: tuple[str, ...]) -> None:
    """Above the quote a profile is wrong, and the truth is charged; far above it is none, and the quote is."""
    found = delivered([usage(output_tokens)], 1, QUOTE)

    true_cost = price(PRICES, TokenUsage(9, 0, 0, output_tokens), 1) if "at_quote" not in flags else QUOTE.cost
    assert (found.cost, found.flags) == (true_cost, flags)


def test_tokens_of_what_is_sold_by_the_picture_are_nobody_s_money() -> None:
    """They are noted as they are told, and change no cost."""
    prices = UnitPrices(Money(0), Money(0), Money(0), Money(0), Money(40_000_000), source="the tests")
    found = delivered([usage(10**7)], 1, Quote(Money(40_000_000), 1, NO_USAGE, prices))

    assert (found.cost, found.flags, found.usage.image_output) == (Money(40_000_000), (), 10**7)


@pytest.mark.parametrize(
    ("usages", "flags"),
    [
        ((), ("at_quote",)),
        ((usage(196),), ()),
        ((usage(10**7),), ("at_quote", "bad_usage")),
        (({"output_tokens": "many"},), ("at_quote", "bad_usage")),
    ],
)
def test_a_lost_answer_is_charged_at_what_it_had_told(usages: tuple[object, ...], flags: tuple[str, ...]) -> None:
    """Its usage if it can be believed, else the quote; one that cannot be believed is flagged here too."""
    found = failed(ExchangeFailed(UpstreamUnknown("cut"), charged=True, usages=usages), QUOTE)

    assert (found.outcome, found.flags) == ("unknown", flags)
    assert (found.cost == QUOTE.cost) == ("at_quote" in flags)
