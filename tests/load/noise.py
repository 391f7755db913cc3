"""How quiet the machine is: what a fixed piece of work takes, and what other machines took from this one."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.load.process import Process

_TURNS = 1_000_000
_TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")
_USER, _NICE, _SYSTEM, _STEAL = 0, 1, 2, 7


@dataclass(frozen=True, slots=True)
class Noise:
    """Of one repetition."""

    calibration_seconds: float
    """A loop of integers on the core that is measured: it tells how fast that core is at the moment."""
    steal_share: float
    """Of all time of all cores, what the machine underneath gave to others; 0 to 1."""
    foreign_share: float
    """Of the time of the core that is measured, what went to other programs than those that are; 0 to 1."""


class NoiseMeter:
    """Listens from its making to `heard`; the processes are those that belong on the core."""

    def __init__(self, core: int, processes: Sequence[Process]) -> None:
        self._core = core
        self._processes = processes
        self._calibration_seconds = calibrate(core)
        self._before = self._look()

    def heard(self) -> Noise:
        """What there was since."""
        all_cores, own_core, used = (
            [after - before for before, after in zip(*both, strict=True)]
            for both in zip(self._before, self._look(), strict=True)
        )
        busy = sum(own_core[kind] for kind in (_USER, _NICE, _SYSTEM))
        foreign = max(0.0, busy * _TICK_SECONDS - used[0]) / max(_TICK_SECONDS, sum(own_core[:8]) * _TICK_SECONDS)
        return Noise(self._calibration_seconds, all_cores[_STEAL] / max(1, sum(all_cores[:8])), foreign)

    def _look(self) -> tuple[Sequence[float], Sequence[float], Sequence[float]]:
        used = sum(process.cpu_seconds() for process in self._processes)
        return _jiffies("cpu"), _jiffies(f"cpu{self._core}"), [used]


def calibrate(core: int) -> float:
    """The seconds a fixed loop takes on a core."""
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        began, sum_ = time.perf_counter(), 0
        for number in range(_TURNS):
            sum_ += number & 7
        return time.perf_counter() - began
    finally:
        os.sched_setaffinity(0, own)


def _jiffies(name: str) -> list[int]:
    """Time by kind: user, nice, system, idle, iowait, irq, softirq, steal, … (proc(5))."""
    lines = Path("/proc/stat").read_text(encoding="utf-8").splitlines()
    return next([int(word) for word in line.split()[1:]] for line in lines if line.split()[0] == name)
