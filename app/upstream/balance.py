"""Reads what CometAPI says a key used day by day, ``GET /user/quota``: no number is believed unseen.

The form (CometAPI page on balance queries): ``{"daily_quota": {"2026-11-22": [{"token_name", "quota_used",
"request_count"}]}}``, dollars as JSON numbers. The key stands in the URL, so no URL is logged, printed or raised here.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import orjson

from app.money import MAX_MONEY, NANOS_PER_DOLLAR, Money

BALANCE_URL = "https://query.cometapi.com/user/quota"
MAX_BALANCE_BYTES = 4 * 1024 * 1024
"""A day of a key takes about 80 bytes: a quarter of 500 keys."""


class BalanceFailed(Exception):
    """There is no balance to be had; the message is for the operator and never holds the key."""


@dataclass(frozen=True, slots=True)
class KeyDay:
    """What one key of the account used on one day, by CometAPI's count."""

    day: date
    key_name: str
    cost: Money


async def fetch_balance(
    transport: httpx.AsyncBaseTransport,
    url: str,
    key: str,
    since: date,
    until: date,
    *,
    total_seconds: float,
    user_agent: str,
) -> tuple[KeyDay, ...]:
    """What the account of a key used on the days from ``since`` to ``until``, both included.

    Raises:
        BalanceFailed: no answer, not in time, too large, not in the documented form, or the key is refused.

    """
    question = {"key": key, "start_date": since.isoformat(), "end_date": until.isoformat()}
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": user_agent}
    try:
        async with asyncio.timeout(total_seconds):
            request = httpx.Request("GET", httpx.URL(url).copy_merge_params(question), headers=headers)
            days = read_balance(await _body(await transport.handle_async_request(request)))
    except TimeoutError:
        raise BalanceFailed(f"no whole answer within {total_seconds:g} seconds") from None
    except (httpx.TransportError, httpx.InvalidURL, ValueError) as error:
        # Not its text: nobody promises that it does not repeat the address.
        raise BalanceFailed(f"it cannot be reached ({type(error).__name__})") from None
    return tuple(day for day in days if since <= day.day <= until)


async def _body(response: httpx.Response) -> bytes:
    body = bytearray()
    try:
        if response.status_code in (401, 403):
            raise BalanceFailed(f"the key is refused (status {response.status_code})")
        if response.status_code != 200:
            raise BalanceFailed(f"the answer has status {response.status_code}")
        async for chunk in response.stream:  # type: ignore[union-attr] # the transport gives an async stream
            body += chunk
            if len(body) > MAX_BALANCE_BYTES:
                raise BalanceFailed(f"the answer is larger than {MAX_BALANCE_BYTES} bytes")
    finally:
        await response.aclose()
    return bytes(body)


def read_balance(body: bytes) -> tuple[KeyDay, ...]:
    """The days out of the answer's body; BalanceFailed when they are not there or cannot be believed."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BalanceFailed("the answer is not JSON, so this may not be CometAPI's address") from None
    days = document.get("daily_quota") if isinstance(document, dict) else None
    if not isinstance(days, dict):
        raise BalanceFailed("the answer is JSON, and not a balance in the documented form")
    return tuple(_key_day(day, row) for day, rows in days.items() for row in _rows(rows))


def _rows(rows: object) -> list[object]:
    if not isinstance(rows, list):
        raise BalanceFailed("the answer has a day that is no list of keys")
    return rows


def _key_day(day: str, row: object) -> KeyDay:
    if not isinstance(row, Mapping) or not isinstance(name := row.get("token_name"), str):
        raise BalanceFailed("the answer has a day with a key that has no name")
    try:
        return KeyDay(date.fromisoformat(day), name, _money(row.get("quota_used")))
    except (TypeError, ValueError):
        raise BalanceFailed("the answer has a day whose date or numbers cannot be believed") from None


def _money(value: Any) -> Money:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("no number")
    nanos = int((Decimal(str(value)) * NANOS_PER_DOLLAR).to_integral_value())
    if not 0 <= nanos <= MAX_MONEY:
        raise ValueError("no amount anybody used in a day")
    return Money(nanos)
