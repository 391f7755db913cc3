"""Budget periods: where they begin and end by the wall clock of a zone, through every change of its clocks."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.accounts.models import Budget, Period
from app.keyspace import hour_of
from app.ledger.periods import HOUR_MS, window
from app.money import Money

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",  # until 2019 midnight was skipped in spring and the last hour of a day came twice in autumn
    "America/Havana",  # midnight is skipped in spring and comes twice in autumn
    "Africa/Cairo",  # midnight is skipped in spring, the last hour of a day comes twice in autumn
    "Asia/Beirut",
    "America/Nuuk",  # its spring change ends at midnight
    "America/Santiago",
    "Asia/Kolkata",  # half an hour
    "Asia/Kathmandu",  # three quarters
    "Australia/Lord_Howe",  # its clocks change by half an hour
    "Pacific/Kiritimati",
    "Etc/GMT+12",
)
DAY_MS = 24 * HOUR_MS


def ms(wall: str, zone: str = "UTC", fold: int = 0) -> int:
    """Unix milliseconds of a wall clock's reading."""
    return int(datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp() * 1000)


def budget(period: Period, zone: str = "UTC") -> Budget:
    return Budget(Money(1), period, zone)


EXAMPLES: list[tuple[Period, str, str, str, str, str]] = [
    ("day", "UTC", "2026-11-22T15:30", "day:2026-11-22", "2026-11-22", "2026-11-23"),
    ("week", "UTC", "2026-11-22T23:59", "week:2026-11-16", "2026-11-16", "2026-11-23"),
    ("week", "UTC", "2026-11-23T00:00", "week:2026-11-23", "2026-11-23", "2026-11-30"),
    ("month", "UTC", "2026-12-31T23:59", "month:2026-12", "2026-12-01", "2027-01-01"),
    ("month", "UTC", "2028-02-29T12:00", "month:2028-02", "2028-02-01", "2028-03-01"),
    ("day", "Asia/Kolkata", "2026-11-22T00:10", "day:2026-11-22", "2026-11-22", "2026-11-23"),
    ("month", "Pacific/Kiritimati", "2027-01-01T00:10", "month:2027-01", "2027-01-01", "2027-02-01"),
    ("day", "Europe/Berlin", "2026-03-29T12:00", "day:2026-03-29", "2026-03-29", "2026-03-30"),
]


@pytest.mark.parametrize(("period", "zone", "now", "name", "starts", "ends"), EXAMPLES)
def test_a_period_is_named_and_bounded_by_the_zones_calendar(
    period: Period, zone: str, now: str, name: str, starts: str, ends: str
) -> None:
    """Days begin at midnight, weeks on Monday, months on the 1st, all by the zone's wall clock."""
    found = window(budget(period, zone), ms(now, zone))
    assert (found.id, found.starts_ms, found.ends_ms) == (name, ms(starts, zone), ms(ends, zone))


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("America/Havana", "2026-03-08", 23),
        ("America/Havana", "2026-11-01", 25),
        ("Africa/Cairo", "2026-04-24", 23),
        ("Africa/Cairo", "2026-10-29", 25),
        ("America/Sao_Paulo", "2018-11-04", 23),
        ("America/Sao_Paulo", "2018-02-17", 25),
        ("America/Nuuk", "2026-03-28", 23),
        ("Australia/Lord_Howe", "2026-10-04", 23.5),
    ],
)
def test_a_day_of_a_clock_change_is_as_long_as_it_is(zone: str, day: str, hours: float) -> None:
    """23, 25 or 23½ hours, also where midnight itself is skipped or comes twice."""
    found = window(budget("day", zone), ms(f"{day}T12:00", zone))
    assert found.id == f"day:{day}"
    assert found.ends_ms - found.starts_ms == hours * HOUR_MS


@pytest.mark.parametrize(
    ("zone", "day"), [("America/Havana", "2026-03-08"), ("Africa/Cairo", "2026-04-24"), ("Asia/Beirut", "2026-03-29")]
)
def test_where_midnight_is_skipped_the_day_begins_at_one_oclock(zone: str, day: str) -> None:
    """The moment before belongs to the day before, the first moment after the gap to the new day."""
    first = ms(f"{day}T01:00", zone)
    assert window(budget("day", zone), first).starts_ms == first
    before = window(budget("day", zone), first - 1)
    assert (before.ends_ms, before.next_id) == (first, f"day:{day}")


