"""A streamed answer with a deadline for whoever takes it: who reads nothing for too long is hung up on."""

from collections.abc import AsyncIterator, Mapping

from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send
from typing_extensions import override

from app.web.pace import Pace
from app.web.wire import cut


class PacedResponse(StreamingResponse):
    """A client that takes none of it for ``send_seconds``, or too little in the long run, is hung up on."""

    def __init__(
        self, pieces: AsyncIterator[str], media_type: str, headers: Mapping[str, str], *, send_seconds: float
    ) -> None:
        super().__init__(pieces, media_type=media_type, headers=headers)
        self._send_seconds = send_seconds

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        pace = Pace(self._send_seconds)

        async def send_in_time(message: Message) -> None:
            await pace.keep(send(message), len(message.get("body", b"")))

        try:
            await super().__call__(scope, receive, send_in_time)
        except (TimeoutError, ClientDisconnect):  # Starlette takes one for the other
            cut(scope)
