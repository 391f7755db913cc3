"""The line of a request: one for each image request, with what whoever is on call wants to know of it."""

import logging
import re
from collections.abc import Sequence
from typing import Any

from app.catalog.pricing import TOKEN_KINDS
from app.errors import GatewayError, InvalidRequest, ModelNotFound
from app.gateway.record import Record
from app.ledger.models import Resolution
from app.money import format_dollars

log = logging.getLogger("imagegate.request")

MOST_PROMPT_CHARS = 2000
"""A prompt may be 32,000 characters long, and a line of a log should be readable."""
_PARAM = re.compile(r"[a-z_]{1,40}(\[\d{1,2}\])?")


def log_request(record: Record, *, shows_prompts: bool) -> None:
    """Log a request that has ended; with ``shows_prompts`` also what its caller wrote."""
    level = _level(record.error, record.resolution)
    if not log.isEnabledFor(level):
        return
    principal, resolution, profile = record.principal, record.resolution, record.request and record.request.profile
    fields: dict[str, Any] = {
        "request_id": record.request_id,
        "trace_id": record.trace.own.trace_id if record.trace else None,
        "team": principal.team.name if principal else None,
        "key": principal.key.public_id if principal else None,
        "key_alias": principal.key.alias if principal else None,
        "operation": record.operation,
        "model": profile.name if profile else "other",
        "stage": record.stage,
        "code": record.code,
        "status": record.status,
        "outcome": record.outcome,
        "joined": record.joined,
        "seconds": _rounded(record.total_seconds),
        "own_seconds": _rounded(record.own_seconds),
        "queue_seconds": None if record.queue_seconds is None else _rounded(record.queue_seconds),
        "first_byte_seconds": None if record.first_byte_seconds is None else _rounded(record.first_byte_seconds),
        "stages": {name: _rounded(seconds) for name, seconds in record.seconds.items()},
        "bytes": record.answer_bytes,
        "quote": format_dollars(record.quote.cost) if record.quote else None,
    }
    if resolution is not None:
        usage = resolution.usage
        fields["cost"] = format_dollars(resolution.cost)
        fields["tokens"] = usage.total
        fields["tokens_by_kind"] = {kind: count for kind in TOKEN_KINDS if (count := getattr(usage, kind))} or None
        fields["images"] = resolution.delivered
        fields["flags"] = ",".join(resolution.flags) or None
    if record.exchanges:
        trails = [trail for trail, _ in record.exchanges]
        fields["attempts"] = sum([trail.attempts for trail in trails])
        fields["upstream_key"] = _listed([trail.key for trail in trails])
        fields["upstream_id"] = _listed([trail.upstream_id for trail in trails])
    if record.error is not None:
        fields["param"] = _param(record.error)
        fields["detail"] = _detail(record.error, shows_prompts=shows_prompts)
    if shows_prompts:
        fields["prompt"] = record.request.prompt[:MOST_PROMPT_CHARS] or None if record.request else None
        fields["upstream_message"] = _listed([trail.message for trail, _ in record.exchanges])
    log.handle(log.makeRecord(log.name, level, __file__, 0, "image request", (), None, extra={"fields": fields}))


def _detail(error: GatewayError, *, shows_prompts: bool) -> str | None:
    """What an error says to the operator. A caller's mistake is told in the caller's own words, which are theirs."""
    if error.detail or (isinstance(error, InvalidRequest | ModelNotFound) and not shows_prompts):
        return error.detail or None
    return error.message


def _param(error: GatewayError) -> str | None:
    """The parameter at fault, by its name; a caller can also have made one up."""
    return error.param if error.param and _PARAM.fullmatch(error.param) else None


def _listed(values: Sequence[str | None]) -> str | None:
    """Each value once, in order; under fan-out there are several."""
    if len(values) == 1:
        return values[0] or None
    return ", ".join(dict.fromkeys(value for value in values if value)) or None


def _rounded(seconds: float) -> float:
    """To microseconds; `round` takes three times as long, and a line has a dozen."""
    return int(seconds * 1e6 + 0.5) / 1e6


def _level(error: GatewayError | None, resolution: Resolution | None) -> int:
    """ERROR is for whoever is on call, WARNING for what was survived, INFO for the rest."""
    if resolution is not None and ("above_quote" in resolution.flags or "bad_usage" in resolution.flags):
        return logging.ERROR
    if error is None or error.status < 500:
        return logging.INFO
    return logging.ERROR if error.status == 500 or error.code == "upstream_unavailable" else logging.WARNING
