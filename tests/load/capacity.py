"""What one replica carries: throughput, latency and memory by size of answer and by requests in flight.

    python -m tests.load.capacity

The gateway has one core; its Redis, the canned upstream and the callers share the other. Figures are of this machine at
this moment; the table in docs/operations/capacity.md names the one it was made on.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.load.callers import Burst, burst
from tests.support.process import clean_environment, command, free_port
from tests.support.redis_server import RedisServer

REPETITIONS = 3
SPREAD_SECONDS = 3.0
"""Over which those begin who wait for slow pictures: people do not all press the button in the same millisecond."""
CASES = (
    # answer bytes, delay seconds, callers, requests
    (300, 0.0, 1, 500),
    (300, 0.0, 64, 4_000),
    (2_100_000, 0.0, 8, 300),
    (21_000_000, 0.0, 4, 40),
    (2_100_000, 5.0, 100, 100),
    (2_100_000, 5.0, 300, 300),
    (2_100_000, 5.0, 1_000, 1_000),
)
_COLUMNS = (
    "answer",
    "upstream takes",
    "at once",
    "answers",
    "done (failed)",
    "in",
    "a second",
    "p50 / p99",
    "CPU each",
    "memory before / most",
)


@dataclass(frozen=True, slots=True)
class Replica:
    """A gateway of its own process."""

    port: int
    key: str
    pid: int

    def status_kilobytes(self, name: str) -> int:
        """A figure of /proc: VmRSS now, VmHWM at most."""
        lines = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))

    def cpu_seconds(self) -> float:
        """What it has used of its core."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def replica(answer_bytes: int, delay_seconds: float, results: str) -> AsyncIterator[Replica]:
    """A gateway over a canned upstream, and a key of a team without limits."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ig-capacity-")))
        redis = stack.enter_context(RedisServer())
        upstream_port, port = free_port(), free_port()
        upstream = ("-m", "tests.load.canned_upstream", str(upstream_port), str(answer_bytes), str(delay_seconds))
        given = _environment(folder, port) | {
            "COMETAPI_BASE_URL": f"http://127.0.0.1:{upstream_port}/v1",
            "IMAGEGATE_REDIS_URL": redis.url,
            "IMAGEGATE_RESULT_SECONDS": results,
        }
        stack.callback(_ended, _started(upstream, given, core=1))
        gateway = _started(("-m", "app", "serve"), given, core=0, log=folder / "log")
        stack.callback(_ended, gateway)
        await _until_ready(port)
        await command(given, "teams", "create", "load", "--no-budget")
        made = await command(given, "keys", "create", "--team", "load", "--alias", "load", "--json")
        key = json.loads(made)["key"]
        yield Replica(port, key, gateway.pid)


def _environment(folder: Path, port: int) -> dict[str, str]:
    return clean_environment() | {
        "COMETAPI_KEY": "sk-of-the-measurement",
        "IMAGEGATE_DATA_DIR": str(folder),
        "IMAGEGATE_PORT": str(port),
        "IMAGEGATE_LOG_FORMAT": "json",
    }


def _started(
    words: Sequence[str], given: dict[str, str], core: int, log: Path | None = None
) -> subprocess.Popen[bytes]:
    out = log.open("wb") if log else subprocess.DEVNULL
    pinned = ["taskset", "-c", str(core), sys.executable, *words]
    return subprocess.Popen(pinned, env=given, stdout=subprocess.DEVNULL, stderr=out)


def _ended(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(timeout=60)


async def _until_ready(port: int) -> None:
    async with httpx.AsyncClient() as client:
        for _ in range(200):
            try:
                if (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
    raise SystemExit("the gateway did not start")


async def measure(answer_bytes: int, delay_seconds: float, callers: int, requests: int, results: str) -> None:
    """Run one case, and print its row: the repetition of the median wall time."""
    async with replica(answer_bytes, delay_seconds, results) as running:
        await burst(running.port, running.key, callers=min(callers, 8), requests=min(requests, 16))
        at_rest = running.status_kilobytes("VmRSS")
        found: list[tuple[Burst, float]] = []
        for _ in range(REPETITIONS):
            used = running.cpu_seconds()
            spread = SPREAD_SECONDS if delay_seconds else 0.0
            done = await burst(running.port, running.key, callers=callers, requests=requests, spread_seconds=spread)
            found.append((done, running.cpu_seconds() - used))
        done, cpu = sorted(found, key=lambda one: one[0].wall_seconds)[REPETITIONS // 2]
        cells = (
            f"{answer_bytes / 1e6:g} MB",
            f"{delay_seconds:g} s",
            str(callers),
            "kept" if results != "0" else "",
            f"{done.answered} ({done.failed})",
            f"{done.wall_seconds:.1f} s",
            f"{done.answered / done.wall_seconds:,.0f}",
            f"{done.within(0.5) * 1000:.1f} / {done.within(0.99) * 1000:.1f} ms",
            f"{cpu / max(1, done.answered) * 1000:.2f} ms",
            f"{at_rest / 1024:.0f} / {running.status_kilobytes('VmHWM') / 1024:.0f} MB",
        )
        print("| " + " | ".join(cells) + " |", flush=True)


async def main() -> None:
    """Print the table."""
    os.sched_setaffinity(0, {1})
    print(time.strftime("%Y-%m-%d"), os.uname().machine, f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"| {' | '.join(_COLUMNS)} |")
    print("|---" * len(_COLUMNS) + "|")
    for results in ("0", "900"):
        for case in CASES if results == "0" else CASES[2:]:
            await measure(*case, results)


if __name__ == "__main__":
    asyncio.run(main())
