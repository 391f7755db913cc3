"""One page about a soak run: what held, what was broken, what was answered, what the processes took."""

import platform
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

from app.embedded.find import bundled_server
from app.wiring.version import VERSION
from tests.soak.checks import Check
from tests.soak.facts import Facts
from tests.soak.memory import WARM_SECONDS, lives, longest

ROOT = Path(__file__).parents[2]

_OF_ANSWERS = """\
`again`: the same order once more under its Idempotency-Key; `fetched`: of an order with `Prefer: respond-async`.
Who asks again for what a killed replica was making waits until its lease has run out."""
_OF_PROCESSES = """\
The slope is that of the longest life without its first {warm:.0f} seconds, by least squares. What a process has to do
at rest is told by its metrics: requests in flight, in the queue and joined, above."""


def write_report(facts: Facts, checks: Sequence[Check], when: str, picture: str = "") -> str:
    """The page, in markdown that can be read as it stands; ``picture`` is a file beside it."""
    failed = sum(not check.holds for check in checks)
    verdict = f"{failed} of {len(checks)} checks failed" if failed else f"all {len(checks)} checks hold"
    parts = [
        f"# Soak: {verdict}",
        f"{_run(facts, when)}\n{surroundings()}",
        _table(("", "check", "found"), ((_mark(check), check.what, check.found) for check in checks)),
        *([f"![Answers, memory and faults over time]({picture})"] if picture else []),
        "## What was broken\n\n" + _faults(facts),
        _upstream_faults(facts),
        f"## Answers by class\n\n{_OF_ANSWERS}\n\n{_answers(facts)}",
        "## Processes\n\n" + _processes(facts),
        "## imagegate ledger verify\n\n```\n" + facts.books.verified + "\n```",
    ]
    return "\n\n".join(parts) + "\n"


def _run(facts: Facts, when: str) -> str:
    exchanges = len(facts.answers)
    rate = exchanges / max(facts.traffic_seconds, 1)
    return (
        f"Seed {facts.seed}; {facts.traffic_seconds:.0f} s of traffic from {when}, the last answer after "
        f"{facts.seconds:.0f} s; {len(facts.orders):,} orders in {exchanges:,} exchanges ({rate:.0f} a second), "
        f"{len(facts.faults)} faults."
    )


def surroundings() -> str:
    """Versions, commit and machine."""
    found = bundled_server()
    server = [str(found.path) if found else "redis-server", "--version"]
    redis = subprocess.run(server, capture_output=True, text=True, check=True).stdout
    version = next((word.removeprefix("v=") for word in redis.split() if word.startswith("v=")), "unknown")
    return (
        f"imagegate {VERSION} at {_commit()}, Python {platform.python_version()}, Valkey or Redis {version}, "
        f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}."
    )


def _commit() -> str:
    try:
        commit = _said("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD")
        changed = _said("git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "an unknown commit"
    return f"{commit} with changes" if changed else commit


def _said(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def _mark(check: Check) -> str:
    return "✓" if check.holds else "✗"


def _faults(facts: Facts) -> str:
    lasted = defaultdict(list)
    for fault in facts.faults:
        lasted[fault.kind].append(fault.until_seconds - fault.at_seconds)
    rows = (
        (kind, len(times), f"{median(times):.1f}", f"{max(times):.1f}")
        for kind, times in sorted(lasted.items(), key=lambda item: -len(item[1]))
    )
    return _table(("fault", "times", "mended after, median s", "worst s"), rows)


def _upstream_faults(facts: Facts) -> str:
    met: dict[str, int] = defaultdict(int)
    for order in facts.orders.values():
        if order.fault:
            met[order.fault] += 1
    told = ", ".join(f"`{fault}` {number}" for fault, number in sorted(met.items(), key=lambda item: -item[1]))
    return f"And {sum(met.values()):,} orders met a fault of the upstream: {told or 'none'}."


def _answers(facts: Facts) -> str:
    seconds = defaultdict(list)
    for answer in facts.answers:
        seconds[answer.label].append(answer.seconds)
    rows = (
        (label, f"{len(times):,}", f"{median(times):.2f}", f"{max(times):.1f}")
        for label, times in sorted(seconds.items(), key=lambda item: (item[0][0] >= "a", item[0]))
    )
    return _table(("answer", "number", "median s", "worst s"), rows)


def _processes(facts: Facts) -> str:
    after = {rest.replica: rest for rest in facts.after}
    rows = []
    for before in facts.before:
        life, rest = longest(facts.samples, before.replica), after.get(before.replica)
        if life is None or rest is None:
            continue
        slope = f"{life.megabytes_an_hour:+.0f}" if life.measured_seconds else "too short"
        number = sum(one.replica == before.replica for one in lives(facts.samples))
        memory = f"{life.last_bytes / 1e6:.0f}, at most {life.most_bytes / 1e6:.0f}"
        rows.append(
            (
                before.replica,
                number,
                f"{life.seconds:.0f} s",
                memory,
                slope,
                f"{before.descriptors} → {rest.descriptors}",
                f"{before.threads} → {rest.threads}",
                f"{before.tasks} → {rest.tasks}",
            )
        )
    head = ("replica", "processes", "longest life", "last MB", "MB an hour", "descriptors", "threads", "tasks")
    return f"{_table(head, rows)}\n\n{_OF_PROCESSES.format(warm=WARM_SECONDS)}"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)
