"""A plugin of pytest: the properties of a run, each again and again until its share of the time is used up.

Each time a property draws anew. What becomes of it is written as lines of JSON to a pipe, and to nowhere else.
"""

import json
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long, and where to tell."""
    parser.addoption("--fuzz-seconds", type=float, default=0.0)
    parser.addoption("--fuzz-tell", type=int, default=2, help="a file descriptor")


def pytest_configure(config: pytest.Config) -> None:
    """Take the place of pytest's own loop."""
    config.pluginmanager.register(Rounds(config.getoption("--fuzz-seconds"), config.getoption("--fuzz-tell")))


class Rounds:
    """Runs every property until its share is used up, or it fails."""

    def __init__(self, seconds: float, tell: int) -> None:
        self._seconds = seconds
        self._tell = tell
        self._failures: list[str] = []

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep properties and the machines of them, whose test runs them itself."""
        items[:] = [item for item in items if item.get_closest_marker("hypothesis") or _runs_a_machine(item)]

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Item after item; those that need less than their share leave it to the others."""
        if session.testsfailed:
            self._say(test="collecting", failed=f"{session.testsfailed} errors")
            return True
        ends = time.monotonic() + self._seconds
        for at, item in enumerate(session.items):
            self._say(test=item.nodeid, begun=True)
            share = (ends - time.monotonic()) / (len(session.items) - at)
            runs = sum(1 for _ in self._runs(item, time.monotonic() + share))
            self._say(test=item.nodeid, runs=runs, failed="\n".join(self._failures))
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a failure says."""
        if report.failed:
            sections = "".join(f"\n{title}\n{text}" for title, text in report.sections)
            self._failures.append(report.longreprtext + sections)

    def _runs(self, item: pytest.Item, until: float) -> Iterator[None]:
        """One run after another; there is always a first."""
        self._failures.clear()
        last_seconds = 0.0
        while not last_seconds or (not self._failures and time.monotonic() + last_seconds / 2 < until):
            began = time.monotonic()
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            last_seconds = time.monotonic() - began
            yield

    def _say(self, **told: Any) -> None:
        os.write(self._tell, json.dumps(told).encode() + b"\n")


def _runs_a_machine(item: pytest.Item) -> bool:
    code = getattr(getattr(item, "obj", None), "__code__", None)
    return "run_state_machine_as_test" in getattr(code, "co_names", ())
