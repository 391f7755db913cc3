"""Budget periods: which one a moment belongs to, and where it ends. Pure; the zone database decides what a day is."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from app.accounts.models import Budget, Period
from app.money import Money

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
"""Of UTC; one of a zone may be an hour shorter or longer."""
LAST_MS = 8_000_000_000_000_000
"""The end of the period ``total``; still exact in a Lua double."""


class Window(Struct, frozen=True):
    """The current period and the next, so that the script can choose by the server's clock. Times in Unix ms."""

    id: str
    starts_ms: int
    ends_ms: int
    next_id: str
    next_ends_ms: int

    def holds(self, now_ms: int) -> bool:
        """Whether ``now_ms`` lies in the current period."""
        return self.starts_ms <= now_ms < self.ends_ms


def window(budget: Budget | None, now_ms: int) -> Window:
    """The window of a budget at a moment; without a budget spend is summed up for ever, as ``total``."""
    if budget is None or budget.period == "total":
        return Window("total", 0, LAST_MS, "total", LAST_MS)
    zone = ZoneInfo(budget.timezone)
    # fold=0: where midnight comes twice, the period begins with the first.
    start = _start(budget, datetime.fromtimestamp(now_ms / 1000, zone).replace(tzinfo=None, fold=0))
    end = _after(budget.period, start)
    following = _after(budget.period, end)
    return Window(
        _name(budget.period, start),
        _unix_ms(start, zone),
        _unix_ms(end, zone),
        _name(budget.period, end),
        _unix_ms(following, zone),
    )


def day_window(budget: Budget | None, now_ms: int) -> Window:
    """The day of a moment: in the budget's time zone, without a budget in UTC."""
    return window(Budget(Money(0), "day", budget.timezone if budget else "UTC"), now_ms)


def _start(budget: Budget, wall: datetime) -> datetime:
    midnight = wall.replace(hour=0, minute=0, second=0, microsecond=0)
    if budget.period == "week":
        return midnight - timedelta(days=(midnight.isoweekday() - budget.reset_day) % 7)
    if budget.period == "month":
        begun = midnight.replace(day=budget.reset_day)
        return begun if begun <= midnight else (begun.replace(day=1) - timedelta(days=1)).replace(day=budget.reset_day)
    return midnight


def _after(period: Period, start: datetime) -> datetime:
    if period == "month":
        return (start.replace(day=1) + timedelta(days=32)).replace(day=start.day)
    return start + timedelta(days=7 if period == "week" else 1)


def _name(period: Period, start: datetime) -> str:
    """``month:2026-11``, ``month:2026-11-15``, ``week:2026-11-16``, ``day:2026-11-22``: kinds never share a name."""
    if period == "month" and start.day == 1:
        return f"{period}:{start:%Y-%m}"
    return f"{period}:{start:%Y-%m-%d}"


def _unix_ms(wall: datetime, zone: ZoneInfo) -> int:
    """Midnight by the wall clock of a zone. Where a clock change skips midnight, the first moment after it."""
    return int(wall.replace(tzinfo=zone).astimezone(UTC).timestamp() * 1000)
