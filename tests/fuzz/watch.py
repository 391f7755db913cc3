"""Watching a gateway in this process while it is fuzzed: what it logs as a failure of its own, and its memory."""

import logging
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from typing_extensions import override


class Watch(logging.Handler):
    """Collects every exception that somebody logged: a gateway foresees what clients and upstreams do, and logs none.

    Inside ``with`` it listens at the root of all loggers, asyncio's and uvicorn's included.
    """

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.failures: list[str] = []
        self._shape = logging.Formatter("%(name)s: %(message)s")

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Keep it, if it is of an exception."""
        if record.exc_info:
            self.failures.append(self._shape.format(record))

    def taken(self) -> list[str]:
        """What was collected since the last time."""
        found, self.failures = self.failures, []
        return found

    def __enter__(self) -> Self:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        logging.getLogger().removeHandler(self)


def memory_bytes() -> int:
    """What this process has in memory now (Linux)."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
