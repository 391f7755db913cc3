"""How teams stand with their budgets at a moment: what they spent in the current period, and what is held."""

from collections.abc import Sequence

from msgspec import Struct

from app.accounts.models import Team
from app.datastore.datastore import Command, Datastore
from app.keyspace import TEAM_SCOPE, TeamKeys, spend_field
from app.ledger.periods import window


class BudgetUse(Struct, frozen=True):
    """Nano-dollars of one team."""

    spent: int
    held: int


async def read_budget_uses(datastore: Datastore, teams: Sequence[Team], now_ms: int) -> list[BudgetUse]:
    """Read how much of their budgets several teams have used, in their order and in one write.

    Raises:
        StoreUnavailable: Redis did not answer.

    """
    commands: list[Command] = []
    for team in teams:
        names, period = TeamKeys(team.id), window(team.limits.budget, now_ms)
        commands.append(("HGET", names.spend, spend_field(TEAM_SCOPE, period.id)))
        commands.append(("HGET", names.held, f"{TEAM_SCOPE}:cost"))
    replies = [int(reply or 0) for reply in await datastore.commands(commands)]
    return [BudgetUse(spent, held) for spent, held in zip(replies[::2], replies[1::2], strict=True)]
