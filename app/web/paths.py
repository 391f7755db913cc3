"""The spellings of a public route that people's base URLs lead to, read as the one the route has.

A base URL without ``/v1`` and a slash at the end are common. A redirect would lose the body of a POST, and a 404 would
cost somebody an afternoon.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

_PUBLIC = (
    "/images/generations",
    "/images/edits",
    "/images/variations",
    "/images/quote",
    "/images/requests",
    "/models",
    "/catalog",
    "/usage",
)
_PUBLIC_BELOW = ("/images/requests/", "/models/")


def canonical_path(path: str) -> str:
    """The route's own spelling of a path of the public door; any other path as it is."""
    plain = path.rstrip("/")
    if plain in _PUBLIC or plain.startswith(_PUBLIC_BELOW):
        return f"/v1{plain}"
    return plain if plain.startswith("/v1/") else path


class CanonicalPaths:
    """ASGI middleware that gives routes their paths in the one spelling."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under its canonical path."""
        if scope["type"] == "http":
            path = canonical_path(scope["path"])
            if path != scope["path"]:
                scope = {**scope, "path": path, "raw_path": path.encode("utf-8", "surrogateescape")}
        await self._app(scope, receive, send)
