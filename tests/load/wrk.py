"""Bursts of requests by `wrk`: how many answers a second, and how long the median one takes."""

import json
import math
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.load.answers import PATH
from tests.support.programs import program

_SCRIPT = """\
wrk.method = "POST"
wrk.path = "{path}"
wrk.body = {body}
{headers}

function done(summary, latency, requests)
   local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
   io.write(string.format("FOUND {{%q:%d,%q:%d,%q:%d,%q:%d,%q:%d,%q:%d}}\\n", "requests", summary.requests,
      "microseconds", summary.duration, "p50", latency:percentile(50), "p99", latency:percentile(99),
      "refused", summary.errors.status, "failed", failed))
end
"""
"""wrk's own report is for people, and rounds."""
_MORE_SECONDS = 5
"""After which it ends by itself, should nobody be left to end it."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a burst came to."""

    per_second: float
    p50_seconds: float
    p99_seconds: float
    """Of all answers, whatever they were."""
    answered: int
    failed: int
    """Requests without an answer, and answers that are no 200."""


def burst(
    port: int, body: bytes, headers: Mapping[str, str], script: Path, *, connections: int, seconds: float
) -> Measured:
    """Ask without a pause on so many connections, for a time; ``script`` is where wrk's own may stand."""
    lines = "\n".join(f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in headers.items())
    script.write_text(_SCRIPT.format(path=PATH, body=json.dumps(body.decode()), headers=lines), encoding="utf-8")
    most = f"-d{math.ceil(seconds) + _MORE_SECONDS}s"
    words = [str(program("wrk", "wrk")), "-t1", f"-c{connections}", most, "--timeout", "60s", "-s", str(script)]
    process = subprocess.Popen([*words, f"http://127.0.0.1:{port}"], stdout=subprocess.PIPE, text=True)
    while process.poll() is None and not _takes_interrupts(process.pid):
        time.sleep(0.002)
    try:
        process.wait(seconds)  # that long it asks, unless it cannot
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)  # wrk itself knows whole seconds only, and so says what it has till then
    said, _ = process.communicate(timeout=60)
    return _read(said)


def _takes_interrupts(pid: int) -> bool:
    """Whether an interrupt would have it report; a wrk that is just beginning would die of it."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    caught = next(int(line.split()[1], 16) for line in lines if line.startswith("SigCgt:"))
    return bool(caught >> (signal.SIGINT - 1) & 1)


def _read(said: str) -> Measured:
    """What the script wrote; JSON's strings are Lua's as long as they are plain ASCII."""
    found = json.loads(next(line for line in said.splitlines() if line.startswith("FOUND ")).removeprefix("FOUND "))
    good = found["requests"] - found["refused"]
    return Measured(
        per_second=good / (found["microseconds"] / 1e6),
        p50_seconds=found["p50"] / 1e6,
        p99_seconds=found["p99"] / 1e6,
        answered=good,
        failed=found["refused"] + found["failed"],
    )
