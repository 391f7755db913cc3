"""The routes whose every microsecond counts, ahead of FastAPI.

Its routing, middlewares and dependencies cost more for a small request than everything we do (design, facts about the
edge, 5).
"""

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send


class HotRoutes:
    """Plain ASGI that takes POSTs to exact paths to their endpoints; everything else goes on, other spellings too."""

    def __init__(self, app: ASGIApp, endpoints: Mapping[str, ASGIApp]) -> None:
        self._app = app
        self._endpoints = endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer it here, or pass it on."""
        if scope["type"] == "http" and scope["method"] == "POST":
            path = scope["path"]
            if (endpoint := self._endpoints.get(path)) is not None:
                scope["state"]["route"] = path
                await endpoint(scope, receive, send)
                return
        await self._app(scope, receive, send)
