"""Signs of life in silent waits, for what is bought and for what is joined: who chooses them, what comes behind."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from app.accounts.models import KeyOptions
from app.simulator.scenario import Content, Scenario
from tests.flows.retrying import BOAT, GENERATIONS, NAMED, REQUESTS, Caller, calling, retry
from tests.support.gateway import Gateway

BEAT = {"x-imagegate-heartbeat": "1"}
"""The shortest there is."""
HELD_BACK = Scenario(withhold=True)
LATE_REFUSAL = Scenario(withhold=True, status=502, code="bad_response")
SDK = {"x-stainless-lang": "python"}


@dataclass(slots=True)
class Beaten:
    """An answer that begins with beats."""

    answer: httpx.Response
    early: bytes
    pieces: AsyncIterator[bytes]
    body: bytes = b""

    async def rest(self) -> bytes:
        """All of it, read to its end."""
        self.body = self.early
        async for piece in self.pieces:
            self.body += piece
        return self.body


@asynccontextmanager
async def beaten(caller: Caller, headers: dict[str, str], **body: Any) -> AsyncIterator[Beaten]:
    """Ask, and wait for the first beat."""
    async with caller.http.stream("POST", GENERATIONS, json=BOAT | body, headers=headers) as answer:
        pieces = answer.aiter_raw()
        yield Beaten(answer, await anext(pieces), pieces)


@pytest.fixture
async def caller(gateway: Gateway) -> AsyncIterator[Caller]:
    gateway.simulator.default = HELD_BACK
    async with calling(gateway) as opened:
        yield opened


@pytest.mark.parametrize("body", [{}, {"response_format": "url"}], ids=["passed on", "made into links"])
async def test_a_purchase_beats(caller: Caller, body: dict[str, str]) -> None:
    """200 and white space, then the JSON that is kept without any; its head tells no length."""
    async with beaten(caller, BEAT, **body) as made:
        assert (made.answer.status_code, made.early.strip(b" ")) == (200, b"")
        assert made.answer.headers["content-type"] == "application/json"
        assert "content-length" not in made.answer.headers
        caller.gateway.simulator.release()
        whole = await made.rest()
    kept = await caller.http.get(f"{REQUESTS}/{made.answer.headers['x-request-id']}")

    assert whole.lstrip(b" ") == kept.content
    assert len(json.loads(whole)["data"]) == 1
    assert await caller.spent(1) == ["delivered"]


@pytest.mark.parametrize("again", [NAMED, retry(1)], ids=["by its key", "a retry"])
async def test_a_join_beats(caller: Caller, again: dict[str, str]) -> None:
    """So does the wait for an earlier request; its head cannot say yet whose answer it will be; both get the same."""
    first = caller.asking(NAMED if again is NAMED else None)
    await caller.gateway.simulator.waiting(1)
    async with beaten(caller, again | BEAT) as joined:
        assert (joined.answer.status_code, joined.early.strip(b" ")) == (200, b"")
        assert "idempotent-replayed" not in joined.answer.headers
        caller.gateway.simulator.release()
        whole = await joined.rest()

    assert whole.lstrip(b" ") == (await first).content
    assert await caller.spent(1) == ["delivered"]


async def test_the_key_chooses_and_the_request_overrules(gateway: Gateway) -> None:
    """A key's own heartbeat needs no header; 0 is none, for as long as it takes."""
    gateway.simulator.default = HELD_BACK
    async with calling(gateway, options=KeyOptions(heartbeat_seconds=1)) as caller:
        silent = caller.asking({"x-imagegate-heartbeat": "0"})
        await gateway.simulator.waiting(1)
        async with beaten(caller, {}) as made:
            gateway.simulator.release()
            whole = await made.rest()
        assert whole.startswith(b" ")
        assert "content-length" not in made.answer.headers
        assert (await silent).content.startswith(b"{")


@pytest.mark.parametrize("joins", [False, True], ids=["bought", "joined"])
async def test_a_failure_behind_a_beat(caller: Caller, joins: bool) -> None:
    """A plain client finds the error where its answer would have been; an SDK finds a cut body."""
    caller.gateway.simulator.default = LATE_REFUSAL
    given = NAMED if joins else {}
    first = caller.asking(NAMED) if joins else None
    async with beaten(caller, BEAT | given) as plain, beaten(caller, BEAT | SDK | given) as sdk:
        caller.gateway.simulator.release()
        told = await plain.rest()
        with pytest.raises(httpx.RemoteProtocolError):
            await sdk.rest()

    assert told.startswith(b" ")
    assert json.loads(told)["error"]["code"] == "upstream_failed"
    assert sdk.body.strip(b" ") == b""
    if first is not None:
        assert (await first).status_code == 502
    assert await caller.charged() == []


@pytest.mark.parametrize(
    ("scenario", "status", "charged"),
    [(LATE_REFUSAL, 502, []), (Scenario(withhold=True, content=Content.HTML), 504, ["unknown"])],
    ids=["failed", "unknown"],
)
async def test_the_retry_behind_a_cut_body_is_told(
    caller: Caller, scenario: Scenario, status: int, charged: list[str]
) -> None:
    """The true status, and the word to stop; once for each retry count, and nothing is bought again."""
    caller.gateway.simulator.next(scenario)
    caller.gateway.simulator.default = Scenario()
    async with beaten(caller, BEAT | SDK) as sdk:
        caller.gateway.simulator.release()
        with pytest.raises(httpx.RemoteProtocolError):
            await sdk.rest()
    told = [await caller.ask(BEAT | SDK | retry(count)) for count in (1, 2)]

    assert [answer.status_code for answer in told] == [status] * 2
    assert [answer.headers["x-should-retry"] for answer in told] == ["false"] * 2
    assert caller.gateway.simulator.exchanges == 1
    assert await caller.charged() == charged


@pytest.mark.parametrize("headers", [{}, NAMED | BEAT], ids=["bought", "joined"])
async def test_an_error_in_a_stream_of_comments(open_gateway: Gateway, headers: dict[str, str]) -> None:
    """Behind nothing but comments it is an event, for whoever reads; the stream ends in good order."""
    open_gateway.simulator.default = LATE_REFUSAL
    async with calling(open_gateway) as caller:
        first = caller.asking(NAMED, stream=True) if headers else None
        async with beaten(caller, headers, stream=True) as made:
            await caller.are_under_way(2 if headers else 1)
            open_gateway.simulator.release()
            whole = await made.rest()
        told = whole.replace(b": keepalive\n\n", b"")
        assert made.early.startswith(b": keepalive\n\n")
        assert told.startswith(b"event: error\ndata: ")
        assert json.loads(told.partition(b"data: ")[2])["error"]["code"] == "upstream_failed"
        if first is not None:
            await asyncio.wait([first])


@pytest.mark.parametrize("seconds", ["0.5", "9999", "-1", "soon", ""])
async def test_a_heartbeat_that_makes_no_sense(gateway: Gateway, seconds: str) -> None:
    """400 that names the header; nothing is bought."""
    async with calling(gateway) as caller:
        refused = await caller.ask({"x-imagegate-heartbeat": seconds})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "x-imagegate-heartbeat")
    assert gateway.simulator.exchanges == 0
