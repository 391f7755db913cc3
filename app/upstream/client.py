"""WHERE the images are made: requests are sent with the upstream's own keys, and again only where nothing was made."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import get_args

import httpx

from app.catalog.normalise import ImageRequest
from app.catalog.order import Operation
from app.errors import UpstreamUnavailable
from app.patience import Limit, Patience
from app.upstream.attempts import Result, Retries, result_of
from app.upstream.dialect import (
    form_files,
    json_body,
    read_failure,
    read_retry_after,
    read_upstream_id,
    request_headers,
)
from app.upstream.echo import leave_out_prompt
from app.upstream.exchange import Exchange
from app.upstream.failure import Cause, ExchangeFailed
from app.upstream.form import FormBody
from app.upstream.keys import Key, State, Turn, UpstreamKeys
from app.upstream.mask import Mask
from app.upstream.trail import Trail

log = logging.getLogger(__name__)

_MAX_ERROR_BYTES = 65_536


class UpstreamClient:
    """Opens exchanges with the upstream.

    How many are under way at once is capped by the transport's ``max_connections``: who comes when all are in use waits
    for one as long as for a connection, and is refused before dispatch then.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        base_url: str,
        keys: Sequence[str],
        *,
        retries: int,
        total_seconds: float,
        user_agent: str,
    ) -> None:
        self._transport = transport
        self._urls = {operation: httpx.URL(f"{base_url}/images/{operation}") for operation in get_args(Operation)}
        self._server = httpx.URL(base_url).host
        self._user_agent = user_agent
        self._heads: dict[str, list[tuple[bytes, bytes]]] = {}  # by the key's name, what is the same on every request
        self._patience = Patience(total_seconds)
        self._mask = Mask(keys)
        self.keys = UpstreamKeys(keys, time.monotonic)
        self.retries = Retries(retries, time.monotonic)
        self.attempts: Counter[str] = Counter({result.value: 0 for result in Result})
        """How often each result came of an attempt."""

    @asynccontextmanager
    async def exchange(
        self,
        request: ImageRequest,
        dispatched: Callable[[], None],
        taken_back: Callable[[], None],
        trail: Trail | None = None,
    ) -> AsyncIterator[Exchange]:
        """Send a request and give its answer; what is seen of it on the way is kept up in ``trail``.

        ``dispatched`` is called right before the first byte of an attempt leaves; what it raises stops the request
        unsent. ``taken_back`` is called when nothing can have been made of that attempt and another one follows. All
        attempts and the pauses between them share ``total_seconds``.

        Raises:
            ExchangeFailed: however it failed, before the head of the answer or after it.

        """
        exchange, trail = Exchange(dispatched, taken_back, self._mask), trail or Trail()
        trail.server = self._server
        deadline = self._patience.limit()
        try:
            with deadline:
                response, turn = await self._answered(exchange, request, deadline, trail)
                try:
                    yield exchange
                except ExchangeFailed as failure:
                    leave_out_prompt(failure, request.prompt)
                    self._note(turn, failure)
                    raise
                finally:
                    await response.aclose()
                self._note(turn, None)
        except TimeoutError:
            if not deadline.is_over:
                raise
            late = exchange.out_of_time(self._patience.seconds)
            self.attempts[result_of(late)] += 1  # of the keys it tells nothing: the client may have read slowly
            raise late from None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def _answered(
        self, exchange: Exchange, request: ImageRequest, deadline: Limit, trail: Trail
    ) -> tuple[httpx.Response, Turn]:
        """The head of a 200, after as many attempts as it takes and may take."""
        self.retries.begin()
        refused: list[Key] = []
        retries = 0
        while True:
            turn = self.keys.choose(refused)
            if turn is None:
                raise self._keys_out()
            trail.attempts, trail.key = trail.attempts + 1, turn.key.name
            try:
                return await self._attempt(exchange, request, turn.key, trail), turn
            except ExchangeFailed as failure:
                leave_out_prompt(failure, request.prompt)
                self._note(turn, failure)
                if failure.cause is not Cause.UNREACHABLE:
                    refused.append(turn.key)
                pause = self.retries.pause_seconds(
                    failure,
                    retries,
                    left_seconds=deadline.ends - time.monotonic(),
                    other_key=bool(refused) and self.keys.has_other(refused),
                    key_is_out=self.keys.state(turn.key) is State.OPEN,
                )
                if pause is None:
                    raise
                log.info(
                    "upstream request is sent again",
                    extra={"request_id": trail.request_id, "why": str(failure), "seconds": round(pause, 3)},
                )
            retries += 1
            exchange.take_back()
            await asyncio.sleep(pause)

    async def _attempt(self, exchange: Exchange, request: ImageRequest, key: Key, trail: Trail) -> httpx.Response:
        """Send the request, body and all, and give the head of a 200; the caller closes it."""
        response = await exchange.send(self._transport, self._outgoing(request, key, trail))
        upstream_id = read_upstream_id(response.headers.raw)
        trail.status, trail.upstream_id = response.status_code, upstream_id and self._mask.text(upstream_id)
        if response.status_code == 200:
            return response
        try:
            asked = read_retry_after(response.headers.get("retry-after", ""), datetime.now(UTC))
            raise read_failure(response.status_code, await _read_error_body(response), asked, self._mask)
        finally:
            await response.aclose()

    def _outgoing(self, request: ImageRequest, key: Key, trail: Trail) -> httpx.Request:
        """The request from its first byte, for one attempt."""
        url = self._urls[request.operation]
        headers = [*self._head(key)]
        if trail.trace is not None:
            headers += [(name.encode(), value.encode()) for name, value in trail.trace.headers()]
        if request.operation == "generations":
            body = json_body(request)
            headers += [(b"Content-Type", b"application/json"), (b"Content-Length", b"%d" % len(body))]
            # Given a stream, httpx takes the headers as they are, and leaves it at that.
            return httpx.Request("POST", url, headers=headers, stream=httpx.ByteStream(body))
        form = FormBody(request.fields, form_files(request))
        headers += [(b"Content-Type", form.content_type.encode()), (b"Content-Length", b"%d" % form.content_length)]
        return httpx.Request("POST", url, headers=headers, content=form.pieces())

    def _head(self, key: Key) -> list[tuple[bytes, bytes]]:
        if key.name not in self._heads:
            own = request_headers(key.secret, self._user_agent)
            host = (b"Host", self._urls["generations"].netloc)
            self._heads[key.name] = [host, *((name.encode(), value.encode()) for name, value in own)]
        return self._heads[key.name]

    def _note(self, turn: Turn, failure: ExchangeFailed | None) -> None:
        self.attempts[result_of(failure)] += 1
        self.keys.note(turn, failure)

    def _keys_out(self) -> ExchangeFailed:
        self.attempts[Result.NOT_SENT] += 1
        told = UpstreamUnavailable(
            "The image service accepts none of this gateway's keys at the moment; nothing was charged.",
            retry_after_seconds=self.keys.back_in_seconds(),
            detail=", ".join(f"{name} is {how}" for name, how in self.keys.conditions.items()) or "there is no key",
        )
        return ExchangeFailed(told, charged=False, cause=Cause.KEYS_OUT, nothing_made=True)


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