@pytest.mark.parametrize("fold", [0, 1])
def test_where_midnight_comes_twice_the_day_begins_with_the_first(fold: int) -> None:
    """Half past midnight, the first time and the second, is one and the same day."""
    found = window(budget("day", "America/Havana"), ms("2026-11-01T00:30", "America/Havana", fold))
    assert found.id == "day:2026-11-01"
    assert found.starts_ms == ms("2026-11-01T00:00", "America/Havana", 0)


moments = st.datetimes(datetime(2010, 1, 1), datetime(2037, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
timed: st.SearchStrategy[Period] = st.sampled_from(("day", "week", "month"))


@given(moment=moments, zone=st.sampled_from(ZONES), period=timed)
@example(datetime(2026, 11, 1, 5, 30, tzinfo=UTC), "America/Havana", "day")
@example(datetime(2026, 11, 1, 4, 30, tzinfo=UTC), "America/Havana", "day")
@example(datetime(2026, 4, 23, 22, 0, tzinfo=UTC), "Africa/Cairo", "day")
@example(datetime(2018, 2, 18, 1, 30, tzinfo=UTC), "America/Sao_Paulo", "day")
def test_periods_tile_the_time(moment: datetime, zone: str, period: Period) -> None:
    """A moment lies in its window; the next begins where it ends, under another name; every moment of it agrees."""
    now = int(moment.timestamp() * 1000)
    found = window(budget(period, zone), now)
    assert found.starts_ms <= now < found.ends_ms < found.next_ends_ms
    assert found.holds(now)
    assert found.id != found.next_id

    following = window(budget(period, zone), found.ends_ms)
    assert (following.id, following.starts_ms, following.ends_ms) == (found.next_id, found.ends_ms, found.next_ends_ms)

    before = window(budget(period, zone), found.starts_ms - 1)
    assert (before.next_id, before.ends_ms, before.next_ends_ms) == (found.id, found.starts_ms, found.ends_ms)

    assert window(budget(period, zone), found.ends_ms - 1) == found


@given(moment=moments, zone=st.sampled_from(ZONES), period=timed)
@example(datetime(2026, 11, 22, 18, 29, 59, tzinfo=UTC), "Asia/Kolkata", "day")
@example(datetime(2026, 11, 22, 18, 30, tzinfo=UTC), "Asia/Kolkata", "day")
@example(datetime(2026, 10, 3, 14, 30, tzinfo=UTC), "Australia/Lord_Howe", "day")
@example(datetime(2026, 11, 1, 4, 30, tzinfo=UTC), "America/Havana", "day")
def test_the_window_of_an_hours_beginning_is_right_for_that_hour_and_the_next(
    moment: datetime, zone: str, period: Period
) -> None:
    """The books are told no other: whichever moment it is, the script finds the period it belongs to, and its end."""
    now = int(moment.timestamp() * 1000)
    right = window(budget(period, zone), now)
    for hour in (hour_of(now), hour_of(now) - 1):
        told = window(budget(period, zone), hour * HOUR_MS)
        current, following = (told.id, told.ends_ms), (told.next_id, told.next_ends_ms)
        assert told.starts_ms <= now < told.next_ends_ms
        assert (current if told.holds(now) else following) == (right.id, right.ends_ms)


@given(moment=moments, zone=st.sampled_from(ZONES))
def test_periods_of_different_kinds_never_share_a_name(moment: datetime, zone: str) -> None:
    """Spend is summed up under the name: a budget that changes its kind begins anew."""
    now = int(moment.timestamp() * 1000)
    kinds: tuple[Period, ...] = ("day", "week", "month", "total")
    assert len({window(budget(kind, zone), now).id for kind in kinds}) == 4


@given(moment=moments)
def test_without_a_period_the_window_never_ends(moment: datetime) -> None:
    """No budget, or one for good: always the same window, exact in a double."""
    now = int(moment.timestamp() * 1000)
    for limit in (None, budget("total")):
        found = window(limit, now)
        assert (found.id, found.next_id) == ("total", "total")
        assert found.holds(now)
        assert found.ends_ms == found.next_ends_ms < 2**53
        assert found.ends_ms > (moment + timedelta(days=100 * 365)).timestamp() * 1000


def test_a_window_ends_before_its_last_moment_is_over() -> None:
    """The end is the first millisecond that is not in it."""
    found = window(budget("day"), ms("2026-11-22T12:00"))
    assert found.holds(found.starts_ms)
    assert found.holds(found.starts_ms + DAY_MS - 1)
    assert not found.holds(found.ends_ms)
    assert not found.holds(found.starts_ms - 1)
