"""Draws a soak run over time: answers a second by class, the memory of both replicas, what was broken when."""

from collections import Counter
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from tests.soak.facts import Answer, Facts, Kind

_CLASSES = {
    "answered": "#2e8b57",
    "refused by a limit": "#c9b458",
    "a fault told": "#d2691e",
    "broken off": "#b22222",
    "nobody listened": "#b9b9b9",
}
_REPLICAS = ("#1f5fa8", "#8a5fb5")
_SHADE = "#f3e3e0"
_DOTS_PER_INCH = 110


def draw(facts: Facts, path: Path) -> None:
    """Write the picture."""
    style: Any = {  # matplotlib's stubs take its names as literals only
        "font.size": 9,
        "font.family": "DejaVu Sans",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": 10,
        "axes.titlelocation": "left",
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": "#e4e4e4",
        "grid.linewidth": 0.7,
        "legend.frameon": False,
        "figure.facecolor": "white",
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=(10, 7.2), layout="constrained")
        rate, memory, faults = figure.subplots(3, 1, sharex=True, height_ratios=(3, 2.4, 1.7))
        _rates(rate, facts)
        _memory(memory, facts)
        _faults(faults, facts)
        faults.set_xlim(0, facts.seconds)
        faults.xaxis.set_major_formatter(FuncFormatter(_minutes))
        faults.set_xlabel("minutes of the run")
        figure.savefig(path, dpi=_DOTS_PER_INCH, metadata={"Software": None})


def _rates(place: Axes, facts: Facts) -> None:
    width = max(1.0, facts.seconds / 120)
    number = int(facts.seconds / width) + 1
    at = [width * (index + 0.5) for index in range(number)]
    below = [0.0] * number
    for name, colour in _CLASSES.items():
        counts = Counter(
            min(int((one.at_seconds + one.seconds) / width), number - 1) for one in facts.answers if _class(one) == name
        )
        heights = [counts[index] / width for index in range(number)]
        place.bar(at, heights, width, bottom=below, color=colour, label=name, linewidth=0)
        below = [low + height for low, height in zip(below, heights, strict=True)]
    _shade(place, facts)
    place.set_title("Answers a second (shaded: Redis or the upstream is away)")
    place.set_ylim(bottom=0, top=max(below) * 1.25)
    place.legend(ncols=len(_CLASSES), loc="upper right", fontsize=8)


def _memory(place: Axes, facts: Facts) -> None:
    names = sorted({one.replica for one in facts.samples})
    for name, colour in zip(names, _REPLICAS, strict=False):
        found = [one for one in facts.samples if one.replica == name]
        for life in sorted({one.life for one in found}):
            line = [(one.at_seconds, one.resident_bytes / 1e6) for one in found if one.life == life]
            label = f"replica {name}" if life == found[0].life else None
            place.plot(*zip(*line, strict=True), color=colour, linewidth=1.3, label=label)
    _shade(place, facts)
    place.set_title("Memory of the replicas, MB (a gap: killed or stopped, and started again)")
    place.set_ylim(bottom=0, top=max((one.resident_bytes for one in facts.samples), default=1) / 1e6 * 1.35)
    place.legend(ncols=2, loc="upper right", fontsize=8)


def _faults(place: Axes, facts: Facts) -> None:
    kinds = list(reversed(Kind))
    for fault in facts.faults:
        row = kinds.index(fault.kind)
        colour = _REPLICAS[fault.replica == "two"] if fault.replica else "#b22222"
        length = max(fault.until_seconds - fault.at_seconds, facts.seconds / 300)
        place.barh(row, length, left=fault.at_seconds, height=0.55, color=colour, linewidth=0)
    place.set_yticks(range(len(kinds)), [str(kind) for kind in kinds])
    place.set_ylim(-0.6, len(kinds) - 0.4)
    place.set_title("What was broken, until it was mended")
    place.grid(visible=False, axis="y")


def _shade(place: Axes, facts: Facts) -> None:
    """When everybody was struck: Redis or the upstream was away."""
    for fault in facts.faults:
        if not fault.replica:
            place.axvspan(fault.at_seconds, fault.until_seconds, color=_SHADE, zorder=0, linewidth=0)


def _class(answer: Answer) -> str:
    if answer.ended in ("left", "whole") and answer.status < 429:
        return "answered" if answer.status or answer.ended == "whole" else "left"
    if answer.ended == "no connection":
        return "nobody listened"
    if answer.ended != "whole":
        return "broken off"
    return "refused by a limit" if answer.status == 429 else "a fault told"


def _minutes(seconds: float, _: int) -> str:
    return f"{int(seconds // 60)}:{int(seconds % 60):02}"
