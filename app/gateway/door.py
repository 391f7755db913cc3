"""What the story asks of the door a request came through: its words in, bytes out. The web room implements it."""

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from app.catalog.order import Operation, Order
from app.traces.context import TraceContext

Header = tuple[bytes, bytes]


class Wishes(Struct, frozen=True):
    """What the headers of a request ask for, beside its order."""

    idempotency_key: str | None = None
    """``Idempotency-Key``: whatever is sent under it again is the same purchase."""
    retry_count: int = 0
    """``x-stainless-retry-count``: 0 for a first try; an OpenAI SDK that tries again counts on."""
    is_sdk: bool = False
    """Whether it comes from an OpenAI SDK (``x-stainless-…``), which tries again where an answer is cut."""
    heartbeat_seconds: float | None = None
    """``x-imagegate-heartbeat``: after so long a silence a sign of life, again and again.

    0: none, whatever the key says. None: the key's own choice."""


class Door(Protocol):
    """One HTTP request, as the story sees it."""

    @property
    def request_id(self) -> str:
        """The id of the request; the reservation's too."""

    @property
    def entrance_seconds(self) -> float:
        """How long it had to wait before anything was done for it; 0 where the gateway keeps up."""

    @property
    def operation(self) -> Operation:
        """What is to be done, by its route."""

    @property
    def trace_context(self) -> TraceContext | None:
        """Where its caller stands in a trace (``traceparent``), if anywhere."""

    @property
    def authorization(self) -> str | None:
        """The ``Authorization`` header."""

    @property
    def wishes(self) -> Wishes:
        """What its headers ask for.

        Raises:
            InvalidRequest: one of them makes no sense.

        """

    @property
    def prefers_later(self) -> bool:
        """``Prefer: respond-async``: its client would rather come for the answer than wait for it."""

    @property
    def is_attended(self) -> bool:
        """Whether a client is to be answered here at all."""

    @property
    def is_left(self) -> bool:
        """Whether the client has hung up."""

    @property
    def is_open(self) -> bool:
        """Whether the head of the answer is on its way, so that its status cannot change any more."""

    @property
    def status(self) -> int | None:
        """The status of the answer, once its head is on its way."""

    async def order(self) -> Order:
        """What is asked for, read under caps and a deadline; the same order when asked again."""

    async def accept(self, request_id: str, headers: Sequence[Header]) -> None:
        """The request is taken on; a client that comes for its answer later learns where."""

    def when_left(self, note: Callable[[], None] | None) -> None:
        """Have it noted when the client hangs up; of several notes the last counts. None: not any more."""

    async def reply(self, status: int, headers: Sequence[Header], body: bytes) -> None:
        """Answer at once and in full."""

    async def start(self, headers: Sequence[Header]) -> None:
        """Promise a 200."""

    async def send(self, piece: bytes) -> None:
        """Pass a piece of the answer on; at the client's pace, and without complaint when it is gone."""

    async def finish(self, piece: bytes) -> None:
        """Pass the last piece on and end the answer."""
