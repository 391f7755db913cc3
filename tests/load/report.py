"""The report of a measurement, in markdown that can be read as it stands; one file for each."""

from pathlib import Path

from tests.load import surroundings, table
from tests.load.contest import Findings
from tests.load.plan import BEFORE, KEPT, OURS, Plan

_RATIOS = "Medians of the ratios within a repetition. The first mark is for what must be, the second for what to reach."


def write_report(findings: Findings, plan: Plan) -> str:
    """Everything there is to say."""
    columns = findings.columns
    parts = [
        f"# Measured on {surroundings.today()}",
        surroundings.describe(plan.against, columns),
        f"Medians of {plan.repetitions} repetitions ({plan.crowd_repetitions} of crowds) of {plan.seconds:g} s.",
        "\n".join(table.noise_lines(findings)),
        "\n".join(f"**{sentence}**" for sentence in table.failures(findings)),
        "## Figures",
        table.markdown(table.figures_table(findings, plan.cases)),
    ]
    for column in (OURS, KEPT):
        others = [other for other in columns if other not in (OURS, KEPT)]
        if column in columns and others:
            lines = table.ratios_table(findings, plan.cases, column, others)
            parts += [f"## {column}, by others", _RATIOS, table.markdown(lines)]
    bounds = table.bounds_table(findings, [column for column in columns if column in (OURS, KEPT, BEFORE)])
    if len(bounds) > 1:
        parts += ["## Bounds", table.markdown(bounds)]
    return "\n\n".join(part for part in parts if part) + "\n"


def keep(report: str, folder: Path) -> Path:
    """Write it to a file of the day; what another of that day says stays."""
    folder.mkdir(exist_ok=True)
    names = (f"{surroundings.today()}{f'-{number}' if number > 1 else ''}.md" for number in range(1, 1000))
    path = next(folder / name for name in names if not (folder / name).exists())
    path.write_text(report, encoding="utf-8")
    return path
