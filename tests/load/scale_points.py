"""Points of an axis, measured in turn again and again, so that a slow minute of the machine is everybody's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.load.process import Process, drain
from tests.load.scale_load import Asking
from tests.load.scale_menu import SMALL
from tests.load.servers import Cores, Server, Upstream

Figures = dict[str, float]
"""What a measurement came to, in seconds, bytes and pieces."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how often is measured."""

    repetitions: int
    seconds: int
    longer_seconds: int
    """Where what a gateway does beside its requests matters: it does it every five seconds (`app.ledger.upkeep`)."""
    largest: int
    """Up to how many teams, keys or entries Redis is filled."""
    batch: int
    """Admissions in a row, where Redis alone is measured."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What every axis begins with."""

    folder: Path
    cores: Cores
    upstream: Upstream
    plan: Plan


@dataclass(frozen=True, slots=True)
class Point:
    """A place on the axis, and its figures of every repetition."""

    at: float
    figures: dict[str, list[float]]


def in_turn(places: Sequence[float], plan: Plan, measure: Callable[[float], Figures]) -> list[Point]:
    """Every place once a repetition, in ascending order, so that memory is seen before anything larger has passed."""
    points = [Point(place, {}) for place in places]
    for _ in range(plan.repetitions):
        for point in points:
            for name, figure in measure(point.at).items():
                point.figures.setdefault(name, []).append(figure)
    return points


def flood(
    server: Server,
    processes: Sequence[Process],
    setting: Setting,
    *,
    connections: int,
    body: bytes = SMALL,
    keys: Sequence[str] = (),
    least_seconds: int = 0,
) -> Figures:
    """One burst on one server; ``processes`` are the gateways whose CPU and memory it takes."""
    seconds = max(setting.plan.seconds, least_seconds)
    drain(processes)
    for process in processes:
        process.forget_most()
    used = sum(process.cpu_seconds() for process in processes)
    core = setting.cores.others
    load = Asking(server, body, connections=connections, seconds=seconds, core=core, keys=keys).end()
    used = sum(process.cpu_seconds() for process in processes) - used
    if load.failed:
        print(f"  {server.name}: {load.failed} of {load.answered + load.failed} failed", flush=True)
    return {
        "per_second": load.per_second,
        "bytes_per_second": load.bytes / load.seconds,
        "p50_seconds": load.p50_seconds,
        "p99_seconds": load.p99_seconds,
        "cpu_seconds": used / load.answered,
        "resident_bytes": sum(process.most_resident_bytes() for process in processes),
    }
