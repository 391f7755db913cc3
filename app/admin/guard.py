"""Keeps the operator's door: no admin token, no answer; asked before any body is read."""

import hmac

from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import NotFound, Unauthenticated
from app.web.errors import send_refusal

ADMIN_PREFIX = "/admin/"


class AdminGuard:
    """Plain ASGI in front of ``/admin/``; without a configured token that door does not exist."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode() if token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is not for this door, or comes with its token."""
        if scope["type"] != "http" or not scope["path"].startswith(ADMIN_PREFIX):
            await self._app(scope, receive, send)
            return
        if self._expected is None:
            closed = NotFound("The operator's door is closed: no IMAGEGATE_ADMIN_TOKEN is set.")
            await send_refusal(scope, send, closed)
            return
        given = dict(scope["headers"]).get(b"authorization", b"")
        if not hmac.compare_digest(given, self._expected):
            wrong = Unauthenticated("This is not the admin token.", code="invalid_admin_token")
            await send_refusal(scope, send, wrong)
            return
        await self._app(scope, receive, send)
