"""Soft thresholds of budgets: told once, by the settlement that crosses them. Pure."""

from app.accounts.models import Budget, Principal
from app.keyspace import TEAM_SCOPE, key_scope
from app.ledger.models import Settled
from app.money import Money, format_dollars


def crossed(budget: Budget | None, spent: int | None, cost: Money) -> list[int]:
    """The per cents of a budget that a settlement of ``cost``, with which ``spent`` was reached, has crossed."""
    if budget is None or spent is None or not budget.alerts:
        return []
    return [percent for percent in budget.alerts if (spent - cost) * 100 < percent * budget.limit <= spent * 100]


def alerts(principal: Principal, settled: Settled, cost: Money) -> list[dict[str, str | int]]:
    """What to log, a line for each threshold crossed by team or key."""
    team, key = principal.team, principal.key
    scopes = (
        (TEAM_SCOPE, team.limits.budget, settled.team_spent),
        (key_scope(key.id), key.limits.budget, settled.key_spent),
    )
    return [
        {
            "team": team.name,
            "scope": scope,
            "percent": percent,
            "spent": format_dollars(spent or 0),
            "limit": format_dollars(budget.limit if budget else 0),
        }
        for scope, budget, spent in scopes
        for percent in crossed(budget, spent, cost)
    ]
