"""The measurement of speed measures: every figure it promises is there; and what it compares with is locked."""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.house.test_locks import lock_faults
from tests.house.tree import ROOT
from tests.load.answers import EVENTS, LARGE, MEDIUM, SLOW, SMALL, STANDARD, Menu, picture_answer, stream_answer
from tests.load.bench import measure
from tests.load.cases import CASES, Crowd, crowd
from tests.load.contest import Findings
from tests.load.plan import KEPT, NGINX, OURS, Plan, read_plan
from tests.load.report import keep, write_report
from tests.load.table import failures, figures_table, ratios_table

PEERS = ROOT / "tests" / "load" / "peers"
MENU = Menu(
    (
        SMALL,
        replace(MEDIUM, body=picture_answer(20_000)),
        replace(LARGE, body=picture_answer(100_000)),
        replace(EVENTS, body=stream_answer(4, 2_000)),
        replace(SLOW, body=picture_answer(20_000), slow_seconds=0.1),
    )
)
"""Smaller than the real ones, so that a busy machine gets some of them in a moment."""
PLAN = Plan(
    cases=(*(case for case in CASES if not isinstance(case, Crowd)), crowd(8, is_kept=True)),
    columns=(NGINX, OURS, KEPT),
    menu=MENU,
    repetitions=1,
    crowd_repetitions=1,
    seconds=0.25,
    warm_seconds=0.05,
    later_seconds=0.0,
)


@pytest.fixture
def own_cores() -> Iterator[None]:
    """Gives this process its cores back, of which a measurement takes all but one."""
    cores = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, cores)


@pytest.mark.slow
@pytest.mark.usefixtures("own_cores")
def test_every_figure_is_there(tmp_path: Path) -> None:
    """A very short measurement fills every cell, has no request unanswered, and stands in a report of the day."""
    findings = measure(PLAN)
    report = write_report(findings, PLAN)

    assert failures(findings) == []
    figures = figures_table(findings, PLAN.cases)
    assert figures[0] == ["", NGINX, OURS, KEPT]
    assert [line for line in figures[1:] if not all(map(_is_number, line[1:3]))] == []
    kept = {line[0] for line in figures[1:] if _is_number(line[3])}
    assert {"M (2.1 MB), 8 connections, a second", "8 in flight, answered"} <= kept
    assert "8 in flight, answered" in {line[0] for line in ratios_table(findings, PLAN.cases, OURS, [NGINX])}
    assert [keep(report, tmp_path).stem[10:], keep(report, tmp_path).stem[10:]] == ["", "-2"]


def _is_number(cell: str) -> bool:
    """Whether it is one; how large is the machine's affair."""
    return re.fullmatch(r"[\d,.]+", cell) is not None


def test_a_failure_is_loud() -> None:
    """A figure made of refusals is marked, and a sentence says how many there were."""
    case = CASES[0]
    findings = Findings([OURS])
    findings.add("S", OURS, 0, 1000.0)
    findings.failed["S", OURS] = 7

    assert failures(findings) == ["imagegate did not answer 7 requests of S with a 200."]
    assert figures_table(findings, [case])[1][1] == "1,000 !"


def test_who_refuses_meets_no_target() -> None:
    """Refusals are quick: a ratio made of them is not counted as good enough."""
    findings = Findings([NGINX, OURS])
    for column, wall in ((NGINX, 7.6), (OURS, 0.1)):
        findings.add("1000 wall", column, 0, wall)
    crowds = [case for case in CASES if case.name == "1000"]
    assert ratios_table(findings, crowds, OURS, [NGINX])[1][1].endswith("✓✓")

    findings.failed["1000", OURS] = 998
    assert ratios_table(findings, crowds, OURS, [NGINX])[1][1].endswith("✗✗")


def test_ratios_are_of_one_repetition() -> None:
    """A machine that is twice as slow in one repetition changes the figures, not their ratio."""
    findings = Findings([NGINX, OURS])
    for repetition, speed in enumerate((100.0, 50.0, 25.0)):
        findings.add("M", NGINX, repetition, speed)
        findings.add("M", OURS, repetition, speed / 2)

    assert findings.ratio("M", OURS, NGINX) == 0.5
    assert findings.median("M", OURS) == 25.0


@pytest.mark.parametrize("name", [answer.name for answer in STANDARD.answers])
def test_a_request_gets_its_answer(name: str) -> None:
    """The size of a request's body is of one answer only, also when a gateway on the way adds or takes something."""
    body = len(STANDARD.request(name))

    for size in (body - 40, body, body + 40):
        found = [answer.name for pattern, answer in STANDARD.patterns().items() if re.match(pattern, str(size))]
        assert found == [name]


def test_a_case_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt case measures nothing for minutes otherwise."""
    with pytest.raises(SystemExit):
        read_plan(["--only", "S,XL"])
    assert "XL: not of S, S1" in capsys.readouterr().err


def test_the_other_gateways_are_locked() -> None:
    """Whoever compares installs what was compared with, from wherever the machine's pip and npm are told to."""
    assert list(lock_faults((PEERS / "requirements-litellm.txt").read_text(encoding="utf-8"))) == []
    text = (PEERS / "package-lock.json").read_text(encoding="utf-8")
    assert '"integrity": "sha512-' in text
    assert '"resolved"' not in text
