"""Reads CometAPI's public price list, ``GET /api/models``: no key is sent, and no number is believed unseen.

The form (CometAPI guide "how to list available models"): ``{"data": [{"id", "pricing": {"currency", "input", "output",
"per_request", "per_second"}}]}``, dollars per million tokens or per request, null or 0 where a price does not apply.
"""

import asyncio
from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Any

import httpx
import orjson

from app.catalog.price_list import ListedPrice
from app.money import NANOS_PER_DOLLAR, TOKENS_PER_PRICE, Money

PRICE_LIST_PATH = "/api/models"
MAX_LIST_BYTES = 8 * 1024 * 1024
"""301 models took about a tenth of a megabyte."""

_MOST_PER_MILLION = Decimal(10_000)
_MOST_PER_REQUEST = Decimal(100)
"""Far above anything ever asked ($40 per million, $0.25 per picture); what is above is no price."""
_KINDS = ("input", "output", "per_request", "per_second")


class PriceListFailed(Exception):
    """There is no price list to be had; the message is for the operator."""


def price_list_url(base_url: str, place: str | None = None) -> str:
    """Where the list is: at the root of the upstream's own address, unless another place is named.

    Raises:
        PriceListFailed: that is no address.

    """
    try:
        if place is not None:
            return str(httpx.URL(place))
        return str(httpx.URL(base_url).copy_with(userinfo=b"", raw_path=PRICE_LIST_PATH.encode()))
    except httpx.InvalidURL as error:
        raise PriceListFailed(f"this is no address ({error})") from None


async def fetch_price_list(
    transport: httpx.AsyncBaseTransport, url: str, *, total_seconds: float, user_agent: str
) -> dict[str, ListedPrice]:
    """Every model of the list by its name.

    Raises:
        PriceListFailed: no answer, not in time, too large, or not in the documented form.

    """
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": user_agent}
    try:
        async with asyncio.timeout(total_seconds):
            request = httpx.Request("GET", url, headers=headers)
            return read_price_list(await _body(await transport.handle_async_request(request)))
    except TimeoutError:
        raise PriceListFailed(f"no whole answer within {total_seconds:g} seconds") from None
    except (httpx.TransportError, httpx.InvalidURL, UnicodeError) as error:
        raise PriceListFailed(str(error) or type(error).__name__) from None


async def _body(response: httpx.Response) -> bytes:
    body = bytearray()
    try:
        if response.status_code != 200:
            raise PriceListFailed(f"the answer has status {response.status_code}")
        async for chunk in response.stream:  # type: ignore[union-attr] # the transport gives an async stream
            body += chunk
            if len(body) > MAX_LIST_BYTES:
                raise PriceListFailed(f"the answer is larger than {MAX_LIST_BYTES} bytes")
    finally:
        await response.aclose()
    return bytes(body)


def read_price_list(body: bytes) -> dict[str, ListedPrice]:
    """The list out of the answer's body; PriceListFailed when it is none."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise PriceListFailed("the answer is not JSON, so this may not be CometAPI's address") from None
    entries = document.get("data") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not entries:
        raise PriceListFailed("the answer is JSON, and not a list of models in the documented form")
    listed: dict[str, ListedPrice] = {}
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(name := entry.get("id"), str):
            raise PriceListFailed("the answer has an entry without a model's name")
        price = read_price(entry.get("pricing"))
        listed[name] = price if listed.get(name, price) == price else ListedPrice(fault="listed twice, unlike")
    return listed


def read_price(pricing: object) -> ListedPrice:
    """One entry's price; one that cannot be believed has a ``fault``."""
    if not isinstance(pricing, Mapping):
        return ListedPrice(fault="listed without a price")
    try:
        given = {kind: figure for kind in _KINDS if (figure := _number(kind, pricing.get(kind)))}
    except ValueError as error:
        return ListedPrice(fault=str(error))
    currency = "".join(str(pricing.get("currency")).split()).lower()
    if set(given) == {"input", "output"} and currency == "usd/mtokens":
        return ListedPrice(
            input=_money(given["input"] / TOKENS_PER_PRICE), output=_money(given["output"] / TOKENS_PER_PRICE)
        )
    if set(given) == {"per_request"} and currency.startswith("usd"):
        return ListedPrice(per_request=_money(given["per_request"]))
    if not given:
        return ListedPrice(fault="listed without a price")
    return ListedPrice(
        fault=f"listed with a price of {', '.join(given)} in a currency or combination this does not know"
    )


def _number(kind: str, value: Any) -> Decimal:
    """A price in dollars; zero where there is none."""
    if value is None:
        return Decimal(0)
    most = _MOST_PER_REQUEST if kind.startswith("per_") else _MOST_PER_MILLION
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"listed with a price of {kind} that is no number")  # noqa: TRY004 - caught with the others
    figure = Decimal(str(value))  # str of a float is the shortest text that means it: what stood in the list
    if not 0 <= figure <= most:
        raise ValueError(f"listed with a price of {kind} below 0 or above {most}")
    return figure


def _money(dollars: Decimal) -> Money:
    """Whole nano-dollars, never less than was listed."""
    return Money(int((dollars * NANOS_PER_DOLLAR).to_integral_value(ROUND_CEILING)))
