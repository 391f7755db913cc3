"""Says where the gateway's CPU goes under a load: by package, by room of ours, by function.

    python -m tests.load.profile [--case S|M|L] [--seconds 5] [--no-native]

py-spy looks at the process from outside, many times a second, and needs the right to: root, or a kernel that lets one
trace one's own processes. The gateway has one core; everything else shares the other.
"""

import argparse
import subprocess
from collections import Counter
from pathlib import Path
from typing import Final

from tests.load.profile_stacks import Counts, count, read_stacks
from tests.load.scale_load import Asking, Load
from tests.load.servers import ROOT, canned_upstream, imagegate, scratch_folder, settle_in
from tests.support.programs import tool

RATE: Final = 250
"""Looks a second. Each stops the process for about 0.2 ms."""
CASES: Final = {"S": 64, "M": 8, "L": 4}
"""The answers of the standard menu, and how many are asked for at once."""
_FOLDER: Final = ROOT / "build" / "profile"
_BAR: Final = 40


def sample(pid: int, seconds: int, into: Path, *, native: bool) -> None:
    """Have py-spy write collapsed stacks of that process.

    Raises:
        RuntimeError: it cannot look into it.

    """
    words = [tool("py-spy"), "record", "--pid", str(pid), "--rate", str(RATE), "--duration", str(seconds)]
    words += ["--format", "raw", "--output", str(into), *(["--native"] if native else [])]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"py-spy cannot look into process {pid}:\n{done.stdout}")


def profile(case: str, seconds: int, *, native: bool) -> tuple[Load, float, Counts, Path]:
    """A burst nobody looks at, the CPU seconds it took, and what was seen in a second burst of the same kind."""
    cores = settle_in()
    _FOLDER.mkdir(parents=True, exist_ok=True)
    into = _FOLDER / f"{case}.collapsed"
    with (
        scratch_folder() as folder,
        canned_upstream(folder, cores) as upstream,
        imagegate(folder, cores, upstream.base_url()) as server,
    ):
        body = upstream.menu.request(case)

        def ask(for_seconds: int) -> Asking:
            return Asking(server, body, connections=CASES[case], seconds=for_seconds, core=cores.others)

        ask(1).end()
        before = server.process.cpu_seconds()
        load = ask(seconds).end()
        cpu_seconds = server.process.cpu_seconds() - before
        watched = ask(seconds + 2)
        sample(server.process.pid, seconds, into, native=native)
        watched.end()
    with into.open(encoding="utf-8") as lines:
        return load, cpu_seconds, count(read_stacks(lines)), into


def show(case: str, load: Load, cpu_seconds: float, counts: Counts) -> None:
    """Print the tables."""
    each = cpu_seconds / load.answered
    print(
        f"{case}, {CASES[case]} at once: {load.per_second:,.0f} answers a second ({load.failed} failed), "
        f"p50 {load.p50_seconds * 1000:.1f} ms, p99 {load.p99_seconds * 1000:.1f} ms, "
        f"{each * 1e6:,.0f} µs of CPU each ({cpu_seconds / load.seconds:.0%} of a core); {counts.total:,} samples\n"
    )
    _table("By package: who wrote what was at work (C code is its caller's)", counts.packages, counts, each)
    _table("By room: the innermost of ours on the stack, with whatever it called", counts.rooms, counts, each)
    _table("Functions, own time", counts.own, counts, each, most=30)
    _table("Functions of ours, with whatever they called", counts.inclusive, counts, each, most=40)
    _table(
        "C functions, own time (what a stripped library does not name is mostly memcpy)",
        counts.native,
        counts,
        each,
        most=30,
    )


def _table(title: str, of: Counter[str], counts: Counts, each_seconds: float, most: int = 25) -> None:
    if not of:
        return
    print(title)
    top = of.most_common(most)
    width = max(len(name) for name, _ in top)
    for name, number in top:
        share = number / counts.total
        told = "█" * round(_BAR * number / top[0][1])
        if of is counts.rooms:
            told = ", ".join(f"{part} {n / counts.total:.1%}" for part, n in counts.within[name].most_common(5))
        print(f"  {share:6.1%} {share * each_seconds * 1e6:8,.0f} µs  {name:<{width}}  {told}")
    print()


def main() -> None:
    """Run one case, and print its tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.profile", description=__doc__)
    parser.add_argument("--case", choices=tuple(CASES), default="S")
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--native", action=argparse.BooleanOptionalAction, default=True, help="look into C code, too")
    given = parser.parse_args()
    load, cpu_seconds, counts, into = profile(given.case, given.seconds, native=given.native)
    show(given.case, load, cpu_seconds, counts)
    print(f"The stacks are in {into.relative_to(ROOT)} (collapsed: speedscope and flamegraph.pl read it).")


if __name__ == "__main__":
    main()
