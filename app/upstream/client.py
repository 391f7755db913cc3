"""WHERE the images are made: one exchange with the upstream, its answer rewritten as it passes."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx

from app.catalog.normalise import ImageRequest
from app.errors import UpstreamTimeout, UpstreamUnavailable, UpstreamUnknown
from app.upstream.dialect import GENERATIONS_PATH, OUTCOME_UNKNOWN, no_picture, read_failure, request_headers
from app.upstream.failure import ExchangeFailed
from app.upstream.rewriter import AnswerRewriter
from app.upstream.scanner import Answer, MalformedAnswer

_MAX_ERROR_BYTES = 65_536


class Exchange:
    """One request on its way and the answer to it: pieces in OpenAI's form, then the answer without its pictures."""

    def __init__(self, dispatched: Callable[[], None]) -> None:
        self._dispatched = dispatched
        self._dispatched_at: float | None = None
        self._response: httpx.Response | None = None
        self._rewriter = AnswerRewriter(created=int(time.time()))
        self.first_byte_seconds: float | None = None
        """From dispatch to the head of the answer, once it is here."""
        self.answer: Answer | None = None
        """Set just before the last piece is given."""

    async def pieces(self) -> AsyncIterator[bytes]:
        """The bytes for the client; the first comes only when a picture has begun, so a 200 can be promised then.

        Raises:
            ExchangeFailed: no picture, or no whole one.

        """
        if self._response is None:
            raise RuntimeError("an exchange has pieces only while it is open")
        try:
            async for chunk in self._response.stream:  # type: ignore[union-attr] # the transport gives an async stream
                if out := self._rewriter.feed(chunk):
                    yield out[0] if len(out) == 1 else b"".join(out)
            last, answer = self._rewriter.finish()
        except MalformedAnswer as error:
            raise self._lost(UpstreamUnknown, f"malformed answer: {error}") from None
        except httpx.TransportError as error:
            raise self._broken(error) from None
        if not answer.pictures:
            raise no_picture(answer.document)
        self.answer = answer
        yield b"".join(last)

    async def send(self, transport: httpx.AsyncBaseTransport, request: httpx.Request) -> httpx.Response:
        """Send the request and wait for the head of its answer."""
        request.extensions["dispatched"] = self._leave
        try:
            self._response = await transport.handle_async_request(request)
        except httpx.TransportError as error:
            raise self._broken(error) from None
        self.first_byte_seconds = time.monotonic() - (self._dispatched_at or 0)
        return self._response

    def out_of_time(self, total_seconds: float) -> ExchangeFailed:
        """What it means that the exchange did not end in its time."""
        return self._lost(UpstreamTimeout, f"not over after {total_seconds:g} s, the client's reading included")

    def _leave(self) -> None:
        """The first byte is about to leave; whoever is told may still stop it."""
        self._dispatched()
        self._dispatched_at = time.monotonic()

    def _broken(self, error: httpx.TransportError) -> ExchangeFailed:
        return self._lost(
            UpstreamTimeout if isinstance(error, httpx.TimeoutException) else UpstreamUnknown, repr(error)
        )

    def _lost(self, kind: type[UpstreamUnknown], detail: str) -> ExchangeFailed:
        """No answer: nobody knows what was made, unless nothing was sent."""
        if self._dispatched_at is None:
            told = UpstreamUnavailable(
                "The image service cannot be reached at the moment; nothing was charged. Try again shortly.",
                retry_after_seconds=5,
                detail=detail,
            )
            return ExchangeFailed(told, charged=False)
        return ExchangeFailed(kind(OUTCOME_UNKNOWN, detail=detail), charged=True, usage=self._rewriter.usage_seen)


class UpstreamClient:
    """Sends image requests with the upstream's own key; never sends one twice."""

    def __init__(
        self, transport: httpx.AsyncBaseTransport, base_url: str, key: str, *, total_seconds: float, user_agent: str
    ) -> None:
        self._transport = transport
        self._url = httpx.URL(base_url + GENERATIONS_PATH)
        self._headers = request_headers(key, user_agent)
        self._total_seconds = total_seconds

    @asynccontextmanager
    async def exchange(self, request: ImageRequest, dispatched: Callable[[], None]) -> AsyncIterator[Exchange]:
        """Send a request and give its answer; ``dispatched`` is called right before the first byte leaves.

        What ``dispatched`` raises stops the request unsent.

        Raises:
            ExchangeFailed: however it failed, before the head of the answer or after it.

        """
        exchange = Exchange(dispatched)
        deadline = asyncio.timeout(self._total_seconds)
        try:
            async with deadline:
                outgoing = httpx.Request("POST", self._url, headers=self._headers, content=request.body)
                response = await exchange.send(self._transport, outgoing)
                try:
                    if response.status_code != 200:
                        raise read_failure(response.status_code, await _read_error_body(response))
                    yield exchange
                finally:
                    await response.aclose()
        except TimeoutError:
            if not deadline.expired():
                raise
            raise exchange.out_of_time(self._total_seconds) from None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


async def _read_error_body(response: httpx.Response) -> bytes:
    """The body of an error answer, up to a cap; one that is cut short is no JSON, and read as such."""
    body = bytearray()
    try:
        async for chunk in response.stream:  # type: ignore[union-attr] # the transport gives an async stream
            body += chunk
            if len(body) > _MAX_ERROR_BYTES:
                break
    except httpx.TransportError:
        pass
    return bytes(body)
