"""Money is an integer number of nano-dollars (10⁻⁹ USD); nothing here or elsewhere holds dollars in a float.

One image token at $30 per million costs 30,000 nano-dollars. Lua holds numbers as doubles, which are exact up to
2⁵³ ≈ 9.007·10¹⁵, so no amount above ``MAX_MONEY`` ($9,000,000) enters the books.
"""

import re
from typing import NewType

Money = NewType("Money", int)
"""Nano-dollars."""

ZERO = Money(0)
NANOS_PER_DOLLAR = 1_000_000_000
MAX_MONEY = Money(9_000_000 * NANOS_PER_DOLLAR)
TOKENS_PER_PRICE = 1_000_000
"""List prices are given per million tokens."""

_DECIMALS = 9
_DOLLARS = re.compile(r"\$?([0-9]{1,20}|[0-9]{1,3}(?:,[0-9]{3}){1,6})(?:\.([0-9]{1,30}))?")
"""Commas only where they part thousands: "12,50" is twelve and a half in half the world, and must not be 1,250."""


def parse_dollars(text: str) -> Money:
    """Read ``"12.50"`` (with or without ``$``) exactly.

    Raises:
        ValueError: not such a number, finer than a nano-dollar, or above ``MAX_MONEY``.

    """
    found = _DOLLARS.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"an amount of dollars is wanted, such as 250 or 12.50: {text!r}")
    fraction = (found[2] or "").rstrip("0")
    if len(fraction) > _DECIMALS:
        raise ValueError(f"an amount of dollars has at most {_DECIMALS} decimals: {text!r}")
    nanos = int(found[1].replace(",", "")) * NANOS_PER_DOLLAR + int(fraction.ljust(_DECIMALS, "0"))
    if nanos > MAX_MONEY:
        raise ValueError(f"an amount of dollars may be at most {format_dollars(MAX_MONEY)}: {text!r}")
    return Money(nanos)


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


def dollars(amount: int) -> str:
    """Nano-dollars as a bare decimal number, for programs: no sign of the currency, no commas."""
    return format_dollars(amount).replace("$", "").replace(",", "")


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
