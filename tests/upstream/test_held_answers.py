"""Answers that break off, over real connections: whose fault that is when nobody was reading."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx

from app.catalog.catalog import load_catalog
from app.catalog.normalise import ImageRequest
from app.upstream.client import UpstreamClient
from app.upstream.failure import ExchangeFailed
from app.upstream.keys import FAILURES_IN_A_ROW, State
from tests.catalog.asking import ask
from tests.upstream.http1.scripted import Caller, Script, serving, transporting

BEGINNING = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % 2**30
    + b'{"data":[{"b64_json":"iVBORw0KGgo'
)
LETTERS = b"A" * 2**18


class Impatient:
    """Sends without an end, and resets a connection that takes nothing for more than a second."""

    def __init__(self, number: int) -> None:
        self.has_given_up = asyncio.Event()
        """Of so many connections."""
        self._left = number

    async def __call__(self, caller: Caller) -> None:
        await caller.request()
        await caller.send(BEGINNING)
        try:
            while True:
                async with asyncio.timeout(1.25):
                    await caller.send(LETTERS)
        except TimeoutError:
            caller.writer.transport.abort()
        self._left -= 1
        if not self._left:
            self.has_given_up.set()


async def breaking(caller: Caller) -> None:
    """Resets a connection in the middle of an answer."""
    await caller.request()
    await caller.send(BEGINNING + LETTERS)
    caller.writer.transport.abort()


async def at_once() -> None:
    """Read on without a pause."""


async def take(client: UpstreamClient, request: ImageRequest, pause: Callable[[], Awaitable[object]]) -> None:
    """Read an answer to its end, with a pause behind each part of it."""
    async with client.exchange(request, lambda: None, lambda: None) as exchange:
        async for _ in exchange.segments():
            await pause()


async def broken(script: Script, number: int, pause: Callable[[], Awaitable[object]]) -> UpstreamClient:
    """A client of one key that so many answers broke for at the same time."""
    request = ask(load_catalog(), model="gpt-image-2", size="1024x1024", quality="low")
    async with serving(script) as server, transporting(max_connections=number) as transport:
        url = str(httpx.URL(server.url).join("/v1"))
        client = UpstreamClient(transport, url, ["sk-only"], retries=0, total_seconds=60, user_agent="tests")
        taken = [take(client, request, pause) for _ in range(number)]
        assert {type(came) for came in await asyncio.gather(*taken, return_exceptions=True)} == {ExchangeFailed}
    assert +client.attempts == {"unknown": number}
    return client


async def test_those_who_read_nothing_take_no_key_out() -> None:
    """The upstream gave up on its reader; the key was never asked a question it could have failed."""
    upstream = Impatient(FAILURES_IN_A_ROW + 1)
    client = await broken(upstream, FAILURES_IN_A_ROW + 1, upstream.has_given_up.wait)

    assert list(client.keys.states.values()) == [State.CLOSED]
    assert not client.keys.ejections


async def test_answers_that_break_under_those_who_read_do() -> None:
    """So many in a row are the key's, or its account's."""
    client = await broken(breaking, FAILURES_IN_A_ROW, at_once)

    assert list(client.keys.states.values()) == [State.OPEN]
