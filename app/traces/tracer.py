"""What a trace is made of, and who keeps it; nobody, unless tracing is switched on."""

from collections.abc import Iterable, Mapping
from typing import Literal, Protocol

from msgspec import Struct

from app.traces.context import TraceContext

Kind = Literal["server", "internal", "client"]
Attributes = Mapping[str, str | int | float | bool]


class Trace(Struct, frozen=True):
    """The part of a trace that is one request here."""

    given: TraceContext | None
    """Its caller's span; None where the trace begins here."""
    own: TraceContext
    """Our own span of the request; the caller's where we keep none."""

    @property
    def is_ours(self) -> bool:
        """Whether we have spans of our own in it."""
        return self.own is not self.given

    @property
    def is_kept(self) -> bool:
        """Whether our spans are to be sent to where traces are kept."""
        return self.is_ours and self.own.is_sampled

    def next(self) -> TraceContext:
        """The span of one exchange with the upstream, told to it; where we keep none, the caller's passes unchanged."""
        return self.own.child() if self.is_ours else self.own


class Span(Struct, frozen=True):
    """A piece of work that is over; times in nanoseconds since 1970."""

    name: str
    context: TraceContext
    parent: TraceContext | None
    kind: Kind
    started_ns: int
    ended_ns: int
    attributes: Attributes
    is_error: bool = False


class Tracer(Protocol):
    """Keeps traces."""

    def begin(self, given: TraceContext | None) -> Trace | None:
        """The trace of a request that came with ``given``; None: it has none."""

    def send(self, spans: Iterable[Span]) -> None:
        """Keep spans of a trace that is sampled; at once and without waiting for anybody."""

    async def aclose(self) -> None:
        """Send what is left, within a deadline."""


class NoTracer:
    """Implements `Tracer` where tracing is off: contexts pass, and nothing is kept."""

    def begin(self, given: TraceContext | None) -> Trace | None:
        """The trace it came with."""
        return None if given is None else Trace(given, given)

    def send(self, spans: Iterable[Span]) -> None:
        """Nothing is kept."""

    async def aclose(self) -> None:
        """Nothing is open."""
