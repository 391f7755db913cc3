"""Measures how cost grows, and draws it: `docs/performance/*.png`, from figures in `build/scale.json`.

    python -m tests.load.scale [--quick] [--axis NAME …] [--largest N] [--draw]

On every axis the points are measured in turn, in short bursts; a point is the median of its repetitions. The gateway
has one core, everything else shares another.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from tests.load.plots import draw
from tests.load.scale_axes import connections, expired_holds, limits, replicas, sizes
from tests.load.scale_growth import growth
from tests.load.scale_menu import MENU
from tests.load.scale_points import Plan, Point, Setting
from tests.load.servers import ROOT, canned_upstream, scratch_folder, settle_in
from tests.load.surroundings import describe

WHOLE: Final = Plan(repetitions=3, seconds=2, longer_seconds=5, largest=1_000_000, batch=300)
QUICK: Final = Plan(repetitions=1, seconds=1, longer_seconds=2, largest=1_000, batch=50)
AXES: Final[dict[str, Callable[[Setting], list[Point]]]] = {
    "connections": connections,
    "sizes": sizes,
    "limits": limits,
    "replicas": replicas,
    "expired_holds": expired_holds,
    "teams": lambda setting: growth("teams", setting),
    "keys": lambda setting: growth("keys", setting),
    "entries": lambda setting: growth("entries", setting),
}
FIGURES: Final = ROOT / "build" / "scale.json"
PICTURES: Final = ROOT / "docs" / "performance"


def measure(axes: list[str], plan: Plan) -> list[str]:
    """Measure these axes, each of which replaces what the file of figures has of it; gives those that went wrong."""
    cores = settle_in()
    FIGURES.parent.mkdir(exist_ok=True)
    found = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {"axes": {}}
    failed = []
    for axis in axes:
        began = time.monotonic()
        print(axis, flush=True)
        try:
            with scratch_folder() as folder, canned_upstream(folder, cores, MENU) as upstream:
                points = AXES[axis](Setting(folder, cores, upstream, plan))
        except RuntimeError as error:
            print(f"  {error}", flush=True)
            failed.append(axis)
            continue
        found["axes"][axis] = {
            "made": time.strftime("%Y-%m-%d"),
            "plan": asdict(plan),
            "points": [asdict(point) for point in points],
        }
        found["surroundings"] = describe()
        FIGURES.write_text(json.dumps(found, indent=1), encoding="utf-8")
        print(f"  measured in {time.monotonic() - began:.0f} s", flush=True)
    return failed


def main() -> None:
    """Measure and draw."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.scale", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short burst for each point, nothing beyond 1,000")
    parser.add_argument("--axis", action="append", choices=tuple(AXES), help="only this one; may be given again")
    parser.add_argument("--largest", type=int, help="fill Redis up to so many at most")
    parser.add_argument("--draw", action="store_true", help="only draw what was measured")
    parser.add_argument("--pictures", type=Path, default=PICTURES, help="where they go (docs/performance)")
    given = parser.parse_args()
    failed = []
    if not given.draw:
        plan = QUICK if given.quick else WHOLE
        failed = measure(given.axis or list(AXES), replace(plan, largest=given.largest or plan.largest))
    for picture in draw(json.loads(FIGURES.read_text(encoding="utf-8"))["axes"], given.pictures):
        print(picture)
    if failed:
        raise SystemExit(f"not measured: {', '.join(failed)}")


if __name__ == "__main__":
    main()
