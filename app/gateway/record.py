"""What is known of one request so far: its stages and their times, whom it is for, how it ends."""

import time
from types import TracebackType
from typing import Any

from msgspec import Struct

from app.accounts.models import Principal
from app.catalog.normalise import ImageRequest
from app.catalog.order import Operation
from app.catalog.pricing import Quote
from app.errors import GatewayError
from app.gateway.purchase import Part
from app.ledger.models import Resolution
from app.traces.tracer import Trace
from app.upstream.trail import Trail


class Visit(Struct, frozen=True):
    """One stay in a stage, from and to (``time.perf_counter``); a request can be in a stage more than once."""

    stage: str
    started: float
    ended: float


class Record:
    """What is known of one request so far: the time each stage took, and how it ends."""

    def __init__(
        self, request_id: str, operation: Operation, trace: Trace | None = None, entrance_seconds: float = 0.0
    ) -> None:
        self.request_id = request_id
        self.operation: Operation = operation
        self.trace = trace
        """Its part of a trace, if it has one."""
        self.visits: list[Visit] = []
        """Every stay in a stage, in the order of their ends; noted where its trace is kept."""
        self.exchanges: list[tuple[Trail, Part]] = []
        """What was asked of the upstream, and what came of each."""
        self.status: int | None = None
        """Of the answer; None while no head is on its way."""
        self.error_stage: str | None = None
        self.seconds: dict[str, float] = {}
        self.waited_seconds = 0.0
        """Time spent waiting for the client's body, or for its turn; no fault of ours."""
        self.queue_seconds: float | None = None
        """How long it waited for its turn; None where it had not to."""
        self.first_byte_seconds: float | None = None
        self.principal: Principal | None = None
        self.request: ImageRequest | None = None
        self.quote: Quote | None = None
        self.resolution: Resolution | None = None
        self.error: GatewayError | None = None
        self.answer_bytes = 0
        self.joined: str | None = None
        """The earlier request whose answer it got."""
        self._entrance_seconds = entrance_seconds
        self.started = time.perf_counter() - entrance_seconds
        self.started_at_ns = time.time_ns() - int(entrance_seconds * 1e9)
        """The same moment by the calendar."""

    def timed(self, stage: str) -> "Stay":
        """Be in a stage; the first that fails is the one the request ended in."""
        return Stay(self, stage)

    def waiting(self) -> "Wait":
        """Wait inside a stage: for the client, a place or its turn."""
        return Wait(self)

    @property
    def stage(self) -> str:
        """Where it ended: the first stage that failed, or the last of a good request."""
        return self.error_stage or ("settle" if self.error is None else "authenticate")

    def about(self) -> dict[str, Any]:
        """What is kept of it for whoever asks what became of it."""
        told: dict[str, Any] = {"stages": {name: round(seconds * 1000, 3) for name, seconds in self.seconds.items()}}
        if self.request is not None and self.request.normalized:
            told["normalized"] = list(self.request.normalized)
        if self.first_byte_seconds is not None:
            told["first_byte_seconds"] = round(self.first_byte_seconds, 6)
        if self.resolution is not None and (upstream_id := self.resolution.note.get("upstream_id")):
            told["upstream_id"] = upstream_id
        return told

    @property
    def total_seconds(self) -> float:
        """Since the request came in."""
        return time.perf_counter() - self.started

    @property
    def own_seconds(self) -> float:
        """Our share: the entrance and every stage but the exchange with the upstream, less all waits for others."""
        own = self._entrance_seconds - self.waited_seconds
        for stage, seconds in self.seconds.items():
            if stage != "forward":
                own += seconds
        return max(0.0, own)

    @property
    def outcome(self) -> str:
        """delivered, refused, failed or unknown; joined for what an earlier request had bought."""
        if self.resolution is not None:
            return self.resolution.outcome
        if self.joined is not None and self.error is None:
            return "joined"
        return "refused" if self.error is None or self.error.status < 500 else "failed"

    @property
    def code(self) -> str:
        """``ok``, or the code of the error."""
        return "ok" if self.error is None else (self.error.code)


class Stay:
    """The time in a stage, as a context. Every request has seven: a generator would cost three times as much."""

    __slots__ = ("_record", "_stage", "_started")

    def __init__(self, record: Record, stage: str) -> None:
        self._record = record
        self._stage = stage

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        ended = time.perf_counter()
        record, stage = self._record, self._stage
        record.seconds[stage] = record.seconds.get(stage, 0.0) + ended - self._started
        if error is not None:
            record.error_stage = record.error_stage or stage
        if record.trace is not None and record.trace.is_kept:
            record.visits.append(Visit(stage, self._started, ended))


class Wait:
    """The time a request waits for its client, for a place or for its turn, as a context."""

    __slots__ = ("_record", "_started")

    def __init__(self, record: Record) -> None:
        self._record = record

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._record.waited_seconds += time.perf_counter() - self._started
