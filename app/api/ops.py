"""What machines ask: ``/healthz`` (alive), ``/readyz`` (able to serve), ``/metrics``."""

import hmac
import re
from collections.abc import Awaitable, Callable
from ipaddress import ip_address

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from app.errors import GatewayError, Unauthenticated

_HERE = "localhost"
_PORT = re.compile(r":[0-9]*\Z")
"""At the end of a ``Host``; an IPv6 address stands in brackets there."""


class Ops:
    """The operational routes. None of them needs a virtual key."""

    def __init__(
        self,
        registry: CollectorRegistry,
        metrics_token: str | None,
        check_store: Callable[[], Awaitable[None]],
        refresh: Callable[[], Awaitable[None]],
    ) -> None:
        """``refresh`` asks for what a scrape tells and this process does not know by itself."""
        self._registry = registry
        self._metrics_token = metrics_token
        self._check_store = check_store
        self._refresh = refresh

    async def healthz(self, _: Request) -> Response:
        """The process answers."""
        return JSONResponse({"status": "ok"})

    async def readyz(self, _: Request) -> Response:
        """It can serve: Redis answers."""
        try:
            await self._check_store()
        except GatewayError as error:
            return JSONResponse({"status": "unavailable", "redis": "unavailable"}, status_code=error.status)
        return JSONResponse({"status": "ok", "redis": "ok"})

    async def metrics(self, request: Request) -> Response:
        """The scrape; loopback may read it, others need the metrics token."""
        if not self._may_scrape(request):
            raise Unauthenticated("Metrics are open to loopback, or with the bearer token of IMAGEGATE_METRICS_TOKEN.")
        await self._refresh()
        return PlainTextResponse(generate_latest(self._registry), headers={"content-type": CONTENT_TYPE_LATEST})

    def _may_scrape(self, request: Request) -> bool:
        if self._metrics_token is not None:
            given = request.headers.get("authorization", "").removeprefix("Bearer ")
            if hmac.compare_digest(given.encode(), self._metrics_token.encode()):
                return True
        return is_loopback(request)


def is_loopback(request: Request) -> bool:
    """Whether the socket's other end is this machine, no proxy stands between, and it asks for this machine by name.

    A forwarded request is not local; neither is that of a browser here whose page is another's, at a name that leads
    here (DNS rebinding).
    """
    if request.client is None or "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False
    name = _PORT.sub("", request.headers.get("host", _HERE)).strip("[]")
    return _is_loopback(request.client.host) and (name == _HERE or _is_loopback(name))


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
