"""Money: dollars in, nano-dollars kept, dollars out, and never a float between."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.money import MAX_MONEY, NANOS_PER_DOLLAR, format_dollars, parse_dollars, token_price


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("0", 0),
        ("12.50", 12_500_000_000),
        ("$12.50", 12_500_000_000),
        (" $1,234.5 ", 1_234_500_000_000),
        ("0.000000001", 1),
        ("1.0000000000", 1_000_000_000),
        ("9000000", MAX_MONEY),
    ],
)
def test_dollars_are_read_exactly(text: str, nanos: int) -> None:
    """Every way people write dollars gives the same nano-dollars."""
    assert parse_dollars(text) == nanos


@pytest.mark.parametrize(
    "text",
    ["", "$", "free", "-1", "-0.01", "nan", "inf", "-inf", "sNaN", "0x10", "1 2", "1.0000000001", f"1.{'0' * 40}1",
     "1e-9", "1_000", "12,50", "1.234,56", "1,2345", "$$5", "\u0661\u0662",
     "1e-999999", "9000000.01", "1e30", "1e999999"],
)  # fmt: skip
def test_what_is_no_amount_is_refused(text: str) -> None:
    """Words, negatives, fractions of a nano-dollar and amounts beyond the books are ValueErrors."""
    with pytest.raises(ValueError, match="amount of dollars"):
        parse_dollars(text)


@pytest.mark.parametrize(
    ("nanos", "text"),
    [
        (0, "$0.00"),
        (1, "$0.000000001"),
        (4_756_000, "$0.004756"),
        (40_000_000, "$0.04"),
        (12_500_000_000, "$12.50"),
        (-12_500_000_000, "-$12.50"),
        (MAX_MONEY, "$9,000,000.00"),
    ],
)
def test_dollars_are_written_exactly(nanos: int, text: str) -> None:
    """At least two decimals, and as many more as the amount has."""
    assert format_dollars(nanos) == text


@pytest.mark.parametrize(
    ("nanos", "decimals", "text"),
    [
        (4_756_000, 4, "$0.0048"),
        (4_756_000, 2, "$0.00"),
        (5_000_000, 2, "$0.01"),
        (1_995_000_000, 2, "$2.00"),
        (-5_000_000, 2, "-$0.01"),
        (1_500_000_000, 0, "$2"),
        (1, 9, "$0.000000001"),
        (-1, 2, "$0.00"),
    ],
)
def test_rounding_is_half_away_from_zero_and_only_when_asked(nanos: int, decimals: int, text: str) -> None:
    """With a number of decimals the amount is rounded to them, half away from zero."""
    assert format_dollars(nanos, decimals) == text


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(0, MAX_MONEY))
def test_writing_and_reading_is_the_identity(nanos: int) -> None:
    """What is written can be read back to the same nano-dollar."""
    assert parse_dollars(format_dollars(nanos)) == nanos


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(-MAX_MONEY, MAX_MONEY), st.integers(0, 9))
def test_rounding_moves_by_half_a_step_at_most(nanos: int, decimals: int) -> None:
    """A rounded amount is never further from the true one than half its last digit."""
    shown = format_dollars(nanos, decimals)
    digits = int("".join(char for char in shown if char.isdigit()))
    rounded = digits * 10 ** (9 - decimals) * (-1 if shown.startswith("-") else 1)
    assert abs(rounded - nanos) * 2 <= 10 ** (9 - decimals)


@settings(deadline=None)  # a busy machine is no failure
@given(st.text())
def test_any_text_is_an_amount_or_a_value_error(text: str) -> None:
    """No text gets past with anything but an amount within the books."""
    try:
        assert 0 <= parse_dollars(text) <= MAX_MONEY
    except ValueError as error:
        assert "amount of dollars" in str(error)  # noqa: PT017  both outcomes are right, each in its form


@pytest.mark.parametrize(("listed", "nanos"), [("30", 30_000), ("4", 4_000), ("0.20", 200), ("0.001", 1), ("0", 0)])
def test_a_list_price_is_a_price_a_token(listed: str, nanos: int) -> None:
    """Dollars per million tokens become nano-dollars a token."""
    assert token_price(listed) == nanos
    assert token_price(listed) * 1_000_000 == parse_dollars(listed)


@pytest.mark.parametrize("listed", ["0.0001", "1.2345", "cheap", "-1"])
def test_a_list_price_finer_than_the_books_is_refused(listed: str) -> None:
    """A price that would be rounded is refused: rounding would be multiplied by every token."""
    with pytest.raises(ValueError, match=r"price per million|amount of dollars"):
        token_price(listed)


def test_a_dollar() -> None:
    """A dollar is a billion nano-dollars, and the books stay within what a double counts exactly."""
    assert parse_dollars("1") == NANOS_PER_DOLLAR == 10**9
    assert MAX_MONEY < 2**53
