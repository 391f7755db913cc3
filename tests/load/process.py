"""Processes of a measurement: pinned to a core, observed in /proc, ended with it."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.programs import watchman

START_SECONDS = 180.0
"""LiteLLM imports itself for 15 s on a core of its own."""
_END_SECONDS = 30.0
_TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")
_QUIET_SECONDS = 0.15
_DRAIN_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Process:
    """One that runs, as /proc tells of it."""

    pid: int

    def cpu_seconds(self) -> float:
        """What it has used so far, in the kernel and outside it; to 0.01 s."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * _TICK_SECONDS

    def resident_bytes(self) -> int:
        """The memory it has now."""
        return self._status_bytes("VmRSS")

    def most_resident_bytes(self) -> int:
        """The most it had since `forget_most`, or ever; the kernel's own mark, so no moment is missed."""
        return self._status_bytes("VmHWM")

    def forget_most(self) -> None:
        """Begin with what it has now."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5", encoding="utf-8")  # proc(5)

    def _status_bytes(self, name: str) -> int:
        lines = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8").splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


@contextmanager
def started(
    words: Sequence[str],
    log: Path,
    ready: Callable[[], bool],
    *,
    core: int,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Iterator[Process]:
    """Run a program on one core until the block ends, which begins when it is ready; what it says goes to ``log``.

    Raises:
        RuntimeError: it did not start; with the end of what it said.

    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *words],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    guard = watchman('kill -9 "$1"', process.pid)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{words[0]} did not start:\n{log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.05)
        yield Process(process.pid)
    finally:
        guard.kill()  # first, so that it kills nobody by a reused pid
        guard.communicate()
        process.terminate()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def drain(processes: Sequence[Process]) -> None:
    """Wait until these have nothing left to do, so that one's leftovers do not slow the next one down.

    One that does not come to rest is not waited for longer than some seconds.
    """
    deadline = time.monotonic() + _DRAIN_SECONDS
    used = sum(process.cpu_seconds() for process in processes)
    while time.monotonic() < deadline:
        time.sleep(_QUIET_SECONDS)
        before, used = used, sum(process.cpu_seconds() for process in processes)
        if used - before <= 1.5 * _TICK_SECONDS:  # a gateway at rest does a little, too
            return
