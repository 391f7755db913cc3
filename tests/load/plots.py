"""Draws what was measured on the axes of growth: medians as lines, the span of the repetitions as bars."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from tests.load.plots_panels import PICTURES, Panel, Picture

_COLOURS = ("#1f5fa8", "#d2691e", "#2e8b57")
_PANEL_INCHES = (3.7, 2.7)
_DOTS_PER_INCH = 110


def draw(axes: Mapping[str, Any], folder: Path) -> list[Path]:
    """Draw every picture of which all was measured; gives where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    with _style():
        for picture in PICTURES:
            if all(panel.axis in axes for row in picture.rows for panel in row):
                path = folder / f"{picture.name}.png"
                # Without the version of matplotlib in it: the same figures give the same bytes.
                _figure(picture, axes).savefig(path, dpi=_DOTS_PER_INCH, metadata={"Software": None})
                drawn.append(path)
    return drawn


def _style() -> AbstractContextManager[None]:
    return mpl.rc_context(
        {
            "font.size": 9,
            "font.family": "DejaVu Sans",  # comes with matplotlib, so pictures look alike everywhere
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
    )


def _figure(picture: Picture, axes: Mapping[str, Any]) -> Figure:
    columns = len(picture.rows[0])
    width, height = _PANEL_INCHES
    figure = Figure(figsize=(width * columns, height * len(picture.rows)), layout="constrained")
    places = figure.subplots(len(picture.rows), columns, squeeze=False)
    for row, panels in zip(places, picture.rows, strict=True):
        for place, panel in zip(row, panels, strict=True):
            _panel(place, panel, axes[panel.axis]["points"])
    return figure


def _panel(place: Axes, panel: Panel, points: Sequence[Mapping[str, Any]]) -> None:
    for number in range(len(panel.lines)):
        _line(place, panel, number, points)
    place.set_title(panel.title)
    place.set_xlabel(panel.x_label)
    place.set_ylabel(panel.y_label)
    if panel.names:
        place.set_xticks(range(len(panel.names)), panel.names)
        place.grid(visible=False, axis="x")
    else:
        _scale(place, panel, points)
    if panel.is_log_y:
        place.set_yscale("log")
        place.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        place.yaxis.set_minor_formatter(NullFormatter())
    else:
        place.set_ylim(bottom=0, top=max(panel.y_at_least, place.get_ylim()[1] * 1.08))
    place.yaxis.set_major_formatter(FuncFormatter(_short))
    if len(panel.lines) > 1 and panel.names:
        place.legend(fontsize=8, loc="lower right", bbox_to_anchor=(1, 0.98), ncols=2)  # bars leave no room below
    elif len(panel.lines) > 1:
        place.legend(fontsize=8)


def _scale(place: Axes, panel: Panel, points: Sequence[Mapping[str, Any]]) -> None:
    if panel.is_log_x:
        place.set_xscale("log")
        place.set_xticks([point["at"] for point in points])
        place.minorticks_off()
    place.xaxis.set_major_formatter(FuncFormatter(_short))


def _line(place: Axes, panel: Panel, number: int, points: Sequence[Mapping[str, Any]]) -> None:
    line, colour = panel.lines[number], _COLOURS[number]
    found = [(point["at"], point["figures"].get(line.figure)) for point in points]
    last = 1 if line.is_first_only else None
    seen = [(at, [figure * line.factor for figure in figures[:last]]) for at, figures in found if figures]
    at, middle = [at for at, _ in seen], [median(figures) for _, figures in seen]
    below = [median(figures) - min(figures) for _, figures in seen]
    above = [max(figures) - median(figures) for _, figures in seen]
    span = [below, above]
    if panel.names:
        width = 0.55 / len(panel.lines)
        beside = [where + (number - (len(panel.lines) - 1) / 2) * width for where in at]
        place.bar(beside, middle, width, color=colour, yerr=span, ecolor="#555555", capsize=3, label=line.label)
    else:
        place.errorbar(
            at,
            middle,
            yerr=span,
            color=colour,
            marker="o",
            markersize=4,
            label=line.label,
            ecolor=colour,
            elinewidth=0.8,
            capsize=2,
        )
    for nowhere in (at for at, figures in found if not figures):
        place.text(nowhere, 0, " no answer", color=colour, ha="center", va="bottom", rotation=90, fontsize=8)


def _short(number: float, _: int) -> str:
    """1,000 as 1k, 1,000,000 as 1M."""
    for factor, letter in ((1e6, "M"), (1e3, "k")):
        if abs(number) >= factor:
            return f"{number / factor:g}{letter}"
    return f"{number:g}"
