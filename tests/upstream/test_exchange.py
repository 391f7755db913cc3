"""How much of one answer is taken: an upstream that never stops is stopped; and who may have brought about its end."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from typing_extensions import override

from app.errors import UpstreamUnknown
from app.upstream.exchange import Exchange
from app.upstream.failure import ExchangeFailed

LETTERS = b"A" * 2**20
MOST_BYTES = 8 * 2**20


class Endless(httpx.AsyncBaseTransport, httpx.AsyncByteStream):
    """Answers with a beginning, and the same megabyte for ever."""

    def __init__(self, kind: str, beginning: bytes) -> None:
        self._kind = kind
        self._beginning = beginning
        self.sent_bytes = 0

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions["dispatched"]()
        return httpx.Response(200, headers={"content-type": self._kind}, stream=self)

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._beginning
        while True:
            self.sent_bytes += len(LETTERS)
            yield LETTERS


class Breaking(Endless):
    """Breaks off after some megabytes."""

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._beginning
        for _ in range(4):
            yield LETTERS
        raise httpx.ReadError("reset")


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


async def read_away(exchange: Exchange, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Read the answer, whatever it is, to its end; what is done ``meanwhile`` keeps it from reading on."""
    async for _ in exchange.pieces(1) if exchange.is_stream else exchange.segments():
        meanwhile()


@pytest.mark.parametrize(
    ("kind", "beginning"),
    [
        ("application/json", b'{"data":[{"b64_json":"'),
        ("application/json", b'{"data":[{"url":"data:image/png;base64,'),
        ("text/event-stream", b'data: {"type":"image_generation.completed","b64_json":"'),
        ("text/event-stream", b": a comment"),
    ],
    ids=["base64", "data URI", "event", "comment"],
)
async def test_an_answer_without_end_is_cut_at_its_cap(kind: str, beginning: bytes) -> None:
    """Whatever it consists of, there is an end to what is taken; nobody knows what was made then."""
    upstream = Endless(kind, beginning)
    exchange = Exchange(lambda: None, lambda: None, most_bytes=MOST_BYTES)
    await exchange.send(upstream, httpx.Request("POST", "http://127.0.0.1/"))

    with pytest.raises(ExchangeFailed) as failed:
        await read_away(exchange)

    assert isinstance(failed.value.error, UpstreamUnknown)
    assert failed.value.charged
    assert MOST_BYTES <= upstream.sent_bytes <= MOST_BYTES + len(LETTERS)


@pytest.mark.parametrize(
    ("kind", "beginning"),
    [
        ("application/json", b'{"data":[{"b64_json":"iVBORw0KGgo'),
        ("text/event-stream", b'data: {"type":"image_generation.completed","b64_json":"iVBORw0KGgo'),
    ],
    ids=["JSON", "stream"],
)
@pytest.mark.parametrize(("seconds", "held_up"), [(0.0, False), (0.125, False), (0.25, True), (5.0, True)])
async def test_who_kept_us_from_reading_may_have_brought_the_end_about(
    kind: str, beginning: bytes, seconds: float, held_up: bool
) -> None:
    """A second is enough, in whatever parts: an upstream that times its sending may give up for either."""
    clock = Clock()
    exchange = Exchange(lambda: None, lambda: None, clock=clock)
    await exchange.send(Breaking(kind, beginning), httpx.Request("POST", "http://127.0.0.1/"))

    def take() -> None:
        clock.now += seconds

    with pytest.raises(ExchangeFailed) as failed:
        await read_away(exchange, take)

    assert (failed.value.charged, failed.value.held_up) == (True, held_up)
