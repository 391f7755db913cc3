"""How much of one answer is taken: an upstream that never stops is stopped."""

from collections.abc import AsyncIterator

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


async def read_away(exchange: Exchange) -> None:
    """Read the answer, whatever it is, to its end."""
    async for _ in exchange.pieces(1) if exchange.is_stream else exchange.segments():
        pass


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
