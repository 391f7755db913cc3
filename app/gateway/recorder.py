"""The last stage: metrics, one log line and perhaps a trace for every image request, however it ended."""

from app.catalog.pricing import TOKEN_KINDS
from app.gateway.door import Door
from app.gateway.log_line import log_request
from app.gateway.record import Record
from app.gateway.spans import spans_of
from app.ledger.models import Resolution
from app.metrics import Metrics
from app.money import NANOS_PER_DOLLAR
from app.traces.tracer import Tracer

_QUALITIES = {name: name for name in ("low", "medium", "high", "auto", "standard", "hd")} | {"": "none"}
"""Of a model nobody vouches for it is a word of the caller's: good for the log, not for a label."""

_SIZE_CLASSES = tuple((megapixels * 1024 * 1024, f"{megapixels}mp") for megapixels in (1, 2, 4, 8))
"""The most pixels of each."""

_MOST_SIZE_CHARS = 16
"""Of such a model a size is any text, too."""


class Recorder:
    """Turns finished records into metrics, a log line and a trace."""

    def __init__(self, metrics: Metrics, tracer: Tracer, *, shows_prompts: bool) -> None:
        self._metrics = metrics
        self._tracer = tracer
        self._shows_prompts = shows_prompts

    def begin(self, door: Door) -> Record:
        """The record of a request that has come."""
        return Record(door.request_id, door.operation, self._tracer.begin(door.trace_context), door.entrance_seconds)

    def finish(self, record: Record) -> None:
        """Count and log a request that has ended."""
        # A model nobody vouches for has a name of the caller's choice: good for the log, too many for a label.
        named = record.request.profile if record.request else None
        model = named.name if named and not named.assumed else "other"
        m = self._metrics
        stage = record.stage
        m.requests.labels(model, stage, record.code).inc()
        m.request_seconds.labels(model, record.outcome).observe(record.total_seconds)
        m.overhead_seconds.observe(record.own_seconds)
        if record.queue_seconds is not None:
            m.queue_seconds.observe(record.queue_seconds)
        if record.first_byte_seconds is not None:
            m.first_byte_seconds.labels(model).observe(record.first_byte_seconds)
        if record.resolution is not None:
            self._count_money(record, record.resolution, model)
        elif record.error is not None and record.error.status < 500:
            m.refusals.labels(record.code).inc()
        log_request(record, shows_prompts=self._shows_prompts)
        if record.trace is not None and record.trace.is_kept:
            self._tracer.send(spans_of(record, record.trace, shows_prompts=self._shows_prompts))

    def _count_money(self, record: Record, resolution: Resolution, model: str) -> None:
        m, principal, usage = self._metrics, record.principal, resolution.usage
        whose = [principal.team.name if principal else "other", model]
        if m.by_key:
            whose.append(principal.key.public_id if principal else "other")
        for kind in TOKEN_KINDS:
            if tokens := getattr(usage, kind):
                m.tokens.labels(*whose, kind).inc(tokens)
        if resolution.delivered:
            m.images.labels(*whose).inc(resolution.delivered)
            if (request := record.request) is not None:
                quality = _QUALITIES.get(request.quality, "other")
                m.image_sizes.labels(model, size_class(request.size), quality).inc(resolution.delivered)
        m.spend.labels(*whose).inc(resolution.cost / NANOS_PER_DOLLAR)
        if resolution.outcome == "unknown":
            m.unknown.labels(model).inc()
        if "above_quote" in resolution.flags:
            m.above_quote.labels(model).inc()
        if "bad_usage" in resolution.flags:
            m.bad_usage.labels(model).inc()


def size_class(size: str) -> str:
    """The least of ``1mp`` … ``8mp`` that holds a picture of ``WIDTHxHEIGHT`` (``*`` too); ``more``, or ``other``.

    A megapixel is 1024 times 1024 here, as providers' squares are.
    """
    if size == "auto":
        return size
    width, _, height = size[:_MOST_SIZE_CHARS].replace("*", "x").partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        return "other"
    pixels = int(width) * int(height)
    for most, name in _SIZE_CLASSES:
        if pixels <= most:
            return name
    return "more"
