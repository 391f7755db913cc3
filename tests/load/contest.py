"""The measurement itself: every server in turn, burst by burst, each alone on its core."""

import itertools
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.load.cases import Case, Crowd
from tests.load.noise import Noise, NoiseMeter
from tests.load.plan import Plan
from tests.load.process import drain
from tests.load.servers import Server, Upstream, ask_once


@dataclass(frozen=True, slots=True)
class Contestant:
    """A column of the table."""

    name: str
    plain: Server
    tls: Server | None = None
    """The same over an upstream with TLS, where that is measured."""
    is_kept: bool = False
    """It keeps answers, and takes part where that matters."""
    is_slow: bool = False
    """It has more time for large answers, or its figures would be of one or two; and meets each crowd once only."""

    def server(self, case: Case) -> Server | None:
        """Who is asked in a case; None: it takes no part."""
        if self.is_kept and not case.is_kept:
            return None
        return self.tls if case.tls else self.plain


@dataclass(slots=True)
class Findings:
    """Figures by row and column, one of each repetition; memory in bytes, time in seconds."""

    columns: Sequence[str]
    """Everyone who took part, from left to right."""
    figures: dict[tuple[str, str], dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    failed: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    """Requests that were not answered with a 200, by case and column, all repetitions together."""
    unable: set[tuple[str, str]] = field(default_factory=set)
    """Cases a server answers nothing to, by case and column: it was not measured there."""
    noise: list[Noise] = field(default_factory=list)

    def add(self, row: str, column: str, repetition: int, figure: float) -> None:
        """Keep a figure."""
        self.figures[row, column][repetition] = figure

    def median(self, row: str, column: str) -> float | None:
        """Of all repetitions; None: not measured."""
        found = self.figures.get((row, column))
        return statistics.median(found.values()) if found else None

    def ratio(self, row: str, column: str, other: str) -> float | None:
        """One column's figure by another's: the median of the ratios within a repetition."""
        ours, theirs = self.figures.get((row, column), {}), self.figures.get((row, other), {})
        both = [ours[at] / theirs[at] for at in ours.keys() & theirs.keys() if theirs[at] > 0]
        return statistics.median(both) if both else None


@dataclass(frozen=True, slots=True)
class Contest:
    """Who is asked, for what, and how."""

    contestants: Sequence[Contestant]
    plan: Plan
    upstream: Upstream
    folder: Path
    core: int
    tell: Callable[[str], None]
    """Says what is going on."""

    def run(self) -> Findings:
        """Every case of every contestant; crowds, which need minutes, come last and less often."""
        findings = Findings([one.name for one in self.contestants])
        crowds = [case for case in self.plan.cases if isinstance(case, Crowd)]
        others = [case for case in self.plan.cases if not isinstance(case, Crowd)]
        self._warm_up(others, findings)
        self._rounds(others, self.plan.repetitions, findings)
        self._rounds(crowds, self.plan.crowd_repetitions, findings)
        if crowds:
            self._look_again(crowds[-1], findings)
        return findings

    def _rounds(self, cases: Sequence[Case], number: int, findings: Findings) -> None:
        """So many repetitions of some cases."""
        processes = list({server.process for one in self.contestants for server in (one.plain, one.tls) if server})
        for repetition in range(number if cases else 0):
            meter = NoiseMeter(self.core, processes)
            for case in cases:
                self._in_turn(case, repetition, findings)
            findings.noise.append(meter.heard())

    def _warm_up(self, cases: Sequence[Case], findings: Findings) -> None:
        """Nobody's first connections, imports and caches are measured."""
        for case, contestant in itertools.product(cases, self.contestants):
            if server := contestant.server(case):
                self.tell(f"warming up: {case.name}, {contestant.name}")
                try:
                    ask_once(server, self.upstream.menu.request(case.answer, server.model))
                except RuntimeError:
                    findings.unable.add((case.name, contestant.name))
                else:
                    case.take(server, self.upstream.menu, self.folder, self.plan.warm_seconds)

    def _in_turn(self, case: Case, repetition: int, findings: Findings) -> None:
        """One burst at each; who is first changes from repetition to repetition."""
        first = repetition % len(self.contestants)
        for contestant in (*self.contestants[first:], *self.contestants[:first]):
            if isinstance(case, Crowd) and repetition and contestant.is_slow:
                continue
            server = contestant.server(case)
            if server and (case.name, contestant.name) not in findings.unable:
                self.tell(f"repetition {repetition + 1}: {case.name}, {contestant.name}")
                self._burst(case, contestant, server, repetition, findings)

    def _burst(self, case: Case, contestant: Contestant, server: Server, repetition: int, findings: Findings) -> None:
        """One burst at one server, and what it left behind worked off."""
        column = contestant.name
        seconds = self.plan.seconds * (case.longer_for_slow if contestant.is_slow else case.longer)
        before, used_before = server.process.resident_bytes(), server.process.cpu_seconds()
        server.process.forget_most()
        taken = case.take(server, self.upstream.menu, self.folder, seconds)
        most = server.process.most_resident_bytes()
        drain([server.process, self.upstream.process])
        for row, figure in taken.figures.items():
            findings.add(row.name, column, repetition, figure)
        findings.failed[case.name, column] += taken.failed
        if taken.answered:
            used = server.process.cpu_seconds() - used_before
            findings.add(f"{case.name} CPU", column, repetition, used / taken.answered)
        findings.add(f"{case.name} memory before", column, repetition, before)
        findings.add(f"{case.name} memory", column, repetition, most)
        findings.add(f"{case.name} memory growth", column, repetition, most - before)

    def _look_again(self, case: Case, findings: Findings) -> None:
        """What memory is left when the last crowd has been gone for a while."""
        self.tell(f"memory after {self.plan.later_seconds:g} s")
        time.sleep(self.plan.later_seconds)
        for contestant in self.contestants:
            if server := contestant.server(case):
                findings.add(f"{case.name} memory later", contestant.name, 0, server.process.resident_bytes())
                before = findings.figures[f"{case.name} memory before", contestant.name][0]
                findings.add(f"{case.name} memory left", contestant.name, 0, server.process.resident_bytes() / before)
