"""A request whose answer will be fetched: its client is told where, and its bytes go to nobody."""

from collections.abc import Callable, Sequence
from contextlib import suppress

import orjson

from app.catalog.order import Operation, Order
from app.errors import ClientGone, GatewayError, StoreUnavailable
from app.gateway.door import Door, Header, Wishes
from app.gateway.record import Record
from app.requests.models import StoredError
from app.requests.register import Register
from app.traces.context import TraceContext


class Refusals:
    """Keeps the refusals of requests that were told where to come, for whoever comes."""

    def __init__(self, register: Register) -> None:
        self._register = register

    async def keep(self, door: Door, record: Record, error: GatewayError) -> None:
        """Of a request refused in the queue; any other is told so itself."""
        principal = record.principal
        if isinstance(door, LaterDoor) and door.is_accepted and principal is not None:
            with suppress(StoreUnavailable):  # then it learns that it failed, and not why
                stored = StoredError.of(error)
                await self._register.refuse(principal.team.id, principal.key.id, door.request_id, stored)


class LaterDoor:
    """Implements `Door` around another. Until the request is taken on, it is that one; from then on nobody is there."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self.is_accepted = False
        self.is_open = False

    @property
    def request_id(self) -> str:
        """The id under which the answer will be fetched."""
        return self._door.request_id

    @property
    def entrance_seconds(self) -> float:
        """How long its client had to wait before anything was done."""
        return self._door.entrance_seconds

    @property
    def operation(self) -> Operation:
        """What is to be done."""
        return self._door.operation

    @property
    def trace_context(self) -> TraceContext | None:
        """Where its caller stands in a trace."""
        return self._door.trace_context

    @property
    def authorization(self) -> str | None:
        """The ``Authorization`` header."""
        return self._door.authorization

    @property
    def wishes(self) -> Wishes:
        """What its headers ask for."""
        return self._door.wishes

    @property
    def prefers_later(self) -> bool:
        """It does; or nobody would be here."""
        return True

    @property
    def is_attended(self) -> bool:
        """Nobody waits here."""
        return False

    @property
    def is_left(self) -> bool:
        """Whether the client left before it was told where to come; after that it may."""
        return not self.is_accepted and self._door.is_left

    @property
    def status(self) -> int | None:
        """What its client was answered; nobody is there for what comes later."""
        return self._door.status

    async def order(self) -> Order:
        """What is asked for."""
        return await self._door.order()

    async def accept(self, request_id: str, headers: Sequence[Header]) -> None:
        """Tell the client where to come: 202 (RFC 9110 §15.3.3), as preferred (RFC 7240 §4.1).

        Raises:
            ClientGone: it left before that; nobody would ever come.

        """
        if self.is_accepted:
            return
        if self._door.is_left:
            raise ClientGone("The client hung up before it was told where to fetch its answer.")
        self.is_accepted = True
        body = orjson.dumps({"object": "image.request", "id": request_id})
        told: list[Header] = [
            (b"content-type", b"application/json"),
            (b"location", f"/v1/images/requests/{request_id}".encode()),
            (b"preference-applied", b"respond-async"),
            (b"retry-after", b"2"),
        ]
        await self._door.reply(202, [*told, *headers], body)

    def when_left(self, note: Callable[[], None] | None) -> None:
        """Nobody waits, so nobody leaves."""

    async def reply(self, status: int, headers: Sequence[Header], body: bytes) -> None:  # noqa: ARG002 - as Door has it
        """Nobody is there to be answered."""
        self.is_open = True

    async def start(self, headers: Sequence[Header]) -> None:  # noqa: ARG002 - as Door has it
        """Nobody is there to be promised anything."""
        self.is_open = True

    async def send(self, piece: bytes) -> None:
        """The copy that is kept has it."""

    async def finish(self, piece: bytes) -> None:
        """The copy that is kept has it."""
