"""One HTTP request over ASGI: what it asks for, its answer in pieces, its client watched."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace
from starlette.types import Message, Receive, Scope, Send

from app.catalog.order import Operation, Order
from app.errors import GatewayError
from app.gateway.door import Header, Wishes
from app.logs import without_keys
from app.traces.context import TraceContext, read_trace_context
from app.web.body import RequestBody
from app.web.errors import bearer_of, send_refusal
from app.web.order_reader import OrderReader
from app.web.pace import Pace
from app.web.wire import ENTRANCE_SECONDS, wire_of
from app.web.wishes import prefers_later, read_wishes


class HttpDoor:
    """Implements `app.gateway.door.Door` over ASGI; close it when the request is over."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        operation: Operation,
        reader: OrderReader,
        send_seconds: float,
    ) -> None:
        self._scope = scope
        self._wire = wire_of(scope)
        self.request_id: str = scope["state"]["request_id"]
        self.entrance_seconds: float = scope["state"].get(ENTRANCE_SECONDS, 0.0)
        self._send = send
        self._pace = Pace(send_seconds)
        self.operation: Operation = operation
        self.status: int | None = None
        """Of the answer, once its head is on its way."""
        self._reader = reader
        self._body = RequestBody(scope, receive)
        self._pictures = reader.pictures()
        self._order: Order | None = None
        self._wishes: Wishes | None = None
        self._is_stuck = False
        self._is_over = False
        self._left_early = False
        self.is_open = False

    @property
    def authorization(self) -> str | None:
        """The ``Authorization`` header."""
        return bearer_of(self._scope)

    @property
    def trace_context(self) -> TraceContext | None:
        """Where its caller stands in a trace; what others keep there is dropped if it has a key in it."""
        found = read_trace_context(self._scope["headers"])
        if found is not None and without_keys(found.state) != found.state:
            return replace(found, state="")
        return found

    @property
    def wishes(self) -> Wishes:
        """What its headers ask for; read when somebody first wants to know.

        Raises:
            InvalidRequest: one of them makes no sense.

        """
        if self._wishes is None:
            self._wishes = read_wishes(self._scope["headers"])
        return self._wishes

    @property
    def prefers_later(self) -> bool:
        """Whether it would rather come for the answer."""
        return prefers_later(self._scope["headers"])

    @property
    def is_attended(self) -> bool:
        """A client waits here."""
        return True

    @property
    def is_left(self) -> bool:
        """Whether the client has hung up, or stopped taking its answer, before that was whole."""
        return self._is_stuck or (self._left_early if self._is_over else self._body.is_left)

    def when_left(self, note: Callable[[], None] | None) -> None:
        """Have it noted when the client hangs up; None: not any more."""
        self._body.when_left(note)

    async def accept(self, request_id: str, headers: Sequence[Header]) -> None:
        """Whoever waits will see."""

    async def order(self) -> Order:
        """What is asked for; the same order when asked again. From then on the client is watched.

        Raises:
            InvalidRequest: the body cannot be read as an order; too large, too slow, or not in the form it claims.
            ClientGone: the client hung up in the middle of it.

        """
        if self._order is None:
            self._order = await self._reader.read(self.operation, self._body, self._pictures)
        return self._order

    async def start(self, headers: Sequence[Header]) -> None:
        """Send the head of a 200."""
        if self._wire is not None:
            self._wire.is_owed = True
        self.is_open, self.status = True, 200
        await self._pass({"type": "http.response.start", "status": 200, "headers": list(headers)})

    async def send(self, piece: bytes) -> None:
        """Send a piece at the client's pace; a client that stopped reading counts as gone."""
        if self._wire is not None and not self._is_stuck and self._wire.takes_chunk(piece):
            return
        await self._pass({"type": "http.response.body", "body": piece, "more_body": True})

    async def finish(self, piece: bytes) -> None:
        """Send the last piece and end the answer."""
        self._end()
        await self._pass({"type": "http.response.body", "body": piece, "more_body": False})

    async def reply(self, status: int, headers: Sequence[Header], body: bytes) -> None:
        """Answer at once and in full."""
        self.is_open, self.status = True, status
        self._end()
        length = (b"content-length", b"%d" % len(body))
        await self._pass({"type": "http.response.start", "status": status, "headers": [*headers, length]})
        await self._pass({"type": "http.response.body", "body": body})

    async def refuse(self, error: GatewayError) -> None:
        """Answer with an error; when the 200 is out already, leave the answer unfinished: the client sees it cut."""
        if self.is_open:
            return
        self.is_open = True
        self._end()
        await send_refusal(self._scope, self._pass, error)

    def _end(self) -> None:
        """From here on the server reports a client that is served as one that has left; who left before has left."""
        self._left_early, self._is_over = self._body.is_left, True
        self._body.when_left(None)

    async def _pass(self, message: Message) -> None:
        """Give a message to the server, which drops it without complaint when the client is gone.

        The exchange with the upstream must not wait for a client for ever: one that does not take a piece in its time
        is gone for us, gets nothing more, and finds its answer unfinished.
        """
        if self._is_stuck:
            return
        if self._wire is not None and not self._wire.is_blocked:
            await self._send(message)  # which waits for nothing then, and so needs no timer
            return
        try:
            await self._pace.keep(self._send(message), len(message.get("body", b"")))
        except TimeoutError:
            self._is_stuck = True
            if self._wire is not None:
                self._wire.cut()

    async def close(self) -> None:
        """Stop watching the client, and forget its pictures."""
        try:
            await self._body.close()
        finally:
            await self._pictures.aclose()
