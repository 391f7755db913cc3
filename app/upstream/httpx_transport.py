"""httpx's own transport behind the promises of ours: the way out, should ours ever be in doubt (``docs/adr/0002``).

It keeps the same rules about money: nothing is sent twice, and ``dispatched`` is called before the first byte leaves.
It costs several times the CPU, and more the more connections there are, because its pool looks at each of them for
each request. And it keeps no connection: what a server sends behind an answer stays in httpcore's buffer, and would be
the answer to the next request, which may be another team's.
"""

import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import httpx
from typing_extensions import override

_FIRST_BYTE: Final = "http11.send_request_headers.started"
"""The moment before the head is written, in the words of httpcore's trace (https://www.encode.io/httpcore/extensions/)."""


class HttpxTransport(httpx.AsyncBaseTransport):
    """As `UpstreamTransport`, on httpcore; reads the same request extensions."""

    def __init__(
        self,
        *,
        connect_seconds: float,
        read_seconds: float,
        ssl_context: ssl.SSLContext,
        proxy: str | None,
        max_connections: int,
        max_idle_connections: int,  # noqa: ARG002 - of ours, which keeps some
        idle_seconds: float,  # noqa: ARG002 - likewise
    ) -> None:
        self._timeout = {
            "connect": connect_seconds,
            "read": read_seconds,
            "write": read_seconds,
            "pool": connect_seconds,
        }
        self._transport = httpx.AsyncHTTPTransport(
            verify=ssl_context,
            proxy=None if proxy is None else httpx.Proxy(proxy),
            limits=httpx.Limits(
                max_connections=max_connections,
                max_keepalive_connections=0,
            ),
            retries=0,
        )

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request and return its answer once the head is here."""
        extensions = request.extensions
        extensions["timeout"] = self._timeout | extensions.get("timeout", {})
        dispatched: Callable[[], None] | None = extensions.pop("dispatched", None)
        if dispatched is not None:
            extensions["trace"] = _telling(dispatched)
        return await self._transport.handle_async_request(request)

    @override
    async def aclose(self) -> None:
        """Close every connection."""
        await self._transport.aclose()


def _telling(dispatched: Callable[[], None]) -> Callable[[str, Mapping[str, Any]], Awaitable[None]]:
    """Passes one event of httpcore's trace on; what ``dispatched`` raises stops the request unsent."""

    async def trace(event: str, _: Mapping[str, Any]) -> None:
        if event == _FIRST_BYTE:
            dispatched()

    return trace
