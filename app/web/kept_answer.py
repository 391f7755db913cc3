"""Sends an answer once more as it was first given: from the store, in constant memory, at the client's pace."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from app.assets.results import KeptResult
from app.errors import GatewayError
from app.web.pace import Pace
from app.web.wire import cut

log = logging.getLogger(__name__)

_SENT_BYTES: Final = 64 * 1024
"""Sent at once: the server holds them until they are taken."""


class KeptAnswer(Response):
    """A kept answer as a response; one that fails after its head is left unfinished, which closes the connection."""

    def __init__(
        self,
        kept: KeptResult,
        pieces: AsyncIterator[bytes],
        headers: Mapping[str, str],
        *,
        send_seconds: float,
        is_left: Callable[[], bool],
        taken: Callable[[], Awaitable[None]],
    ) -> None:
        """``taken`` is called when somebody has all of it."""
        super().__init__(headers={**headers, "content-length": str(kept.size_bytes)}, media_type=kept.content_type)
        self._pieces = pieces
        self._send_seconds = send_seconds
        self._is_left = is_left
        self._taken = taken

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            if scope["method"] != "HEAD":
                if not await self._send_all(send):
                    return
                await self._taken()
        except TimeoutError:
            cut(scope)  # it takes nothing any more, and must not hold us and the store for ever
            return
        except GatewayError as error:
            log.warning("a kept answer was cut", extra={"why": error.detail or error.message})
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_all(self, send: Send) -> bool:
        """Whether there was somebody to the end."""
        pace = Pace(self._send_seconds)
        async for piece in self._pieces:
            for at in range(0, len(piece), _SENT_BYTES):
                if self._is_left():
                    return False
                part = piece[at : at + _SENT_BYTES]
                await pace.keep(send({"type": "http.response.body", "body": part, "more_body": True}), len(part))
        return True
