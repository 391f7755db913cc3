"""One soak run, from the first process to the last: traffic and faults, then rest, then the facts."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from random import Random
from typing import Any

import httpx

from app.errors import StoreUnavailable
from tests.soak.chaos import Chaos
from tests.soak.client import Client
from tests.soak.facts import Facts, Kind, Rest, Sample
from tests.soak.log_lines import own_faults
from tests.soak.observing import DESCRIPTORS, at_rest, sample
from tests.soak.replica import Replica
from tests.soak.traffic import IN_FLIGHT, Traffic
from tests.soak.world import World, http_client, open_world
from tests.support.waiting import until

REST_SECONDS = 100.0
"""Within a minute the holds of a process that died are resolved; the rest is for a busy machine."""
PROGRESS_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is like."""

    seed: int
    seconds: float
    per_second: float = 25.0
    pauses: tuple[float, float] = (2.0, 7.0)
    """Seconds between two faults, at least and at most."""
    kinds: tuple[Kind, ...] = tuple(Kind)
    once: bool = False
    """Break each of them once, in this order, rather than again and again."""
    say: Callable[[str], None] = field(default=lambda _: None)


async def soak(plan: Plan, folder: Path) -> Facts:
    """Run it; everything that was started has ended when this returns, however it does."""
    plan.say("starting Redis, the pretend CometAPI and two replicas")
    async with open_world(folder, plan.seconds) as world:
        return await _observe(plan, world)


async def _observe(plan: Plan, world: World) -> Facts:
    """Traffic and faults, rest, and the facts."""
    before = [await at_rest(replica) for replica in world.replicas]
    samples: list[Sample] = []
    began = time.monotonic()

    def clock() -> float:
        return time.monotonic() - began

    chaos = Chaos(Random(f"{plan.seed}-chaos"), world.replicas, world.redis, world.simulator, clock)
    async with AsyncExitStack() as stack:
        clients = [
            Client(replica.name, await stack.enter_async_context(http_client(replica)), clock)
            for replica in world.replicas
        ]
        traffic = Traffic(plan.seed, clients, world.accounts.keys, clock, IN_FLIGHT)
        async with _beside(
            sample(world.replicas, clock, samples),
            world.accounts.watch(),
            _tell(plan, traffic, chaos, world.replicas, samples, clock),
        ):
            async with asyncio.TaskGroup() as both:
                both.create_task(traffic.run(plan.seconds, plan.per_second))
                both.create_task(chaos.run(plan.seconds, plan.pauses, plan.kinds, once=plan.once))
            seconds = clock()
    plan.say(f"{'':8}the last answer came after {seconds:.0f} s; waiting until nothing is held")
    rest_seconds = await _come_to_rest(world)
    plan.say(f"{'':8}at rest after {rest_seconds:.0f} s; reading the books")
    books = await world.accounts.read(world.replicas[0].given)
    after = await _settled_files(world, before)
    return Facts(
        seed=plan.seed,
        traffic_seconds=plan.seconds,
        seconds=seconds,
        rest_seconds=rest_seconds,
        orders=traffic.orders,
        answers=tuple(traffic.answers),
        drawn=world.witness.drawn,
        books=books,
        faults=tuple(sorted(chaos.faults, key=lambda fault: fault.at_seconds)),
        wanted_faults=plan.kinds,
        samples=tuple(samples),
        before=tuple(before),
        after=tuple(after),
        own_faults=tuple(fault for replica in world.replicas for fault in _troubles(replica)),
    )


def _troubles(replica: Replica) -> list[str]:
    return [*replica.troubles, *own_faults(replica.name, replica.log.read_text(encoding="utf-8"))]


async def _come_to_rest(world: World) -> float:
    """Wait until everybody is ready, nothing is held and no journal has anything; how long that took."""
    began = time.monotonic()

    async def rests() -> bool:
        try:
            if not all([await replica.is_ready() for replica in world.replicas]) or await world.accounts.held():
                return False
            found = [await at_rest(replica) for replica in world.replicas]
        except (StoreUnavailable, httpx.TransportError):
            return False
        return not any(rest.busy or rest.journal for rest in found)

    try:
        await until(rests, REST_SECONDS)
    except TimeoutError:
        return inf
    return time.monotonic() - began


async def _settled_files(world: World, before: Sequence[Rest]) -> list[Rest]:
    """What is open in the end: the upstream is gone by then, and with it the connections that were kept to it."""
    await world.simulator.stop()
    most = {rest.replica: rest.descriptors + DESCRIPTORS for rest in before}
    found: list[Rest] = []

    async def closed() -> bool:
        try:
            found[:] = [await at_rest(replica) for replica in world.replicas]
        except httpx.TransportError:  # one never came back, which is told elsewhere
            return False
        return all(rest.descriptors <= most[rest.replica] for rest in found)

    with suppress(TimeoutError):  # the numbers are judged by what they are
        await until(closed, 20)
    return found


@asynccontextmanager
async def _beside(*works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Have these go on until the block ends."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception):  # it did not go on until now
                raise ended


async def _tell(
    plan: Plan,
    traffic: Traffic,
    chaos: Chaos,
    replicas: Sequence[Replica],
    samples: Sequence[Sample],
    clock: Callable[[], float],
) -> None:
    """Say how it goes, every ten seconds, until cancelled."""
    before = 0
    while True:
        await asyncio.sleep(PROGRESS_SECONDS)
        number, now = len(traffic.answers), clock()
        statuses = Counter(answer.status for answer in traffic.answers)
        memory = {one.replica: one.resident_bytes / 1e6 for one in samples}
        plan.say(
            f"{int(now // 60):3}:{int(now % 60):02}  {number:6,} answers, {(number - before) / PROGRESS_SECONDS:4.0f}/s"
            f" | {statuses[200]:,} ok, {statuses[429]:,} limited, {statuses[503]:,} away, {statuses[0]:,} none"
            f" | {len(chaos.faults)} faults | " + ", ".join(f"{name} {mb:.0f} MB" for name, mb in memory.items())
        )
        before = number
