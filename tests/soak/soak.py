"""Runs two replicas under traffic while everything around them breaks, and says on one page whether it mattered.

    python -m tests.soak.soak [--minutes 10] [--seed N] [--out FOLDER]

Two `imagegate serve` processes on one real Redis, with a pretend CometAPI: nothing leaves this machine. A report, its
picture and what they were made of go to the folder. Ends with 1 when a check failed, with 130 on Ctrl-C; no process is
left behind.
"""

import argparse
import asyncio
import json
import random
import shutil
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from tests.soak.checks import Check, judge
from tests.soak.facts import Facts
from tests.soak.plot import draw
from tests.soak.report import ROOT, write_report
from tests.soak.run import Plan, soak

REPORT = "report.md"
PICTURE = "run.png"
ANSWERS = "answers.jsonl"
FAULTS = "faults.jsonl"
"""Every exchange and every fault, for whoever has to find out why a check failed; beside them the replicas' logs."""
_LEAST_MINUTES = 1.0
"""In which everything can be broken once."""


def main() -> None:
    """Run, judge, tell."""
    given = _arguments()
    seed = random.SystemRandom().randrange(1_000_000) if given.seed is None else given.seed
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    print(f"seed {seed}, {given.minutes:g} minutes; Ctrl-C ends it", flush=True)
    plan = Plan(seed, given.minutes * 60, say=lambda text: print(text, flush=True))
    given.out.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="ig-soak-") as folder:
            facts = asyncio.run(soak(plan, Path(folder)))
            for log in Path(folder).glob("*.log"):
                shutil.copy(log, given.out)
    except KeyboardInterrupt:
        print("stopped; nothing was judged, and nothing is left running", flush=True)
        sys.exit(130)
    checks = judge(facts)
    keep(facts, checks, given.out, when)
    print()
    for check in checks:
        print(f"{'✓' if check.holds else '✗'} {check.what}: {check.found}")
    print(f"\n{given.out / REPORT}")
    sys.exit(0 if all(check.holds for check in checks) else 1)


def keep(facts: Facts, checks: list[Check], folder: Path, when: str) -> None:
    """Write the report, its picture and what they were made of."""
    draw(facts, folder / PICTURE)
    (folder / REPORT).write_text(write_report(facts, checks, when, PICTURE), encoding="utf-8")
    for name, found in ((ANSWERS, facts.answers), (FAULTS, facts.faults)):
        with (folder / name).open("w", encoding="utf-8") as lines:
            lines.writelines(json.dumps(asdict(one)) + "\n" for one in found)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.soak", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=_minutes, default=10.0, help="of traffic; 10 unless told otherwise")
    parser.add_argument("--seed", type=int, help="that says what is asked and what breaks; a new one unless given")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "soak", help="folder of the report")
    return parser.parse_args()


def _minutes(text: str) -> float:
    minutes = float(text)
    if minutes < _LEAST_MINUTES:
        raise argparse.ArgumentTypeError(f"at least {_LEAST_MINUTES}: everything has to be broken once")
    return minutes


if __name__ == "__main__":
    main()
