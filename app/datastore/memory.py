"""How much of its memory a server uses, as its INFO tells it."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct


class Memory(Struct, frozen=True):
    """A server's memory."""

    used_bytes: int
    limit_bytes: int
    """0: it does not say."""

    @property
    def ratio(self) -> float:
        """How full it is; 1 is full."""
        return self.used_bytes / self.limit_bytes if self.limit_bytes else 0.0


def read_memory(info: Mapping[str, Any]) -> Memory:
    """From ``INFO memory``; without a ``maxmemory`` the machine's memory is the limit."""
    limit = int(info.get("maxmemory", 0)) or int(info.get("total_system_memory", 0))
    return Memory(int(info.get("used_memory", 0)), limit)
