"""How many reads of one kind this process carries at once, and how many may wait for the same."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from app.errors import LimitExceeded, Overloaded


class InFlight:
    """Counts requests under way; beyond the limit the next is refused before anything is done for it."""

    def __init__(self, most: int) -> None:
        self._limit = most
        self.number = 0

    def one(self) -> Self:
        """Carry one request, as long as the context lasts."""
        return self

    def __enter__(self) -> None:
        """Begin to carry one.

        Raises:
            Overloaded: there are enough.

        """
        if self.number >= self._limit:
            raise Overloaded(
                "This gateway has as many requests of this kind as it may carry; try again in a moment.",
                retry_after_seconds=2,
            )
        self.number += 1

    def __exit__(self, *_: object) -> None:
        """It is over."""
        self.number -= 1


class PerName:
    """Counts those who wait by what they wait for, so that nobody has all the places at no cost."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._numbers: Counter[str] = Counter()

    @contextmanager
    def one(self, name: str) -> Iterator[None]:
        """Wait for that.

        Raises:
            LimitExceeded: enough wait for it.

        """
        if self._numbers[name] >= self._most:
            raise LimitExceeded(
                f"{self._most} wait for the same already; try again when they have it.", retry_after_seconds=5
            )
        self._numbers[name] += 1
        try:
            yield
        finally:
            self._numbers[name] -= 1
            if not self._numbers[name]:
                del self._numbers[name]
