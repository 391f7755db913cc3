"""The one place that speaks Redis: commands and scripts, whatever the engine; errors become refusals.

Commands wait for the end of the current loop tick and leave together, one write for each server. Nothing is re-sent
after an ambiguous failure: what that means, each caller decides.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from typing_extensions import override

from app.datastore.call import Argument, Call, Command
from app.datastore.memory import Memory, read_memory
from app.datastore.replies import unavailable
from app.datastore.script import Script
from app.datastore.servers import Servers

__all__ = ["Argument", "Command", "Datastore", "unavailable"]


_MEMORY = Call(("INFO", "memory"))


class Datastore:
    """Commands and scripts on Redis, batched by loop tick, each server behind a breaker of its own.

    Every method raises `StoreUnavailable` and nothing else when Redis cannot answer; its ``may_have_happened`` says
    whether the command can have taken effect all the same.
    """

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    @override
    def __repr__(self) -> str:
        return f"<Datastore {', '.join(map(repr, self._servers.nodes))}>"

    @property
    def errors(self) -> int:
        """Failed round trips since the start, for the metrics."""
        return self._servers.errors

    @property
    def is_circuit_open(self) -> bool:
        """Whether a server is not even asked at this moment."""
        return any(node.breaker.opened_at is not None for node in self._servers.nodes)

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        """Run a script by its SHA; a server that does not know it gets the text. All keys share one hash tag."""
        words = ("EVALSHA", script.sha, len(keys), *keys, *args)
        return await self._servers.submit(Call(words, keys[0] if keys else None, script))

    async def command(self, *words: Argument) -> Any:
        """Run one command, the key first; its reply as redis-py reads it over RESP3: HGETALL a dict, SMEMBERS a set."""
        return await self._servers.submit(_call(words))

    async def commands(self, commands: Sequence[Command]) -> list[Any]:
        """Run several commands in one write to each server they concern; their replies in order."""
        return list(await asyncio.gather(*[self._servers.submit(_call(words)) for words in commands]))

    async def ping(self) -> None:
        """Ask whether Redis serves."""
        await self._servers.ping()

    async def replication_ids(self) -> frozenset[str]:
        """The replication id of every master that answers now.

        One that was not there before means a failover or a restart, and that a master may have forgotten the last
        moments: what was written then is to be written again, by scripts that do nothing the second time.
        """
        return await self._servers.replication_ids()

    async def memory(self) -> Memory:
        """How full the fullest server is."""
        replies = await asyncio.gather(*[node.submit(_MEMORY) for node in self._servers.nodes])
        return max(map(read_memory, replies), key=lambda memory: memory.ratio, default=Memory(0, 0))

    async def aclose(self) -> None:
        """Wait for what is under way, then close the connections."""
        await self._servers.aclose()


def _call(words: Command) -> Call:
    key = words[1] if len(words) > 1 else None
    return Call(words, str(key) if isinstance(key, int) else key)
