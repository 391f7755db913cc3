"""Money is an integer number of nano-dollars (10⁻⁹ USD); nothing here or elsewhere holds dollars in a float.

One image token at $30 per million costs 30,000 nano-dollars. Lua holds numbers as doubles, which are exact up to
2⁵³ ≈ 9.007·10¹⁵, so no amount above ``MAX_MONEY`` ($9,000,000) enters the books.
"""

from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import NewType

Money = NewType("Money", int)
"""Nano-dollars."""

ZERO = Money(0)
NANOS_PER_DOLLAR = 1_000_000_000
MAX_MONEY = Money(9_000_000 * NANOS_PER_DOLLAR)
TOKENS_PER_PRICE = 1_000_000
"""List prices are given per million tokens."""

_NANO = Decimal("1e-9")
_EXACT = Context(prec=28, traps=[Inexact])
"""Raises rather than rounds."""


def parse_dollars(text: str) -> Money:
    """Read ``"12.50"`` (with or without ``$``) exactly.

    Raises:
        ValueError: not a number, negative, finer than a nano-dollar, or above ``MAX_MONEY``.

    """
    try:
        amount = Decimal(text.strip().removeprefix("$").replace(",", "").replace("_", ""))
    except InvalidOperation:
        raise ValueError(f"not an amount of dollars: {text!r}") from None
    if not amount.is_finite() or amount < 0:
        raise ValueError(f"an amount of dollars must be zero or more: {text!r}")
    # Before any arithmetic: 1e999999 would overflow it, or make an integer of a million digits.
    if amount > MAX_MONEY // NANOS_PER_DOLLAR:
        raise ValueError(f"an amount of dollars may be at most {format_dollars(MAX_MONEY)}: {text!r}")
    try:
        exact = amount.quantize(_NANO, context=_EXACT)
    except Inexact:
        raise ValueError(f"an amount of dollars has at most 9 decimals: {text!r}") from None
    return Money(int(exact * NANOS_PER_DOLLAR))


def format_dollars(amount: int, decimals: int | None = None) -> str:
    """Write nano-dollars as dollars, exactly, with at least two decimals; ``decimals`` rounds half away from 0."""
    nanos = abs(amount)
    if decimals is not None:
        step = 10 ** (9 - decimals)
        nanos = (nanos + step // 2) // step * step
    sign = "-" if amount < 0 < nanos else ""
    whole, fraction = divmod(nanos, NANOS_PER_DOLLAR)
    digits = f"{fraction:09d}"
    kept = digits[:decimals] if decimals is not None else digits.rstrip("0").ljust(2, "0")
    return f"{sign}${whole:,}.{kept}" if kept else f"{sign}${whole:,}"


def token_price(dollars_per_million: str) -> Money:
    """The price of one token, in nano-dollars, from a list price in dollars per million tokens.

    Raises:
        ValueError: the list price is finer than a nano-dollar a token ($0.001 per million).

    """
    nanos = parse_dollars(dollars_per_million)
    price, rest = divmod(nanos, TOKENS_PER_PRICE)
    if rest:
        raise ValueError(f"a price per million tokens has at most 3 decimals: {dollars_per_million!r}")
    return Money(price)
