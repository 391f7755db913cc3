"""The last stage: metrics and one log line for every image request, however it ended."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app.accounts.models import Principal
from app.catalog.normalise import ImageRequest
from app.errors import GatewayError
from app.ledger.models import Resolution
from app.metrics import Metrics
from app.money import NANOS_PER_DOLLAR, format_dollars

log = logging.getLogger("imagegate.request")

_OURS = ("authenticate", "normalise", "quote", "admit", "settle")


class Record:
    """What is known of one request so far: the time each stage took, and how it ends."""

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.error_stage: str | None = None
        self.seconds: dict[str, float] = {}
        self.waited_seconds = 0.0
        """Time spent waiting for the client's body, or for its turn; no fault of ours."""
        self.first_byte_seconds: float | None = None
        self.principal: Principal | None = None
        self.request: ImageRequest | None = None
        self.resolution: Resolution | None = None
        self.error: GatewayError | None = None
        self.answer_bytes = 0
        self.joined: str | None = None
        """The earlier request whose answer it got."""
        self._started = time.perf_counter()

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Be in a stage; the first that fails is the one the request ended in."""
        started = time.perf_counter()
        try:
            yield
        except BaseException:
            self.error_stage = self.error_stage or stage
            raise
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - started

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Wait for the client inside a stage."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.waited_seconds += time.perf_counter() - started

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
        return time.perf_counter() - self._started

    @property
    def own_seconds(self) -> float:
        """Our share: every stage but the exchange with the upstream, less the wait for the body."""
        return max(0.0, sum(self.seconds.get(stage, 0.0) for stage in _OURS) - self.waited_seconds)

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


class Recorder:
    """Turns finished records into metrics and log lines."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

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
        if record.first_byte_seconds is not None:
            m.first_byte_seconds.labels(model).observe(record.first_byte_seconds)
        if record.resolution is not None:
            self._count_money(record, record.resolution, model)
        elif record.error is not None and record.error.status < 500:
            m.refusals.labels(record.code).inc()
        self._log(record, named.name if named else "other", stage)

    def _count_money(self, record: Record, resolution: Resolution, model: str) -> None:
        m, team = self._metrics, record.principal.team.name if record.principal else "other"
        usage = resolution.usage
        for kind in ("text_input", "image_input", "text_output", "image_output"):
            if tokens := getattr(usage, kind):
                m.tokens.labels(team, model, kind).inc(tokens)
        if resolution.delivered:
            m.images.labels(team, model).inc(resolution.delivered)
        m.spend.labels(team, model).inc(resolution.cost / NANOS_PER_DOLLAR)
        if resolution.outcome == "unknown":
            m.unknown.labels(model).inc()
        if "above_quote" in resolution.flags:
            m.above_quote.labels(model).inc()

    def _log(self, record: Record, model: str, stage: str) -> None:
        error, principal, resolution = record.error, record.principal, record.resolution
        fields: dict[str, Any] = {
            "request_id": record.request_id,
            "team": principal.team.name if principal else None,
            "key": principal.key.public_id if principal else None,
            "model": model,
            "stage": stage,
            "code": record.code,
            "outcome": record.outcome,
            "seconds": round(record.total_seconds, 6),
            "own_seconds": round(record.own_seconds, 6),
            "stages": {name: round(seconds, 6) for name, seconds in record.seconds.items()},
            "bytes": record.answer_bytes,
        }
        if record.joined is not None:
            fields["joined"] = record.joined
        if resolution is not None:
            fields["cost"] = format_dollars(resolution.cost)
            fields["tokens"] = resolution.usage.total
            fields["images"] = resolution.delivered
            fields["flags"] = ",".join(resolution.flags) or None
            fields["upstream_id"] = resolution.note.get("upstream_id")
        if error is not None:
            fields["detail"] = error.detail or error.message
        log.log(_level(error, resolution), "image request", extra=fields)


def _level(error: GatewayError | None, resolution: Resolution | None) -> int:
    """ERROR is for whoever is on call, WARNING for what was survived, INFO for the rest."""
    if resolution is not None and ("above_quote" in resolution.flags or "bad_usage" in resolution.flags):
        return logging.ERROR
    if error is None or error.status < 500:
        return logging.INFO
    return logging.ERROR if error.status == 500 or error.code == "upstream_unavailable" else logging.WARNING
