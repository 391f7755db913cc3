"""Sends traces by OpenTelemetry's SDK, in batches over OTLP/HTTP from a thread of its own; needs the extra `traces`.

The SDK reads its own environment: the endpoint and its headers, the sampler, the resource, limits and queue sizes.
"""

import asyncio
from collections.abc import Iterable

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from app.traces.context import SAMPLED, TraceContext, new_span_id, new_trace_id
from app.traces.tracer import Kind, Span, Trace

_KINDS: dict[Kind, SpanKind] = {
    "server": SpanKind.SERVER,
    "internal": SpanKind.INTERNAL,
    "client": SpanKind.CLIENT,
}
_LAST_WORDS_SECONDS = 5.0
"""How long a stopping process waits for the last batch. A collector that is away holds up no restart."""


class OtlpTracer:
    """Implements `Tracer`; ``version`` is that of the service."""

    def __init__(self, version: str) -> None:
        # The provider picks the sampler that the environment names; parent based unless it says otherwise.
        provider = TracerProvider(resource=_resource(version), shutdown_on_exit=False)
        self._sampler = provider.sampler
        self._resource = provider.resource
        self._scope = InstrumentationScope("imagegate", version)
        self._exporter = OTLPSpanExporter()
        self._processor = BatchSpanProcessor(self._exporter)

    def begin(self, given: TraceContext | None) -> Trace:
        """Continue the caller's trace or begin one, and decide whether it is kept."""
        trace_id = given.trace_id if given else new_trace_id()
        parent = set_span_in_context(NonRecordingSpan(_context(given, is_remote=True))) if given else None
        decision = self._sampler.should_sample(parent, int(trace_id, 16), "image request", SpanKind.SERVER).decision
        flags = SAMPLED if decision is Decision.RECORD_AND_SAMPLE else 0
        return Trace(given, TraceContext(trace_id, new_span_id(), flags, given.state if given else ""))

    def send(self, spans: Iterable[Span]) -> None:
        """Put spans into the queue; when that is full the SDK drops them and says so."""
        for span in spans:
            self._processor.on_end(self._finished(span))

    async def aclose(self) -> None:
        """Send what is queued, and give up on a collector that does not take it."""
        ending = asyncio.create_task(asyncio.to_thread(self._processor.shutdown))
        await asyncio.wait([ending], timeout=_LAST_WORDS_SECONDS)
        if not ending.done():
            # It ends its retries; the call that is under way has a timeout.
            self._exporter.shutdown()  # type: ignore[no-untyped-call] # the SDK's own
        await ending

    def _finished(self, span: Span) -> ReadableSpan:
        """The SDK makes such a span only as it runs, with ids of its own; ours is over, and its ids were told."""
        parent = span.parent
        return ReadableSpan(
            name=span.name,
            context=_context(span.context, is_remote=False),
            parent=_context(parent, is_remote=span.kind == "server") if parent else None,
            resource=self._resource,
            attributes=span.attributes,
            kind=_KINDS[span.kind],
            status=Status(StatusCode.ERROR if span.is_error else StatusCode.UNSET),
            start_time=span.started_ns,
            end_time=span.ended_ns,
            instrumentation_scope=self._scope,
        )


def _context(context: TraceContext, *, is_remote: bool) -> SpanContext:
    return SpanContext(
        int(context.trace_id, 16),
        int(context.span_id, 16),
        is_remote=is_remote,
        trace_flags=TraceFlags(context.flags),
        trace_state=TraceState.from_header([context.state]) if context.state else None,
    )


def _resource(version: str) -> Resource:
    """The resource of the environment; ``imagegate`` where that names no service."""
    named = Resource.create().attributes.get(SERVICE_NAME, "")
    is_named = not str(named).startswith("unknown_service")
    return Resource.create({SERVICE_VERSION: version} | ({} if is_named else {SERVICE_NAME: "imagegate"}))
