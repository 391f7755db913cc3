"""How much may be sent on unchecked: what nobody knows is passed as it came, and still has an end."""

from collections.abc import Iterable, Mapping

from app.catalog.wording import shown
from app.errors import InvalidRequest

_MOST_LEVELS = 16
_MOST_VALUES = 1_000
"""Far beyond any parameter of an image model; deeper or more of it would only wear out whoever writes or reads it."""


def check_passed(fields: Mapping[str, object]) -> None:
    """Count the values of all fields together, lists and objects themselves included.

    Raises:
        InvalidRequest: they are too many, or nested too deep; ``param`` is the field at which that shows.

    """
    room = _MOST_VALUES
    for name, value in fields.items():
        level = [value]
        for _ in range(_MOST_LEVELS):
            room -= len(level)
            if room < 0:
                break
            level = [inner for outer in level for inner in _members(outer)]
        if level or room < 0:
            raise InvalidRequest(
                f"Invalid value for '{shown(name)}': fields nobody knows are sent on with at most {_MOST_LEVELS} "
                f"levels and {_MOST_VALUES} values altogether.",
                param=shown(name),
            )


def _members(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list) else ()
