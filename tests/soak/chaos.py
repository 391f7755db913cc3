"""Breaks something every few seconds, as a seed says: replicas, Redis, the upstream; and notes when it was mended."""

import asyncio
import signal
from collections.abc import Callable, Iterator, Sequence
from random import Random

from app.simulator.server import Simulator
from tests.soak.facts import Fault, Kind
from tests.soak.replica import Replica
from tests.support.redis_server import RedisServer

SPARED_SHARE = 0.2
"""The last replica is ended only in this first part of a run, so that there is a long life to measure memory in."""
_FROZEN_SECONDS = (1.0, 5.0)
_AWAY_SECONDS = (1.0, 4.0)


class Chaos:
    """What is broken, and by whom it is mended."""

    def __init__(
        self,
        random: Random,
        replicas: Sequence[Replica],
        redis: RedisServer,
        simulator: Simulator,
        clock: Callable[[], float],
    ) -> None:
        self._random = random
        self._replicas = replicas
        self._redis = redis
        self._simulator = simulator
        self._clock = clock
        self.faults: list[Fault] = []
        """Those that are mended again."""

    async def run(
        self, seconds: float, pauses: tuple[float, float], kinds: Sequence[Kind], *, once: bool = False
    ) -> None:
        """Break one thing after the other until so many seconds have passed; replicas come back meanwhile.

        Each kind has its turn before one has its second, or, with ``once``, one turn and in the order given. What has
        begun is mended before this returns.
        """
        async with asyncio.TaskGroup() as restarts:
            for kind in kinds if once else self._deck(kinds):
                pause = self._random.uniform(*pauses)
                if self._clock() + pause > seconds:
                    return
                await asyncio.sleep(pause)
                await self._break(kind, spares=self._clock() > SPARED_SHARE * seconds, restarts=restarts)

    def _deck(self, kinds: Sequence[Kind]) -> Iterator[Kind]:
        while kinds:
            yield from self._random.sample(kinds, len(kinds))

    async def _break(self, kind: Kind, *, spares: bool, restarts: asyncio.TaskGroup) -> None:
        began = self._clock()
        match kind:
            case Kind.KILL | Kind.TERMINATE:
                replica = self._random.choice(self._replicas[:-1] if spares else self._replicas)
                number = signal.SIGKILL if kind is Kind.KILL else signal.SIGTERM
                restarts.create_task(self._restart(kind, replica, number, self._random.uniform(0, 2)))
                return
            case Kind.REDIS_KILL:
                await asyncio.to_thread(self._redis.kill)
                await asyncio.sleep(self._random.uniform(0, 1))
                await asyncio.to_thread(self._redis.start)
            case Kind.REDIS_RESTART:
                await asyncio.to_thread(self._redis.stop)
                await asyncio.to_thread(self._redis.start)
            case Kind.REDIS_FREEZE:
                self._redis.pause()
                try:
                    await asyncio.sleep(self._random.uniform(*_FROZEN_SECONDS))
                finally:
                    self._redis.resume()
            case Kind.UPSTREAM_AWAY:
                host, port = "127.0.0.1", int(self._simulator.origin.rpartition(":")[2])
                await self._simulator.stop()
                await asyncio.sleep(self._random.uniform(*_AWAY_SECONDS))
                await self._simulator.start(host, port)
        self.faults.append(Fault(kind, began, self._clock()))

    async def _restart(self, kind: Kind, replica: Replica, number: signal.Signals, pause_seconds: float) -> None:
        await replica.settled()
        began = self._clock()
        await replica.restart(number, pause_seconds)
        self.faults.append(Fault(kind, began, self._clock(), replica.name))
