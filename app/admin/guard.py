"""Keeps the operator's door: no admin token, no answer; viewers only look. Asked before any body is read."""

from typing import Final

from msgspec import Struct
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.accounts.admin_tokens import Actor, AdminTokens
from app.errors import Forbidden, GatewayError, NotFound
from app.web.body import BodyLimits, RequestBody
from app.web.errors import bearer_of, is_admin, send_refusal

_LOOKING = ("GET", "HEAD")


_BODY: Final = BodyLimits(max_bytes=1024 * 1024, seconds=30)
"""Far more than any document of this door; FastAPI would read whatever comes, for however long it takes."""


class OwnAddress(Struct, frozen=True):
    """Where the operator's door listens when it has an address of its own: an IP address and a port."""

    host: str
    port: int
    public_port: int
    """The port of the public listener, which can be the same number at another address."""

    def is_of(self, scope: Scope) -> bool:
        """Whether a request came in there, by the socket that took it; no header says so.

        What the server does not tell was not there.
        """
        host, port = scope.get("server") or ("", None)
        return port == self.port and (self.port != self.public_port or host.partition("%")[0] == self.host)


class AdminGuard:
    """Plain ASGI in front of ``/admin/``; puts who asks into the request's state. Without a token there is no door.

    With an address of its own there is none anywhere else.
    """

    def __init__(self, app: ASGIApp, tokens: AdminTokens, address: OwnAddress | None = None) -> None:
        self._app = app
        self._tokens = tokens
        self._address = address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is not for this door, or comes from somebody who may."""
        if scope["type"] == "http" and is_admin(scope):
            try:
                scope["state"]["actor"] = await self._admit(scope)
                receive = await _with_body(scope, receive)
            except GatewayError as error:
                await send_refusal(scope, send, error)
                return
        await self._app(scope, receive, send)

    async def _admit(self, scope: Scope) -> Actor:
        """Who asks.

        Raises:
            NotFound: the path has dot segments, the door is at another address, or no token is set.
            Unauthenticated: no admin token, or one that is not known.
            Forbidden: a viewer who wants to change something.
            StoreUnavailable: the token is one that Redis would have to be asked about.

        """
        if not {".", ".."}.isdisjoint(scope["path"].split("/")):
            # A proxy that closes this door may have resolved them, and so not seen that they lead here.
            raise NotFound("There is no such route.")
        if self._address is not None and not self._address.is_of(scope):
            raise NotFound("There is no operator's door here: it has an address of its own (IMAGEGATE_ADMIN_PORT).")
        if not self._tokens.are_used:
            raise NotFound("The operator's door is closed: no IMAGEGATE_ADMIN_TOKEN is set.")
        actor = await self._tokens.authenticate(bearer_of(scope))
        if actor.role != "owner" and scope["method"] not in _LOOKING:
            raise Forbidden("This admin token is a viewer's: it may look, and change nothing.")
        return actor


async def _with_body(scope: Scope, receive: Receive) -> Receive:
    """A ``receive`` that gives the whole body at once, where one may come; then what the server's own gives.

    Raises:
        BodyTooLarge, BodyTooSlow, ClientGone, InvalidRequest: as `RequestBody`.

    """
    if scope["method"] in _LOOKING:
        return receive
    reader = RequestBody(scope, receive)
    try:
        body = await reader.whole(_BODY)
    finally:
        await reader.close()
    is_given = False

    async def given() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return given
