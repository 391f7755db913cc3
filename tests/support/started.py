"""Servers of several processes: started and ended together, and waited for until they agree."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tests.support.redis_server import POLL_SECONDS, START_SECONDS


class Started(ABC):
    """A group of servers that runs as long as a ``with`` block."""

    @abstractmethod
    def start(self) -> None:
        """Start all of them; what has started is ended by `close` when the rest fails."""

    @abstractmethod
    def close(self) -> None:
        """End everything."""

    def await_(self, holds: Callable[[], bool], seconds: float = START_SECONDS) -> None:
        """Wait until they have come to agree on something."""
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"{type(self).__name__}: the servers did not come to agree"
            time.sleep(POLL_SECONDS)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
