"""CometAPI's price list as it comes over the wire: what is believed of it, and every way it can be no list."""

import asyncio
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalog.price_list import ListedPrice
from app.money import Money
from app.upstream.price_list import (
    MAX_LIST_BYTES,
    PriceListFailed,
    fetch_price_list,
    price_list_url,
    read_price,
    read_price_list,
)
from tests.upstream.http1.scripted import Caller, Script, sending, serving, transporting

TOKENS = {"currency": "USD / M Tokens", "input": 4, "output": 24, "per_request": None, "per_second": None}


def body(*entries: tuple[str, object]) -> bytes:
    """A list in the documented form."""
    return orjson.dumps({"success": True, "data": [{"id": name, "pricing": pricing} for name, pricing in entries]})


@pytest.mark.parametrize(
    ("pricing", "price"),
    [
        (TOKENS, ListedPrice(input=Money(4000), output=Money(24000))),
        (TOKENS | {"currency": "usd/m tokens"}, ListedPrice(input=Money(4000), output=Money(24000))),
        (TOKENS | {"per_request": 0}, ListedPrice(input=Money(4000), output=Money(24000))),
        (TOKENS | {"input": 0.0375}, ListedPrice(input=Money(38), output=Money(24000))),
        (TOKENS | {"input": 1e-9}, ListedPrice(input=Money(1), output=Money(24000))),
        (
            {"currency": "USD", "input": None, "output": None, "per_request": 0.04},
            ListedPrice(per_request=Money(40_000_000)),
        ),
    ],
)
def test_a_price_is_read_exactly_and_rounded_up(pricing: object, price: ListedPrice) -> None:
    """Dollars per million tokens or per request, to the nano-dollar, never less than was listed."""
    assert read_price(pricing) == price


@pytest.mark.parametrize(
    "pricing",
    [
        None,
        "free",
        [],
        {},
        TOKENS | {"input": None},
        TOKENS | {"output": 0},
        TOKENS | {"input": -4},
        TOKENS | {"input": "4"},
        TOKENS | {"input": True},
        TOKENS | {"input": [4]},
        TOKENS | {"input": 10_001},
        TOKENS | {"input": 1e308},
        TOKENS | {"per_request": 0.04},
        TOKENS | {"per_second": 0.04},
        TOKENS | {"currency": "CNY / M Tokens"},
        TOKENS | {"currency": "USD / K Tokens"},
        TOKENS | {"currency": None},
        {"currency": "USD", "per_request": 101},
        {"currency": "EUR", "per_request": 0.04},
        {"currency": "USD", "per_second": 0.04},
    ],
)
def test_a_price_that_cannot_be_believed_is_a_fault(pricing: object) -> None:
    """Missing halves, wrong types, negative or absurd numbers, other currencies and units: said, never guessed."""
    price = read_price(pricing)
    assert price == ListedPrice(fault=price.fault)
    assert price.fault.startswith("listed ")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists))
def test_any_number_is_a_price_or_a_fault(value: Any) -> None:
    """Nothing that JSON can hold in place of a number gets past the bounds, or breaks the reader."""
    price = read_price(TOKENS | {"input": value})
    assert price.fault or 0 < price.input <= 10_000_000


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<!doctype html><title>Just a moment...</title>",
        b"[]",
        b"null",
        b"{}",
        b'{"data": null}',
        b'{"data": []}',
        b'{"data": {"gpt-image-2": 4}}',
        b'{"data": ["gpt-image-2"]}',
        b'{"data": [{"id": 7}]}',
        b'{"data": [{"id": "gpt-image-2", "pricing": {"input": NaN}}]}',
        b'{"data": [' + b"[" * 100_000,
        b"\xff",
    ],
)
def test_what_is_no_list(answer: bytes) -> None:
    """HTML, other JSON, nonsense: refused whole, because half a list would look like prices that are gone."""
    with pytest.raises(PriceListFailed):
        read_price_list(answer)


def test_a_model_listed_twice_has_one_price_or_none() -> None:
    """Twice the same is the same; twice unlike is nothing to rely on."""
    other = TOKENS | {"input": 5}
    listed = read_price_list(body(("a", TOKENS), ("a", TOKENS), ("b", TOKENS), ("b", other), ("c", TOKENS)))
    assert listed["a"] == listed["c"] == read_price(TOKENS)
    assert listed["b"].fault == "listed twice, unlike"


def test_the_list_is_at_the_root_of_the_upstream() -> None:
    """The base URL's path is the API's; credentials in it are nobody's business there."""
    assert price_list_url("https://u:p@api.cometapi.com:8443/v1") == "https://api.cometapi.com:8443/api/models"


def test_the_list_may_be_elsewhere() -> None:
    """Another place is taken as it is; what is no address is told like any other reason for having no list."""
    elsewhere = "http://127.0.0.1:1/list.json?x=1"
    assert price_list_url("https://api.cometapi.com/v1", elsewhere) == elsewhere
    for base_url, place in (("https://api.cometapi.com/v1", "http://a:port/"), ("http://a:port/v1", None)):
        with pytest.raises(PriceListFailed, match="no address"):
            price_list_url(base_url, place)


async def read(script: Script, total_seconds: float = 30.0) -> dict[str, ListedPrice]:
    """Fetch a list from a server that plays the script."""
    async with serving(script) as server, transporting() as transport:
        url = f"http://127.0.0.1:{server.port}/api/models"
        try:
            return await fetch_price_list(transport, url, total_seconds=total_seconds, user_agent="imagegate/test")
        finally:
            assert "0 active, 0 waiting" in repr(transport)


async def test_the_list_is_asked_for_without_a_key() -> None:
    """One GET with nothing in it that names anybody."""
    heads: list[bytes] = []
    listed = body(("gpt-image-2", TOKENS))

    async def script(caller: Caller) -> None:
        heads.append(await caller.head())
        await caller.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(listed), listed))

    assert (await read(script))["gpt-image-2"].input == 4000
    assert heads[0].startswith(b"GET /api/models HTTP/1.1\r\n")
    assert b"authorization" not in heads[0].lower()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", "status 503"),
        (b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", "status 302"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (MAX_LIST_BYTES + 1), "larger than"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", "closed the connection"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "documented form"),
    ],
)
async def test_an_answer_that_is_no_list_is_told(answer: bytes, told: str) -> None:
    """Another status (redirects are not followed), too many bytes, a cut, another document."""
    with pytest.raises(PriceListFailed, match=told):
        await read(sending(answer, then_close=True))


async def test_a_silent_server_is_given_up() -> None:
    """The whole exchange has a deadline."""

    async def script(_caller: Caller) -> None:
        await asyncio.Event().wait()

    with pytest.raises(PriceListFailed, match="no whole answer within"):
        await read(script, 0.1)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/api/models", "ftp://127.0.0.1/", "http://127.0.0.1:port/"])
async def test_an_address_that_leads_nowhere_is_told(url: str) -> None:
    """A refused connection, another scheme, and what is no address at all."""
    async with transporting() as transport:
        with pytest.raises(PriceListFailed):
            await fetch_price_list(transport, url, total_seconds=30, user_agent="imagegate/test")
