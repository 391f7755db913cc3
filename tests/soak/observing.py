"""Looks at the replicas' processes in /proc: their memory all the while, their files and threads at rest."""

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.load.process import Process
from tests.soak.facts import Rest, Sample
from tests.soak.replica import Replica

EVERY_SECONDS = 1.0
DESCRIPTORS = 8
"""That a process may have open at rest beyond those of a fresh one: connections to Redis it has needed since."""
_BUSY = ("imagegate_in_flight_requests", "imagegate_queue_requests", "imagegate_joins_waiting")


async def sample(replicas: Sequence[Replica], clock: Callable[[], float], into: list[Sample]) -> None:
    """Note the memory of every replica, once a second, until cancelled."""
    while True:
        for replica in replicas:
            pid = replica.pid
            if pid is not None and (memory := _resident_bytes(pid)):
                into.append(Sample(replica.name, replica.life, clock(), memory))
        await asyncio.sleep(EVERY_SECONDS)


async def at_rest(replica: Replica) -> Rest:
    """What a replica has open now, and what it says it has to do."""
    samples = await replica.metrics()
    pid = replica.pid
    assert pid is not None, f"{replica.name} does not run"
    links = _open_files(pid)
    return Rest(
        replica.name,
        len(links),
        _threads(pid),
        sum(link.startswith("/") and link.endswith(" (deleted)") for link in links),
        int(sum(samples.of(name) for name in _BUSY)),
        int(samples.of("imagegate_journal_records")),
        int(samples.of("imagegate_tasks")),
    )


def _resident_bytes(pid: int) -> int:
    try:
        return Process(pid).resident_bytes()
    except (OSError, StopIteration):  # it has ended, or is about to
        return 0


def _open_files(pid: int) -> list[str]:
    """What each descriptor of a process leads to."""
    links = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            links.append(os.readlink(entry))  # noqa: PTH115 - Path.readlink would take "socket:[1]" for a path
        except OSError:  # closed meanwhile
            continue
    return links


def _threads(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())
