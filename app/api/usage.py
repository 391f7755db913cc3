"""``GET /v1/usage``: what a virtual key has used today and this month, and what is left; no other key's numbers."""

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.accounts.keys import KeyRing
from app.accounts.models import Budget, Principal
from app.catalog.pricing import NOTHING
from app.errors import Conflict
from app.gateway.limits_left import iso, limits_left
from app.keyspace import hour_of
from app.ledger.ledger import Ledger
from app.ledger.models import Admission, Verdict
from app.ledger.periods import Window, window
from app.ledger.usage import UsageReader
from app.money import ZERO, dollars
from app.web.errors import bearer_of

_PRIVATE: Final = {"cache-control": "private, no-store"}
_HOUR_MS: Final = 3_600_000

Models = Mapping[str, Counter[str]]
"""Measures by model."""


class OwnUsage:
    """What a teammate may know of the books."""

    def __init__(self, keys: KeyRing, ledger: Ledger, usage: UsageReader) -> None:
        self._keys = keys
        self._ledger = ledger
        self._usage = usage

    async def show(self, request: Request) -> Response:
        """Tell the key that asks."""
        principal = await self._keys.authenticate(bearer_of(request.scope), fresh=True)
        admission = await self._ledger.would_admit(principal, "", "", NOTHING)
        if admission.verdict is Verdict.STALE:
            raise Conflict("This virtual key is being changed at this moment; try again.", should_retry=True)
        return JSONResponse(await self._document(principal, admission), headers=_PRIVATE)

    async def _document(self, principal: Principal, admission: Admission) -> dict[str, Any]:
        zone = _zone(principal)
        now_ms = admission.now_ms or int(time.time() * 1000)
        spans = {kind: window(Budget(ZERO, kind, zone), now_ms) for kind in ("day", "month")}
        month, today = await self._sums(principal, spans["month"].starts_ms, spans["day"].starts_ms, now_ms)
        return {
            "object": "usage",
            "key": {"id": principal.key.public_id, "alias": principal.key.alias},
            "team": principal.team.name,
            "timezone": zone,
            "today": _span(spans["day"], today),
            "month": _span(spans["month"], month),
            "limits": limits_left(admission),
        }

    async def _sums(self, principal: Principal, month_ms: int, today_ms: int, now_ms: int) -> tuple[Models, Models]:
        """The key's own measures by model, of the month and of today."""
        month: dict[str, Counter[str]] = {}
        today: dict[str, Counter[str]] = {}
        hours = range(hour_of(month_ms), hour_of(now_ms) + 1)
        async for _, hour, sums in self._usage.roll_ups([principal.team.id], hours):
            for (key, model), measures in sums.items():
                if key != principal.key.id:
                    continue
                month.setdefault(model, Counter()).update(measures)
                if hour >= hour_of(today_ms):
                    today.setdefault(model, Counter()).update(measures)
        return month, today


def _zone(principal: Principal) -> str:
    """Where its days begin: as its own budget says, else its team's, else UTC."""
    budget = principal.key.limits.budget or principal.team.limits.budget
    return budget.timezone if budget else "UTC"


def _span(span: Window, models: Models) -> dict[str, Any]:
    total: Counter[str] = Counter()
    for measures in models.values():
        total.update(measures)
    dearest_first = sorted(models.items(), key=lambda of: (-of[1]["cost"], of[0]))
    return {
        "since": iso(span.starts_ms // _HOUR_MS * _HOUR_MS),
        "until": iso(span.ends_ms),
        **_figures(total),
        "models": [{"model": model, **_figures(measures)} for model, measures in dearest_first],
    }


def _figures(measures: Mapping[str, int]) -> dict[str, Any]:
    counts = {name: measures.get(name, 0) for name in ("requests", "delivered", "images")}
    return {**counts, "cost": dollars(measures.get("cost", 0))}
