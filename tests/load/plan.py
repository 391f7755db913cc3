"""What a measurement is to be: which servers and cases, how often, how long; as the command line says it."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.load.answers import STANDARD, Menu
from tests.load.cases import CASES, Case
from tests.load.servers import ROOT

NGINX = "nginx"
OURS = "imagegate"
KEPT = "kept"
BEFORE = "before"
LITELLM = "LiteLLM"
PORTKEY = "Portkey"
COLUMNS = (NGINX, OURS, KEPT, BEFORE, LITELLM, PORTKEY)
"""The columns of the tables. ``kept`` is imagegate with `IMAGEGATE_RESULT_SECONDS` at its default."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    cases: Sequence[Case] = CASES
    columns: Sequence[str] = COLUMNS
    """Those that may take part; others than ours only where they are there."""
    against: Path | None = None
    """Another checkout of imagegate, which is the column ``before``."""
    menu: Menu = STANDARD
    repetitions: int = 5
    crowd_repetitions: int = 2
    seconds: float = 3.0
    """Of a burst."""
    warm_seconds: float = 1.0
    later_seconds: float = 20.0
    """After which memory is looked at again: what a crowd took should be given back by then."""


def read_plan(words: Sequence[str] | None = None) -> tuple[Plan, Path | None]:
    """The plan of a command line, and the folder its report goes to; None: it is only printed."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.bench", description="Compare imagegate with others.")
    add = parser.add_argument
    add("--quick", action="store_true", help="two repetitions of bursts of 1 s")
    add("--only", type=_words, metavar="CASES", help=f"of {','.join(case.name for case in CASES)}")
    add("--servers", type=_words, default=COLUMNS, help=f"of {','.join(COLUMNS)}; kept: with answers kept")
    add("--against", type=Path, metavar="CHECKOUT", help="another imagegate, as the column `before`")
    add("--repetitions", type=int)
    add("--seconds", type=float, help="of a burst")
    add("--results", type=Path, default=ROOT / "results", metavar="FOLDER", help="where the report is written")
    add("--no-file", action="store_true", help="only print it")
    given = parser.parse_args(words)
    for asked, known in ((given.only or (), [case.name for case in CASES]), (given.servers, COLUMNS)):
        if strange := set(asked).difference(known):
            parser.error(f"{', '.join(sorted(strange))}: not of {', '.join(known)}")
    repetitions = given.repetitions or (2 if given.quick else 5)
    plan = Plan(
        cases=[case for case in CASES if not given.only or case.name in given.only],
        columns=given.servers,
        against=given.against.resolve() if given.against else None,
        repetitions=repetitions,
        crowd_repetitions=min(2, repetitions),
        seconds=given.seconds or (1.0 if given.quick else 3.0),
    )
    return plan, None if given.no_file else given.results


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(","))
