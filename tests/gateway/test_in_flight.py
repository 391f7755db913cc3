"""How many may wait for the same."""

import pytest

from app.errors import LimitExceeded
from app.gateway.in_flight import PerName


def test_each_name_has_places_of_its_own() -> None:
    """One too many is refused with a time to come back; others are not concerned, and a place left is free again."""
    waits = PerName(1)
    with waits.one("a"):
        with pytest.raises(LimitExceeded) as refused, waits.one("a"):
            raise AssertionError("there was no place")
        assert refused.value.retry_after_seconds == 5
        with waits.one("b"):
            pass
    with waits.one("a"):
        pass


def test_a_place_is_free_again_after_a_fault() -> None:
    """Whatever ends the wait."""
    waits = PerName(1)
    with pytest.raises(ValueError, match="broken"), waits.one("a"):
        raise ValueError("broken")
    with waits.one("a"):
        pass
