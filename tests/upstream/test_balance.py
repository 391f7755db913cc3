"""CometAPI's balance as it comes over the wire: what is believed of it, and that the key in its URL stays there."""

import asyncio
import contextlib
import logging
from datetime import date
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.money import Money
from app.upstream.balance import MAX_BALANCE_BYTES, BalanceFailed, KeyDay, fetch_balance, read_balance
from tests.upstream.http1.scripted import Caller, Script, sending, serving, transporting

KEY = "sk-of the/tests?&é"
leaves = st.none() | st.booleans() | st.floats() | st.text()
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
SINCE, UNTIL = date(2026, 11, 20), date(2026, 11, 22)


def body(days: Any) -> bytes:
    """A balance in the documented form."""
    return orjson.dumps({"username": "us", "total_quota": 5.5, "keys": [], "daily_quota": days})


def row(cost: Any, name: str = "images", **given: Any) -> dict[str, Any]:
    """What a key used on a day."""
    return {"token_name": name, "quota_used": cost, "request_count": 3, **given}


def answer(content: bytes, status: bytes = b"200 OK") -> bytes:
    """An HTTP answer with this body."""
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(content), content)


async def ask(script: Script, seconds: float = 5.0) -> tuple[KeyDay, ...]:
    """Ask a scripted server for three days."""
    async with serving(script) as server, transporting() as transport:
        return await fetch_balance(
            transport, server.url, KEY, SINCE, UNTIL, total_seconds=seconds, user_agent="the tests"
        )


def test_days_are_read_to_the_nano_dollar() -> None:
    """Every key of every day; figures of JSON are decimal, whatever a float makes of them. Counts are not looked at."""
    days = {
        "2026-11-21": [row(0.1), row(0.000000001, "other")],
        "2026-11-22": [row(3, request_count="many")],
        "2026-11-23": [],
    }
    assert read_balance(body(days)) == (
        KeyDay(date(2026, 11, 21), "images", Money(100_000_000)),
        KeyDay(date(2026, 11, 21), "other", Money(1)),
        KeyDay(date(2026, 11, 22), "images", Money(3_000_000_000)),
    )
    assert read_balance(body({})) == ()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b'{"success": false, "message": "no"}',
        body(None),
        body([]),
        body({"2026-11-21": row(1)}),
        body({"2026-11-21": [5]}),
        body({"2026-11-21": [{"quota_used": 1}]}),
        body({"today": [row(1)]}),
        body({"2026-11-31": [row(1)]}),
        body({"2026-11-21": [row(None)]}),
        body({"2026-11-21": [row("1")]}),
        body({"2026-11-21": [row(True)]}),
        body({"2026-11-21": [row(-1)]}),
        body({"2026-11-21": [row(1e300)]}),
        body({"2026-11-21": [row(9_000_001)]}),
    ],
)
def test_what_is_no_balance_is_said_to_be_none(content: bytes) -> None:
    """Another form, dates that are none, numbers that cannot be: never taken for zero."""
    with pytest.raises(BalanceFailed, match=r"^the answer "):
        read_balance(content)


@given(values)
def test_no_answer_breaks_the_reader(days: Any) -> None:
    """Whatever JSON comes, it is read or refused."""
    with contextlib.suppress(BalanceFailed):
        assert isinstance(read_balance(body(days)), tuple)


async def test_the_question_is_the_documented_one() -> None:
    """Key and days stand in the URL, escaped; nothing else of ours does, and no bearer goes along."""
    heads: list[bytes] = []

    async def script(caller: Caller) -> None:
        heads.append(await caller.head())
        await caller.send(answer(body({"2026-11-19": [row(1)], "2026-11-20": [row(2)], "2026-11-23": [row(3)]})))

    days = await ask(script)
    assert [(day.day, day.cost) for day in days] == [(SINCE, 2_000_000_000)]
    line = heads[0].split(b"\r\n")[0]
    assert line.endswith(b"?key=sk-of+the%2Ftests%3F%26%C3%A9&start_date=2026-11-20&end_date=2026-11-22 HTTP/1.1")
    assert b"authorization" not in heads[0].lower()


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (sending(answer(b"no", b"401 Unauthorized")), "the key is refused (status 401)"),
        (sending(answer(b"no", b"403 Forbidden")), "the key is refused (status 403)"),
        (
            sending(b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/?key=1\r\nContent-Length: 0\r\n\r\n"),
            "status 302",
        ),
        (sending(answer(b"no", b"500 Oh")), "status 500"),
        (sending(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{", then_close=True), "cannot be reached"),
        (sending(b"nothing of HTTP\r\n\r\n", then_close=True), "cannot be reached"),
        (sending(answer(b" " * (MAX_BALANCE_BYTES + 1))), "larger than"),
    ],
)
async def test_every_failure_is_told_without_the_key(
    script: Script, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the error, nor what stands behind it, nor any log at any level repeats the key or the URL."""
    caplog.set_level(logging.DEBUG)
    with pytest.raises(BalanceFailed) as caught:
        await ask(script)
    assert told in str(caught.value)
    assert caught.value.__cause__ is None
    assert "sk-of" not in str(caught.value) + repr(caught.value.__context__) + caplog.text


async def test_silence_is_given_up() -> None:
    """One deadline for the whole answer; a drop now and then does not prolong it."""

    async def dripping(caller: Caller) -> None:
        await caller.head()
        await caller.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            await caller.send(b" ")
            await asyncio.sleep(0.01)

    with pytest.raises(BalanceFailed, match=r"no whole answer within 0\.2 seconds"):
        await ask(dripping, seconds=0.2)


async def test_an_address_that_is_none_is_told_without_the_key() -> None:
    """Before anything is sent."""
    async with transporting() as transport:
        for url in ("http://[", "http://a b/", "nonsense", "ftp://127.0.0.1/"):
            with pytest.raises(BalanceFailed) as caught:
                await fetch_balance(transport, url, KEY, SINCE, UNTIL, total_seconds=5, user_agent="the tests")
            assert "sk-of" not in str(caught.value)
