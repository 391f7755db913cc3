"""Reads what CometAPI says is left of an account, and what its keys used day by day, ``GET /user/quota``.

No number is believed unseen. The form (CometAPI page on balance queries): ``{"total_quota": 98.1, "daily_quota":
{"2026-11-22": [{"token_name", "quota_used", "request_count"}]}}``, dollars as JSON numbers. The key stands in the URL,
so no URL is logged, printed or raised here.
"""

import asyncio
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import orjson
from msgspec import Struct

from app.money import MAX_MONEY, NANOS_PER_DOLLAR, Money

BALANCE_URL = "https://query.cometapi.com/user/quota"
MAX_BALANCE_BYTES = 4 * 1024 * 1024
"""A day of a key takes about 80 bytes: a quarter of 500 keys."""


_OTHER_FORM = "the answer is JSON, and not a balance in the documented form"


class BalanceFailed(Exception):
    """There is no balance to be had; the message is for the operator and never holds the key."""


class KeyDay(Struct, frozen=True):
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
    body = await _ask(transport, url, question, total_seconds, user_agent)
    return tuple(day for day in read_balance(body) if since <= day.day <= until)


async def fetch_left(
    transport: httpx.AsyncBaseTransport, url: str, key: str, *, total_seconds: float, user_agent: str
) -> Money:
    """What the account of a key has left.

    Raises:
        BalanceFailed: as `fetch_balance`.

    """
    return read_left(await _ask(transport, url, {"key": key}, total_seconds, user_agent))


async def _ask(
    transport: httpx.AsyncBaseTransport, url: str, question: Mapping[str, str], total_seconds: float, user_agent: str
) -> bytes:
    """The body of an answer."""
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": user_agent}
    try:
        async with asyncio.timeout(total_seconds):
            request = httpx.Request("GET", httpx.URL(url).copy_merge_params(question), headers=headers)
            return await _body(await transport.handle_async_request(request))
    except TimeoutError:
        raise BalanceFailed(f"no whole answer within {total_seconds:g} seconds") from None
    except (httpx.TransportError, httpx.InvalidURL, ValueError) as error:
        # Not its text: nobody promises that it does not repeat the address.
        raise BalanceFailed(f"it cannot be reached ({type(error).__name__})") from None


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
    days = _document(body).get("daily_quota")
    if not isinstance(days, dict):
        raise BalanceFailed(_OTHER_FORM)
    return tuple(_key_day(day, row) for day, rows in days.items() for row in _rows(rows))


def read_left(body: bytes) -> Money:
    """What is left, out of the answer's body, below zero where more was used; BalanceFailed as `read_balance`."""
    left = _document(body).get("total_quota")
    try:
        return _nanos(left)
    except (TypeError, ValueError):
        raise BalanceFailed(_OTHER_FORM) from None


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BalanceFailed("the answer is not JSON, so this may not be CometAPI's address") from None
    if not isinstance(document, dict):
        raise BalanceFailed(_OTHER_FORM)
    return document


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
    used = _nanos(value)
    if used < 0:
        raise ValueError("no amount anybody used in a day")
    return used


def _nanos(value: Any) -> Money:
    """An amount of the answer, of either sign; TypeError, ValueError for one that nobody has."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("no number")
    nanos = int((Decimal(str(value)) * NANOS_PER_DOLLAR).to_integral_value())
    if abs(nanos) > MAX_MONEY:
        raise ValueError("more than anybody has")
    return Money(nanos)
