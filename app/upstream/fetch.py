"""The one fetcher of foreign URLs: every step of a link is judged, pinned to the judged address, capped and timed.

Through a proxy the pin holds too: the proxy's tunnel is asked for by the judged address, never by name, and TLS inside
it is verified against the name. A proxy that opens tunnels to names only refuses, and the fetch fails; so it does on a
machine that cannot resolve names itself.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import TypeVar

import httpx

from app.upstream.address import Address, Link, LinkRefused, Network, check_host, permitted, read_link

MAX_REDIRECTS = 3
"""A store's link needs one, to the CDN; browsers' twenty would only give a stranger more to play with."""

_T = TypeVar("_T")

_REDIRECTS = frozenset({301, 302, 303, 307, 308})

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a name and port, as text; OSError where there are none."""


class FetchFailed(Exception):
    """A link brought no picture, or not a whole one.

    ``reason`` is a public sentence in ASCII, naming neither the link nor an address.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ImageFetcher:
    """Fetches what a link leads to; ``networks`` are the operator's own, allowed though they are not public."""

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        *,
        max_bytes: int,
        total_seconds: float,
        networks: Sequence[Network] = (),
        user_agent: str,
        resolve: Resolve | None = None,
    ) -> None:
        self._transport = transport
        self._max_bytes = max_bytes
        self._total_seconds = total_seconds
        self._networks = tuple(networks)
        self._user_agent = user_agent
        self._resolve = resolve or _resolve

    @asynccontextmanager
    async def open(self, url: str, hosts: Sequence[str]) -> AsyncIterator[AsyncIterator[bytes]]:
        """The bytes behind a link, as they arrive; what they are is the reader's to judge.

        ``hosts`` are the names that may be fetched from, redirects included: ``cdn.example.com``, ``*.example.com``
        (names below it) or ``*`` (all).

        Raises:
            FetchFailed: at once, or from the iterator when the rest does not come, is too much, or comes too late.

        """
        deadline = asyncio.get_running_loop().time() + self._total_seconds
        response = await self._in_time(deadline, self._follow(url, hosts))
        try:
            self._check(response)
            async with aclosing(self._chunks(response, deadline)) as chunks:
                yield chunks
        finally:
            await response.aclose()

    async def _follow(self, url: str, hosts: Sequence[str]) -> httpx.Response:
        """The answer at the end of the redirects, each of which is a link like the first."""
        try:
            for _ in range(MAX_REDIRECTS + 1):
                link = read_link(url)
                check_host(link, hosts)
                response = await self._ask(link)
                location = response.headers.get("location")
                if response.status_code not in _REDIRECTS or location is None:
                    return response
                await response.aclose()
                url = link.target(location)
        except LinkRefused as refused:
            raise FetchFailed(str(refused)) from None
        raise FetchFailed(f"The link is redirected more than {MAX_REDIRECTS} times.")

    async def _ask(self, link: Link) -> httpx.Response:
        """The answer of the first of the host's addresses that takes a connection."""
        *others, last = permitted(link, await self._addresses(link), self._networks)
        for address in others:
            try:
                return await self._send(link, address)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._send(link, last)

    async def _send(self, link: Link, address: Address) -> httpx.Response:
        return await self._transport.handle_async_request(link.request(address, self._user_agent))

    async def _addresses(self, link: Link) -> Sequence[str]:
        if link.literal is not None:
            return (str(link.literal),)
        try:
            return await self._resolve(link.host, link.port)
        except (OSError, UnicodeError):
            return ()

    def _check(self, response: httpx.Response) -> None:
        """What the head of the answer already rules out."""
        if response.status_code != 200:
            raise FetchFailed(f"The link's host answered with status {response.status_code}.")
        if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise FetchFailed("The link's host sent a compressed answer, which nobody asked for.")
        length = response.headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._max_bytes:
            raise self._too_large()

    async def _chunks(self, response: httpx.Response, deadline: float) -> AsyncGenerator[bytes]:
        left_bytes = self._max_bytes
        stream = aiter(response.stream)  # type: ignore[arg-type] # the transport gives an async stream
        while (chunk := await self._in_time(deadline, _next(stream))) is not None:
            left_bytes -= len(chunk)
            if left_bytes < 0:
                raise self._too_large()
            yield chunk

    async def _in_time(self, deadline: float, work: Awaitable[_T]) -> _T:
        """Do one step before the deadline; a timeout never spans a ``yield``, where it would hit the reader's work."""
        try:
            async with asyncio.timeout_at(deadline):
                return await work
        except (TimeoutError, httpx.TimeoutException):
            raise FetchFailed("The link's host took too long.") from None
        except httpx.TransportError:
            raise FetchFailed("The link's host cannot be reached, or broke off.") from None

    def _too_large(self) -> FetchFailed:
        return FetchFailed(f"What the link leads to is larger than {self._max_bytes} bytes.")


async def _next(stream: AsyncIterator[bytes]) -> bytes | None:
    """The next chunk; None after the last."""
    return await anext(stream, None)


async def _resolve(host: str, port: int) -> Sequence[str]:
    """The system's answer."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]
