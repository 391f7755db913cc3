"""The budgets of all teams together: whether a change fits under their total, and one change at a time."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

from app.accounts.credentials import new_id
from app.accounts.models import Team
from app.datastore.datastore import Datastore, unavailable
from app.datastore.script import Script
from app.errors import Conflict, InvalidRequest, StoreUnavailable
from app.keyspace import BUDGETS
from app.money import Money, format_dollars

_LOCK_SECONDS = 10
_CHANGE_SECONDS = _LOCK_SECONDS - 2.0
"""What is done under the lock is broken off before that ends by itself, with time for what was sent to arrive."""
_WAIT_SECONDS = 12.0  # longer than a lock lives, so that a vanished holder's is waited out
_POLL_SECONDS = 0.05

_UNLOCK = Script(
    "unlock",
    """-- KEYS 1 the lock; ARGV 1 whose it is. Reply 1 when it was theirs and is gone, else 0
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
""",
)


def check_total(total: Money, teams: Iterable[Team], team: Team, before: Team | None = None) -> None:
    """Whether a team's budget may become what it is in ``team``; ``teams`` are all as they stand.

    A budget that does not grow is always allowed: the total may have been lowered below what stands.

    Raises:
        InvalidRequest: a team without a budget, which no total covers.
        Conflict: the budgets would exceed the total; the message says what is left of it.

    """
    budget, old = team.limits.budget, before.limits.budget if before else None
    if before is not None and budget == old:
        return
    if budget is None:
        raise InvalidRequest(
            "Every team needs a budget here, because all teams together have one (IMAGEGATE_TOTAL_BUDGET).",
            param="limits.budget",
        )
    if old is not None and budget.limit <= old.limit:
        return
    others = sum(other.limits.budget.limit for other in teams if other.id != team.id and other.limits.budget)
    left = max(0, total - others)
    if budget.limit > left:
        raise Conflict(
            f"{format_dollars(budget.limit)} is too much for team {team.name!r}: the budgets of all teams together may "
            f"be {format_dollars(total)} (IMAGEGATE_TOTAL_BUDGET), of which {format_dollars(left)} is left for it.",
            param="limits.budget.limit",
        )


class BudgetLock:
    """Who may change a team's budget now: one operator at a time, on all replicas, so that none counts without another.

    Teams lie on different nodes of a cluster, and no script sees all of them; so the check and the write happen while
    nobody else may do either.
    """

    def __init__(self, datastore: Datastore, *, change_seconds: float = _CHANGE_SECONDS) -> None:
        self._datastore = datastore
        self._change_seconds = change_seconds

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Hold the lock for the length of the block.

        Raises:
            Conflict: others held it all the time.
            StoreUnavailable: the block took longer than the lock may be relied on, and was broken off.

        """
        owner = new_id()
        await self._take(owner)
        try:
            async with asyncio.timeout(self._change_seconds):
                yield
        except TimeoutError:
            raise unavailable("a change of a budget took too long", may_have_happened=True) from None
        except (StoreUnavailable, asyncio.CancelledError):
            raise  # the write may still come about: nobody else counts before the lock runs out by itself
        except Exception:
            await self._end(owner)
            raise
        await self._end(owner)

    async def _take(self, owner: str) -> None:
        deadline = asyncio.get_running_loop().time() + _WAIT_SECONDS
        while not await self._datastore.command("SET", BUDGETS, owner, "NX", "EX", _LOCK_SECONDS):
            if asyncio.get_running_loop().time() > deadline:
                raise Conflict("The budgets of other teams are being changed at this moment; try again.")
            await asyncio.sleep(_POLL_SECONDS)

    async def _end(self, owner: str) -> None:
        with suppress(StoreUnavailable):  # it ends by itself
            await self._datastore.run(_UNLOCK, [BUDGETS], [owner])
