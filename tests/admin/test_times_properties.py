"""Times of reports: any two are whole hours that hold them, or a refusal."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from app.admin.times import time_of, unix_ms, whole_hours
from app.errors import InvalidRequest

ZONES = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(timezones=ZONES)
CLOSE = st.builds(
    lambda since, days: (since, since + timedelta(days=days)),
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=ZONES),  # noqa: DTZ001 - hypothesis adds the zone
    st.floats(-1, 410),
)


@given(CLOSE | st.tuples(TIMES, TIMES))
def test_any_two_times_are_whole_hours_or_refused(times: tuple[datetime, datetime]) -> None:
    """What is counted holds everything that was asked for, and less than an hour more at either end."""
    since, until = times
    try:
        first, last = whole_hours(since, until)
    except InvalidRequest as refusal:
        assert refusal.param == "since"  # noqa: PT017 - or they are hours
        return
    hour = timedelta(hours=1)
    assert first <= since < first + hour
    assert last - hour < until <= last
    assert all(moment.tzinfo is UTC and not unix_ms(moment) % 3_600_000 for moment in (first, last))


@given(st.integers(0, 253_370_764_800_000))
def test_milliseconds_come_back(milliseconds: int) -> None:
    """A time of the books is told to the millisecond, up to the year 9999."""
    assert abs(unix_ms(time_of(milliseconds)) - milliseconds) <= 1
