"""What is left of the account: read, asked for again and again, and told as it stands; the key is told to nobody."""

import asyncio
import contextlib
import logging
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.upstream.balance import BalanceFailed, read_left
from app.upstream.balance_watch import BalanceWatch
from tests.support.waiting import until
from tests.upstream.http1.scripted import Caller, serving, transporting

KEY = "sk-without-quota"


def body(left: Any) -> bytes:
    """A balance with so much left."""
    return orjson.dumps({"username": "us", "total_quota": left, "daily_quota": {}})


@pytest.mark.parametrize(("told", "nanos"), [(98.1, 98_100_000_000), (0, 0), (-0.5, -500_000_000), (3, 3 * 10**9)])
def test_what_is_left_is_read_to_the_nano_dollar(told: float, nanos: int) -> None:
    """Below zero too: an account may have used more than it had."""
    assert read_left(body(told)) == nanos


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"[]", b"{}", *map(body, (None, "5", True, [], 1e300, -9_000_001))]
)
def test_what_is_no_balance_is_said_to_be_none(content: bytes) -> None:
    """Never taken for zero."""
    with pytest.raises(BalanceFailed, match=r"^the answer "):
        read_left(content)


@given(st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text())
def test_no_answer_breaks_the_reader(left: Any) -> None:
    """Whatever stands there, it is read or refused."""
    with contextlib.suppress(BalanceFailed):
        assert isinstance(read_left(body(left)), int)


async def test_it_asks_again_and_again(caplog: pytest.LogCaptureFixture) -> None:
    """A failure is told in place of the money, logged once, and forgotten with the next answer; never the key."""
    caplog.set_level(logging.DEBUG)
    heads: list[bytes] = []
    good = asyncio.Event()

    async def script(caller: Caller) -> None:
        while True:
            heads.append(await caller.head())
            content = body(12.5) if good.is_set() else b"<html>"
            await caller.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content))

    async with serving(script) as server, transporting() as transport:
        watch = BalanceWatch(transport, server.url, KEY, "the tests", every_seconds=0.01)
        assert watch.latest is None
        watch.start()

        async def asked_often() -> bool:
            return len(heads) > 3

        async def is_known() -> bool:
            return watch.latest is not None and watch.latest.left == 12_500_000_000

        await until(asked_often)
        failed = watch.latest
        good.set()
        await until(is_known)
        await watch.aclose()
    assert failed is not None
    assert failed.left is None
    assert (failed.error or "").startswith("the answer is not JSON")
    assert heads[0].split(b"\r\n")[0].endswith(b"?key=sk-without-quota HTTP/1.1")
    ours = [record for record in caplog.records if record.name.startswith("app.")]
    assert [record.message for record in ours] == ["the upstream tells no balance"]
    assert KEY not in caplog.text + repr(failed) + repr(vars(ours[0]))


async def test_it_ends_while_it_waits_for_an_answer() -> None:
    """Also before it ever asked."""

    async def script(caller: Caller) -> None:
        await caller.head()
        asked.set()
        await caller.hang_up_seen()

    asked = asyncio.Event()
    async with serving(script) as server, transporting() as transport:
        watch = BalanceWatch(transport, server.url, KEY, "the tests")
        watch.start()
        await asked.wait()
        await watch.aclose()
    async with transporting() as transport:
        await BalanceWatch(transport, "http://127.0.0.1:1/", KEY, "the tests").aclose()
