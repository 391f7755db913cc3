"""WHERE the images are made: requests are sent with the upstream's own key, and never sent twice."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx

from app.catalog.normalise import ImageRequest
from app.upstream.dialect import form_files, json_body, read_failure, request_headers
from app.upstream.exchange import Exchange
from app.upstream.form import FormBody

_MAX_ERROR_BYTES = 65_536


class UpstreamClient:
    """Opens exchanges with the upstream."""

    def __init__(
        self, transport: httpx.AsyncBaseTransport, base_url: str, key: str, *, total_seconds: float, user_agent: str
    ) -> None:
        self._transport = transport
        self._base_url = base_url
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
                response = await exchange.send(self._transport, self._outgoing(request))
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

    def _outgoing(self, request: ImageRequest) -> httpx.Request:
        url = f"{self._base_url}/images/{request.operation}"
        if request.operation == "generations":
            headers = [*self._headers, ("Content-Type", "application/json")]
            return httpx.Request("POST", url, headers=headers, content=json_body(request))
        form = FormBody(request.fields, form_files(request))
        headers = [*self._headers, ("Content-Type", form.content_type), ("Content-Length", str(form.content_length))]
        return httpx.Request("POST", url, headers=headers, content=form.pieces())


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
