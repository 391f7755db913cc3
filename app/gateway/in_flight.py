"""How many image requests this process carries, and how many it may."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import Overloaded


class InFlight:
    """Counts requests under way; beyond the limit the next is refused before anything is done for it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.number = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Carry one request.

        Raises:
            Overloaded: there are enough.

        """
        if self.number >= self._most:
            raise Overloaded(
                "This gateway has as many requests in flight as it may carry; try again in a moment.",
                retry_after_seconds=2,
            )
        self.number += 1
        try:
            yield
        finally:
            self.number -= 1
