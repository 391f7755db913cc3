"""Money read and written: texts for programs and list prices are as exact as amounts are."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from app.money import MAX_MONEY, dollars, format_dollars, parse_dollars, token_price

AMOUNTS = st.integers(-MAX_MONEY, MAX_MONEY)
NUMERALS = st.text("0123456789.,$- ", max_size=24)


@given(AMOUNTS)
def test_a_bare_amount_is_exact(nanos: int) -> None:
    """What programs read is a decimal number worth exactly the amount, with two decimals at least."""
    told = dollars(nanos)

    assert Decimal(told) * 10**9 == nanos
    assert len(told.partition(".")[2]) >= 2


@given(NUMERALS)
def test_a_text_that_is_read_is_worth_what_it_says(text: str) -> None:
    """No spelling is taken for another amount than the number in it."""
    try:
        nanos = parse_dollars(text)
    except ValueError:
        return
    assert Decimal(text.strip().removeprefix("$").replace(",", "")) * 10**9 == nanos


@given(st.integers(0, 9_000_000_000), st.sampled_from(["", "0", "00"]))
def test_a_list_price_is_exact(thousandths: int, zeros: str) -> None:
    """Dollars per million tokens with three decimals are nano-dollars a token."""
    listed = f"{thousandths // 1000}.{thousandths % 1000:03d}{zeros}"

    assert token_price(listed) == thousandths


@given(NUMERALS)
def test_any_list_price_is_a_price_or_a_value_error(text: str) -> None:
    """And a price never rounds: a million tokens cost what is listed."""
    try:
        price = token_price(text)
    except ValueError:
        return
    assert price * 1_000_000 == parse_dollars(text)


@given(st.integers(0, MAX_MONEY), st.integers(0, MAX_MONEY), st.integers(0, 9))
def test_rounding_keeps_the_order(one: int, other: int, decimals: int) -> None:
    """A table sorted by amounts is sorted by what it shows."""
    shown = [Decimal(format_dollars(amount, decimals).removeprefix("$").replace(",", "")) for amount in (one, other)]

    assert (shown[0] < shown[1]) <= (one < other)
