"""One request on its way upstream, and its answer as it comes: segments of one JSON answer, or pieces of a stream."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from functools import cached_property
from typing import Any, Final

import httpx

from app.errors import UpstreamTimeout, UpstreamUnavailable, UpstreamUnknown
from app.upstream.dialect import OUTCOME_UNKNOWN, is_event_stream, no_picture, read_error
from app.upstream.events import EventWriter, Piece
from app.upstream.failure import Cause, ExchangeFailed
from app.upstream.links import Links
from app.upstream.mask import NO_KEYS, Mask
from app.upstream.scanner import Answer, AnswerScanner, MalformedAnswer, Segment, check_beginning

MAX_ANSWER_BYTES: Final = 512 * 1024 * 1024
"""Ten pictures of the largest size, all noise and each with partial images, take half of it. Beyond that an upstream
fills disks, and the time until the total deadline."""

_PATIENCE_SECONDS = 5.0
"""How long a stream that has brought every picture may take to end; the client waits for the last line meanwhile."""

_HELD_UP_SECONDS = 1.0
"""How long, all in all, a taker may keep us from reading on before an answer that is lost then is laid to that."""


class Exchange:
    """What is known of one exchange so far."""

    def __init__(
        self,
        dispatched: Callable[[], None],
        taken_back: Callable[[], None],
        mask: Mask = NO_KEYS,
        *,
        most_bytes: int = MAX_ANSWER_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._mask = mask  # of all that is told of the answer
        self._most_bytes = most_bytes
        self._dispatched = dispatched
        self._taken_back = taken_back
        self._dispatched_at: float | None = None
        self._response: httpx.Response | None = None
        self._usage_seen: dict[str, Any] | None = None  # of an answer that tells it before its pictures
        self._completed = 0  # pictures of a stream
        self._taken_bytes = 0
        self._held_seconds = 0.0  # between what was given to the taker and its asking for more
        self.first_byte_seconds: float | None = None
        """From the last dispatch to the head of the answer, once it is here."""
        self.answer: Answer | None = None
        """The whole answer without its pictures, behind the last segment."""

    @cached_property
    def events(self) -> EventWriter:
        """The reader of a stream: what it has brought so far."""
        return EventWriter(created=int(time.time()), mask=self._mask)

    @property
    def is_stream(self) -> bool:
        """Whether the answer is a stream of events; some upstreams answer with JSON although a stream was asked for."""
        return is_event_stream(self._open().headers.get("content-type", ""))

    async def segments(self) -> AsyncGenerator[list[Segment]]:
        """The answer as it comes; the first segment with a ``start`` is the moment at which a 200 can be promised.

        Raises:
            ExchangeFailed: no picture, or no whole answer.

        """
        scanner, links = AnswerScanner(mask=self._mask), Links(self._mask)
        try:
            async for chunk in self._chunks():
                segments = links.whole(scanner.feed(self._counted(chunk)))
                for segment in segments:
                    if segment.start is not None:
                        if segment.start.kind == "b64_json":
                            check_beginning(segment.data)
                        if isinstance(usage := segment.start.document.get("usage"), dict):
                            self._usage_seen = usage
                given_at = self._clock()
                yield segments
                self._held_seconds += self._clock() - given_at
            answer = scanner.finish()
        except MalformedAnswer as error:
            raise self._lost(UpstreamUnknown, f"malformed answer: {error}") from None
        except httpx.TransportError as error:
            raise self._broken(error) from None
        if not answer.pictures:
            raise no_picture(answer.document)
        self.answer = answer

    async def pieces(self, expected: int) -> AsyncGenerator[list[Piece]]:
        """The stream in OpenAI's form, as it comes; all there is to it is in ``events``.

        Raises:
            ExchangeFailed: an error event, or no end before ``expected`` pictures were completed.

        """
        events, chunks = self.events, self._chunks()
        patience_ends: float | None = None
        try:
            while events.error is None and (chunk := await _next(chunks, patience_ends)) is not None:
                pieces = events.feed(self._counted(chunk))
                self._completed = events.completed
                given_at = self._clock()
                yield pieces
                self._held_seconds += self._clock() - given_at
                if events.completed >= expected and patience_ends is None:
                    patience_ends = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
            if events.error is None:
                events.finish()
        except (MalformedAnswer, httpx.TransportError) as error:
            if events.completed < expected:
                raise self._cut(error) from None
        if events.error is not None and events.completed < expected:
            raise self._error_event(events.error)
        if not events.completed:
            raise self._lost(UpstreamUnknown, "a stream without a completed picture")

    async def send(self, transport: httpx.AsyncBaseTransport, request: httpx.Request) -> httpx.Response:
        """Send the request and wait for the head of its answer."""
        request.extensions["dispatched"] = self._leave
        try:
            self._response = await transport.handle_async_request(request)
        except httpx.TransportError as error:
            raise self._broken(error) from None
        self.first_byte_seconds = self._clock() - (self._dispatched_at or 0)
        return self._response

    def take_back(self) -> None:
        """Nothing can have been made of what was sent: the request counts as not sent, until it is sent again."""
        if self._dispatched_at is not None:
            self._dispatched_at = None
            self._taken_back()
        self._response = None

    def out_of_time(self, total_seconds: float) -> ExchangeFailed:
        """What it means that the exchange did not end in its time."""
        return self._lost(UpstreamTimeout, f"not over after {total_seconds:g} s, the client's reading included")

    def _open(self) -> httpx.Response:
        if self._response is None:
            raise RuntimeError("an exchange has an answer only while it is open")
        return self._response

    def _chunks(self) -> AsyncIterator[bytes]:
        return aiter(self._open().stream)  # type: ignore[arg-type] # the transport gives an async stream

    def _counted(self, chunk: bytes) -> bytes:
        self._taken_bytes += len(chunk)
        if self._taken_bytes > self._most_bytes:
            raise MalformedAnswer(f"more than {self._most_bytes} bytes")
        return chunk

    def _leave(self) -> None:
        """The first byte is about to leave; whoever is told may still stop it."""
        self._dispatched()
        self._dispatched_at = self._clock()

    def _cut(self, error: Exception) -> ExchangeFailed:
        if isinstance(error, httpx.TransportError):
            return self._broken(error)
        return self._lost(UpstreamUnknown, f"malformed stream: {error}")

    def _error_event(self, error: dict[str, Any]) -> ExchangeFailed:
        """The upstream gave up in the middle; what it had completed by then is billed."""
        failure = read_error(200, error)
        if self._completed:
            failure.charged, failure.usages, failure.delivered = True, self.events.usages, self._completed
            failure.error.should_retry = False
        return failure

    def _broken(self, error: httpx.TransportError) -> ExchangeFailed:
        kind = UpstreamTimeout if isinstance(error, httpx.TimeoutException) else UpstreamUnknown
        cause = Cause.CROWDED if isinstance(error, httpx.PoolTimeout) else Cause.UNREACHABLE
        return self._lost(kind, repr(error), cause)

    def _lost(self, kind: type[UpstreamUnknown], detail: str, cause: Cause | None = None) -> ExchangeFailed:
        """No answer: nobody knows what was made, unless nothing was sent."""
        detail = self._mask.text(detail)  # it may quote a head that was no HTTP
        if self._dispatched_at is None:
            told = UpstreamUnavailable(
                "The image service cannot be reached at the moment; nothing was charged. Try again shortly.",
                retry_after_seconds=5,
                detail=detail,
            )
            return ExchangeFailed(told, charged=False, cause=cause, nothing_made=True)
        unknown = kind(OUTCOME_UNKNOWN, detail=detail)
        seen = (self._usage_seen,) if self._usage_seen else ()
        failure = ExchangeFailed(unknown, charged=True, usages=seen, delivered=self._completed)
        failure.held_up = self._held_seconds >= _HELD_UP_SECONDS
        return failure


async def _next(chunks: AsyncIterator[bytes], until: float | None) -> bytes | None:
    """The next chunk; None at the end, or when none has come ``until`` then (of the loop's clock)."""
    try:
        async with asyncio.timeout_at(until):
            return await anext(chunks, None)
    except TimeoutError:
        return None
