"""The times that reports are about: whole UTC hours, of which the roll-ups are made."""

from datetime import UTC, datetime, timedelta

from app.errors import InvalidRequest

USAGE_DAYS = 30
"""What is told where nobody says since when."""
_ALMOST_AN_HOUR = timedelta(hours=1) - timedelta(microseconds=1)
FIRST_YEAR, LAST_YEAR = 2000, 9998
"""Before anything was sold here, and far from where dates begin and end."""
_MOST_USAGE_DAYS = 400  # roll-ups live that long


def whole_hours(since: datetime | None, until: datetime | None) -> tuple[datetime, datetime]:
    """The whole hours that [since, until) touches; without them the last 30 days.

    Raises:
        InvalidRequest: an empty time, or one longer than the roll-ups are kept.

    """
    until = until or datetime.now(UTC)
    if not all(FIRST_YEAR <= moment.year <= LAST_YEAR for moment in (since or until, until)):
        raise InvalidRequest(f"since and until must lie between the years {FIRST_YEAR} and {LAST_YEAR}", param="since")
    since = since or until - timedelta(days=USAGE_DAYS)
    since, until = _whole_hour(since), _whole_hour(until + _ALMOST_AN_HOUR)
    if not timedelta(0) < until - since <= timedelta(days=_MOST_USAGE_DAYS):
        raise InvalidRequest(f"since must lie before until, by at most {_MOST_USAGE_DAYS} days", param="since")
    return since, until


def unix_ms(moment: datetime) -> int:
    """Milliseconds since 1970, as the books count time."""
    return int(moment.timestamp() * 1000)


def time_of(milliseconds: int) -> datetime:
    """A time of the books, in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _whole_hour(moment: datetime) -> datetime:
    """The hour a moment is in: roll-ups are by the hour, and a report says what it counted."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
