"""The spans of a request that is over: one for it, one for each stay in a stage, one for each exchange. Pure.

Attributes have OpenTelemetry's names where it has some: those for HTTP
(https://opentelemetry.io/docs/specs/semconv/http/http-spans/) and for generative AI
(https://github.com/open-telemetry/semantic-conventions-genai); what is ours begins with ``imagegate.``.
"""

from collections.abc import Iterator

from app.catalog.normalise import ImageRequest
from app.gateway.log_line import MOST_PROMPT_CHARS
from app.gateway.purchase import Part
from app.gateway.record import Record
from app.money import NANOS_PER_DOLLAR
from app.traces.context import TraceContext
from app.traces.tracer import Span, Trace
from app.upstream.trail import Trail

Value = str | int | float | bool


def spans_of(record: Record, trace: Trace, *, shows_prompts: bool) -> Iterator[Span]:
    """All spans of a request; its own comes last, as it ends last."""
    forward: TraceContext | None = None
    failed = next((visit for visit in record.visits if visit.stage == record.error_stage), None)
    for visit in record.visits:
        context = trace.own.child()
        if visit.stage == "forward":
            forward = forward or context
        yield Span(
            name=visit.stage,
            context=context,
            parent=trace.own,
            kind="internal",
            started_ns=_at(record, visit.started),
            ended_ns=_at(record, visit.ended),
            attributes={"imagegate.stage": visit.stage},
            is_error=visit is failed and record.error is not None,
        )
    for trail, part in record.exchanges:
        if trail.trace is not None and record.request is not None:
            yield _of_exchange(record, record.request, trail, part, forward or trace.own)
    yield _of_request(record, trace, shows_prompts=shows_prompts)


def _of_request(record: Record, trace: Trace, *, shows_prompts: bool) -> Span:
    route = f"/v1/images/{record.operation}"
    request, principal, resolution = record.request, record.principal, record.resolution
    named: dict[str, Value | None] = {
        "http.request.method": "POST",
        "http.route": route,
        "url.path": route,
        "http.response.status_code": record.status,
        "error.type": None if record.error is None else record.code,
        "imagegate.request_id": record.request_id,
        "imagegate.team": principal.team.name if principal else None,
        "imagegate.key": principal.key.public_id if principal else None,
        "imagegate.model": request.profile.name if request else None,
        "imagegate.stage": record.stage,
        "imagegate.outcome": record.outcome,
        "imagegate.joined": record.joined,
        "imagegate.cost_dollars": resolution.cost / NANOS_PER_DOLLAR if resolution else None,
        "imagegate.images": resolution.delivered if resolution else None,
        "imagegate.own_seconds": record.own_seconds,
        "imagegate.queue_seconds": record.queue_seconds,
        "imagegate.prompt": request.prompt[:MOST_PROMPT_CHARS] if request and shows_prompts else None,
    }
    return Span(
        name=f"POST {route}",
        context=trace.own,
        parent=trace.given,
        kind="server",
        started_ns=record.started_at_ns,
        ended_ns=_at(record, record.started + record.total_seconds),
        attributes=_known(named),
        is_error=record.error is not None and record.error.status >= 500,  # a caller's mistake is none of a server's
    )


def _of_exchange(record: Record, request: ImageRequest, trail: Trail, part: Part, parent: TraceContext) -> Span:
    """All attempts of an exchange are one span: to its caller it is one call."""
    usage, pictures = part.resolution.usage, request.n // request.exchanges
    named: dict[str, Value | None] = {
        "gen_ai.operation.name": "generate_content",  # the convention's word for what is not only text
        "gen_ai.provider.name": "cometapi",
        "gen_ai.request.model": request.profile.name,
        "gen_ai.request.choice.count": pictures if pictures > 1 else None,
        "gen_ai.request.stream": request.stream or None,
        "gen_ai.output.type": "image",
        "gen_ai.response.id": trail.upstream_id,
        "gen_ai.usage.input_tokens": usage.text_input + usage.image_input if usage.total else None,
        "gen_ai.usage.output_tokens": usage.text_output + usage.image_output if usage.total else None,
        "server.address": trail.server,
        "http.response.status_code": trail.status,
        "error.type": trail.error,
        "imagegate.attempts": trail.attempts,
        "imagegate.upstream_key": trail.key,
        "imagegate.outcome": part.resolution.outcome,
        "imagegate.cost_dollars": part.resolution.cost / NANOS_PER_DOLLAR,
    }
    ended = trail.ended if trail.ended is not None else record.started + record.total_seconds
    return Span(
        name=f"generate_content {request.profile.name}",
        context=trail.trace or parent,
        parent=parent,
        kind="client",
        started_ns=_at(record, trail.started),
        ended_ns=_at(record, ended),
        attributes=_known(named),
        is_error=trail.error is not None,
    )


def _at(record: Record, moment: float) -> int:
    """A moment of the clock of stages, by the calendar."""
    return record.started_at_ns + int((moment - record.started) * 1e9)


def _known(named: dict[str, Value | None]) -> dict[str, Value]:
    return {name: value for name, value in named.items() if value is not None}
