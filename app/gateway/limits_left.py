"""How each limit of key and team stands, as `GET /v1/usage` and a quotation tell it."""

from datetime import UTC, datetime
from typing import Any, Final

from app.keyspace import TEAM_SCOPE
from app.ledger.models import Admission, Standing
from app.ledger.periods import LAST_MS
from app.money import dollars

_NEVER_MS: Final = LAST_MS // 2
"""What resets no sooner never does: a budget in total."""


def limits_left(admission: Admission) -> list[dict[str, Any]]:
    """What is left of each; what several keys share is told as what is left of it, not who used it."""
    return [_document(standing, admission.now_ms) for standing in admission.standings]


def scope_word(scope: str) -> str:
    """Whose limit it is: ``team`` or ``key``."""
    return "team" if scope == TEAM_SCOPE else "key"


def iso(milliseconds: int) -> str:
    """A Unix time in ISO 8601, to the second."""
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%FT%TZ}"


def _document(standing: Standing, now_ms: int) -> dict[str, Any]:
    shown: Any = dollars if standing.what == "budget" else int
    return {
        "what": standing.what,
        "scope": scope_word(standing.scope),
        "limit": shown(standing.limit),
        "left": shown(max(0, standing.remaining)),
        "resets_at": iso(now_ms + standing.reset_ms) if standing.reset_ms < _NEVER_MS else None,
    }
