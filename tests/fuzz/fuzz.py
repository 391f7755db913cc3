"""Looks for what breaks parsers, money and both doors, for as long as it is given: ``make fuzz``.

Four parts share the time: the property tests of the repository with new seeds and many more examples; both doors under
schemathesis; a gateway among clients, and then before an upstream, whose messages are changed. What is found is printed
with the way to see it again, and the exit status is 1.
"""

import argparse
import asyncio
import logging
import os
import sys
import time
from collections.abc import Callable

from tests.fuzz.clients import fuzz_clients
from tests.fuzz.doors import fuzz_doors
from tests.fuzz.finding import Finding
from tests.fuzz.properties import fuzz_properties, property_files
from tests.fuzz.upstream import fuzz_upstream

Tell = Callable[[str], None]

MOST_LANES = 4


def _properties(seconds: float, tell: Tell) -> list[Finding]:
    lanes = min(MOST_LANES, os.cpu_count() or 1)
    return fuzz_properties(property_files(), seconds, lanes, tell)


PARTS: dict[str, tuple[float, Callable[[float, Tell], list[Finding]]]] = {
    "properties": (0.55, _properties),
    "doors": (0.25, lambda seconds, tell: asyncio.run(fuzz_doors(seconds, tell))),
    "clients": (0.1, lambda seconds, tell: asyncio.run(fuzz_clients(seconds, tell))),
    "upstream": (0.1, lambda seconds, tell: asyncio.run(fuzz_upstream(seconds, tell))),
}
"""Each part's share of the time, and how it is run."""


def main(words: list[str] | None = None) -> int:
    """Run the parts that are asked for; 1 if any of them found something."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="for all parts together (default: 5)")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part alone; may be given again")
    asked = parser.parse_args(words)
    logging.getLogger().addHandler(logging.NullHandler())  # what matters of it is watched (tests/fuzz/watch.py)
    chosen = {name: PARTS[name] for name in asked.only or PARTS}
    whole = sum(share for share, _ in chosen.values())
    started = time.monotonic()
    findings: list[Finding] = []
    for name, (share, fuzz) in chosen.items():
        seconds = asked.minutes * 60 * share / whole
        _tell(f"== {name}, {seconds:.0f} s")
        findings += fuzz(seconds, _tell)
    _tell(f"== {len(findings)} found in {time.monotonic() - started:.0f} s")
    for finding in findings:
        _tell(f"\n{finding}")
    return 1 if findings else 0


def _tell(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
