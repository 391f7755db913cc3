"""The tables of a measurement: every figure, and how ours stand to the others and to the targets."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from tests.load.cases import Case, Crowd, Pace, Row
from tests.load.contest import Findings
from tests.load.plan import LITELLM, NGINX, OURS, PORTKEY


@dataclass(frozen=True, slots=True)
class Target:
    """What a ratio must be, and what it may become."""

    row: str
    other: str
    must: float
    reach: float
    more_is_better: bool = True

    def is_met(self, ratio: float, value: float) -> bool:
        """Whether the ratio is as good as that value."""
        return ratio >= value if self.more_is_better else ratio <= value


@dataclass(frozen=True, slots=True)
class Bound:
    """What a figure of ours must be, whatever others do."""

    row: str
    title: str
    must: float
    reach: float | None
    form: str
    factor: float = 1.0


TARGETS = (
    Target("S", NGINX, 0.05, 0.10),
    Target("S", LITELLM, 35, 60),
    Target("S", PORTKEY, 7, 14),
    Target("M", NGINX, 0.50, 0.85),
    Target("M", LITELLM, 12, 19),
    Target("M", PORTKEY, 18, 30),
    Target("L", NGINX, 0.50, 0.70),
    Target("L", LITELLM, 12, 19),
    Target("L", PORTKEY, 30, 50),
    Target("S1", NGINX, 11, 6, more_is_better=False),
    Target("S1", LITELLM, 1 / 20, 1 / 45, more_is_better=False),
    Target("S1", PORTKEY, 1 / 2.5, 1 / 5, more_is_better=False),
    Target("1000 wall", NGINX, 8 / 7.6, 1.0, more_is_better=False),
    Target("L memory", LITELLM, 0.12, 0.09, more_is_better=False),
)
_MEGABYTE = 1e-6
_QUIET_PERCENT = 10.0
BOUNDS = (
    Bound("L memory", "most memory during L, MB", 100e6, 70e6, "{:,.0f}", _MEGABYTE),
    Bound("1000 memory growth", "memory a crowd of 1000 adds, MB", 200e6, None, "{:,.0f}", _MEGABYTE),
    Bound("1000 memory left", "memory 20 s after it, of that before", 1.2, None, "{:.2f}"),
)


def figures_table(findings: Findings, cases: Sequence[Case]) -> list[list[str]]:
    """Absolute figures, medians over repetitions; a `!` says that not everything was answered."""
    columns = findings.columns
    lines = [["", *columns]]
    for case in cases:
        for row in _all_rows(case):
            cells = [_cell(findings, case, row, column) for column in columns]
            if any(cells):
                lines.append([f"{row.title}, {row.unit}" if row.unit else row.title, *cells])
    return lines


def failures(findings: Findings) -> list[str]:
    """A sentence for each case and server that did not answer everything."""
    return [
        f"{column} did not answer {number:,} requests of {case} with a 200."
        for (case, column), number in findings.failed.items()
        if number
    ]


def ratios_table(findings: Findings, cases: Sequence[Case], column: str, others: Sequence[str]) -> list[list[str]]:
    """What a column's figures are by those of others; ours with the targets, and whether must and reach are met."""
    lines = [["", *(f"by {other}" for other in others)]]
    for case in cases:
        for row in _all_rows(case):
            cells = [_ratio_cell(findings, case, row, column, other) for other in others]
            if any(cells):
                lines.append([row.title, *cells])
    return lines


def bounds_table(findings: Findings, columns: Sequence[str]) -> list[list[str]]:
    """What must hold for ours, whatever others do."""
    lines = [["", "must", *columns]]
    for bound in BOUNDS:
        cells = [_bound_cell(findings, bound, column) for column in columns]
        if any(cells):
            lines.append([bound.title, f"≤ {bound.form.format(bound.must * bound.factor)}", *cells])
    return lines


def noise_lines(findings: Findings) -> list[str]:
    """How quiet it was."""
    loops = [noise.calibration_seconds * 1e3 for noise in findings.noise]
    steals = [noise.steal_share * 100 for noise in findings.noise]
    foreign = [noise.foreign_share * 100 for noise in findings.noise]

    def spread(values: list[float]) -> str:
        return f"{min(values):.1f} / {statistics.median(values):.1f} / {max(values):.1f}"

    lines = [
        f"Calibration loop before each repetition, least / median / most: {spread(loops)} ms.",
        f"Time stolen by the machine underneath: {spread(steals)} %.",
        f"Time of the measured core that went to programs which are not measured: {spread(foreign)} %.",
    ]
    if max(foreign) > _QUIET_PERCENT:
        lines.append("**The machine was busy with other things: measure again when it is not.**")
    return lines


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """A table that can be read as it stands, too."""
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]

    def write(line: Sequence[str]) -> str:
        cells = [
            line[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)),
        ]
        return f"| {' | '.join(cells)} |"

    return "\n".join(write(line) for line in (lines[0], rule, *lines[1:]))


def _all_rows(case: Case) -> tuple[Row, ...]:
    """The figures of a case, and what it took: CPU for each answer, memory."""

    def megabytes(name: str, title: str) -> Row:
        return Row(f"{case.name} {name}", f"{case.name}{title}", "MB", "{:,.0f}", _MEGABYTE, more_is_better=False)

    cpu = Row(f"{case.name} CPU", f"{case.name}, CPU of an answer", "ms", "{:,.2f}", 1e3, more_is_better=False)
    most = megabytes("memory", ", most memory")
    match case:
        case Crowd():
            before, later = (
                megabytes("memory before", ", memory before"),
                megabytes("memory later", ", memory 20 s later"),
            )
            return (*case.rows, cpu, before, most, later)
        case Pace():
            return case.rows
        case _:
            return (*case.rows, cpu, most)


def _cell(findings: Findings, case: Case, row: Row, column: str) -> str:
    figure = findings.median(row.name, column)
    if figure is None:
        return "cannot" if (case.name, column) in findings.unable else ""
    return row.show(figure) + (" !" if findings.failed[case.name, column] and row in case.rows else "")


def _ratio_cell(findings: Findings, case: Case, row: Row, column: str, other: str) -> str:
    ratio = findings.ratio(row.name, column, other)
    if ratio is None:
        return ""
    said = f"{_written(ratio)} x"
    target = next((each for each in TARGETS if (each.row, each.other) == (row.name, other)), None)
    if target is None or column != OURS:
        return said
    is_whole = not findings.failed[case.name, column]  # who refuses is soon done
    sign = "≥" if target.more_is_better else "≤"
    marks = "".join(_mark(is_whole and target.is_met(ratio, value)) for value in (target.must, target.reach))
    return f"{said} (must {sign} {_written(target.must)}, reach {_written(target.reach)}) {marks}"


def _bound_cell(findings: Findings, bound: Bound, column: str) -> str:
    figure = findings.median(bound.row, column)
    if figure is None:
        return ""
    said = bound.form.format(figure * bound.factor)
    if column != OURS:
        return said
    is_whole = not findings.failed[bound.row.partition(" ")[0], column]
    return f"{said} {_mark(is_whole and figure <= bound.must)}"


def _mark(is_met: bool) -> str:
    return "✓" if is_met else "✗"


def _written(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.3g}"
