"""WHERE the images are made: one exchange with the upstream, its answer rewritten as it passes."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx

from app.catalog.normalise import ImageRequest
from app.errors import UpstreamTimeout, UpstreamUnavailable, UpstreamUnknown
from app.upstream.dialect import GENERATIONS_PATH, no_picture, read_failure, request_headers
from app.upstream.failure import ExchangeFailed
from app.upstream.rewriter import AnswerRewriter
from app.upstream.scanner import Answer, MalformedAnswer

_MAX_ERROR_BYTES = 65_536

_UNKNOWN = "The image service did not complete its answer; the picture may have been made and billed."


class Exchange:
    """An answer on its way: its pieces in OpenAI's form, then the answer without its pictures."""

    def __init__(self, response: httpx.Response, started: float) -> None:
        self._response = response
        self._rewriter = AnswerRewriter(created=int(time.time()))
        self.first_byte_seconds = time.monotonic() - started
        """From dispatch to the head of the answer."""
        self.answer: Answer | None = None
        """Set when the last piece has been given."""

    async def pieces(self) -> AsyncIterator[bytes]:
        """The bytes for the client; the first comes only when a picture has begun, so a 200 can be promised then.

        Raises:
            ExchangeFailed: no picture, or no whole one.

        """
        try:
            async for chunk in self._response.stream:  # type: ignore[union-attr] # the transport gives an async stream
                if out := self._rewriter.feed(chunk):
                    yield out[0] if len(out) == 1 else b"".join(out)
            last, answer = self._rewriter.finish()
        except MalformedAnswer as error:
            raise self._lost(UpstreamUnknown(_UNKNOWN, detail=f"malformed answer: {error}")) from None
        except httpx.TimeoutException as error:
            raise self._lost(UpstreamTimeout(_UNKNOWN, detail=repr(error))) from None
        except httpx.TransportError as error:
            raise self._lost(UpstreamUnknown(_UNKNOWN, detail=repr(error))) from None
        if not answer.pictures:
            raise no_picture(answer.document)
        self.answer = answer
        yield b"".join(last)

    def _lost(self, error: UpstreamUnknown) -> ExchangeFailed:
        return ExchangeFailed(error, charged=True, usage=self._rewriter.usage_seen)


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
        sent_at: list[float] = []

        def leaving() -> None:
            dispatched()
            sent_at.append(time.monotonic())

        deadline = asyncio.timeout(self._total_seconds)
        try:
            async with deadline:
                response = await self._send(request, leaving)
                try:
                    if response.status_code != 200:
                        body, complete = await _read_error_body(response)
                        raise read_failure(response.status_code, body, complete=complete)
                    yield Exchange(response, sent_at[0])
                finally:
                    await response.aclose()
        except TimeoutError:
            if not deadline.expired():
                raise
            told = UpstreamTimeout(_UNKNOWN, detail=f"no whole answer in {self._total_seconds} s")
            raise ExchangeFailed(told, charged=bool(sent_at)) from None

    async def _send(self, request: ImageRequest, leaving: Callable[[], None]) -> httpx.Response:
        dispatched = False

        def note() -> None:
            nonlocal dispatched
            leaving()
            dispatched = True

        outgoing = httpx.Request(
            "POST", self._url, headers=self._headers, content=request.body, extensions={"dispatched": note}
        )
        try:
            return await self._transport.handle_async_request(outgoing)
        except httpx.TransportError as error:
            if not dispatched:
                told = UpstreamUnavailable(
                    "The image service cannot be reached at the moment; nothing was charged.",
                    retry_after_seconds=5,
                    detail=repr(error),
                )
                raise ExchangeFailed(told, charged=False) from None
            kind = UpstreamTimeout if isinstance(error, httpx.TimeoutException) else UpstreamUnknown
            raise ExchangeFailed(kind(_UNKNOWN, detail=repr(error)), charged=True) from None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


async def _read_error_body(response: httpx.Response) -> tuple[bytes, bool]:
    """The body of an error answer up to a cap, and whether that was all of it."""
    body = bytearray()
    try:
        async for chunk in response.stream:  # type: ignore[union-attr] # the transport gives an async stream
            body += chunk
            if len(body) > _MAX_ERROR_BYTES:
                return bytes(body), False
    except httpx.TransportError:
        return bytes(body), False
    return bytes(body), True
