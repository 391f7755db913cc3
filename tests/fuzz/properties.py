"""Every property test of the repository, again and again, in a few processes of pytest that share the time."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

from tests.fuzz.finding import Finding
from tests.house.tree import ROOT, TESTS

EXAMPLES = "100"
"""Of each run of a property that does not say itself how many: enough to be worth its fixtures."""

LEAST_SECONDS = 330
"""More than its time a process gets: pytest starts, and Hypothesis makes a failing example smaller for five minutes."""

Tell = Callable[[str], None]


def property_files(folder: Path = TESTS) -> list[Path]:
    """The files that have properties, or machines of them."""
    files = [path for path in sorted(folder.rglob("test_*.py")) if path.parent != Path(__file__).parent]
    found = [path for path in files if _has_properties(path.read_text(encoding="utf-8"))]
    assert found, f"no property test under {folder}"
    return found


def _has_properties(text: str) -> bool:
    return "\n@given(" in text or "run_state_machine_as_test(" in text


def fuzz_properties(files: Iterable[Path], seconds: float, lanes: int, tell: Tell) -> list[Finding]:
    """Share the files between so many processes; what failed."""
    files = list(files)
    shares = [part for at in range(lanes) if (part := files[at::lanes])]
    with ThreadPoolExecutor(len(shares)) as pool:
        found = list(pool.map(lambda part: run(part, seconds, tell), shares))
    return [finding for findings in found for finding in findings]


def run(files: Sequence[Path], seconds: float, tell: Tell, options: Sequence[str] = ()) -> list[Finding]:
    """One process for these files."""
    reading, writing = os.pipe()
    command = [
        *(sys.executable, "-m", "pytest", *map(str, files), "-p", "tests.fuzz.rounds"),
        *("-p", "no:cacheprovider", "--tb=short", "--hypothesis-profile=fuzz", *options),
        *("--fuzz-seconds", str(seconds), "--fuzz-tell", str(writing)),
    ]
    surroundings = {name: value for name, value in os.environ.items() if name != "CI"}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=surroundings | {"FUZZ_EXAMPLES": EXAMPLES},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=[writing],
        text=True,
    )
    os.close(writing)
    # It ends with its process, and so does the reading of what it tells.
    watchdog = threading.Timer(seconds + LEAST_SECONDS, process.kill)
    watchdog.start()
    with os.fdopen(reading, encoding="utf-8") as told:
        findings, last = _read(told, tell)
    _, said = process.communicate()
    watchdog.cancel()
    if process.returncode < 0:
        findings.append(Finding(last, f"did not end, or brought pytest down: {process.returncode}", _again(last)))
    elif not last:
        findings.append(Finding("pytest", said, " ".join(command)))
    return findings


def _read(lines: IO[str], tell: Tell) -> tuple[list[Finding], str]:
    """What a process tells while it runs: what failed, and the test that was the last to begin."""
    findings, last = [], ""
    for line in lines:
        told: dict[str, Any] = json.loads(line)
        last = told["test"]
        if "begun" in told:
            continue
        if told["failed"]:
            findings.append(Finding(last, told["failed"], _again(last)))
        tell(f"{last}: {told.get('runs', 0)} runs{', FAILED' if told['failed'] else ''}")
    return findings, last


def _again(test: str) -> str:
    """The example is kept in .hypothesis, and tried first."""
    return f"FUZZ_EXAMPLES={EXAMPLES} python -m pytest --hypothesis-profile=fuzz '{test}'"
