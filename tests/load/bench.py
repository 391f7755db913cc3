"""Compares imagegate with a bare nginx, and with other gateways where `make bench-peers` has installed them.

    python -m tests.load.bench [--quick] [--only S,M] [--servers nginx,imagegate] [--against CHECKOUT]

Each server has the same core to itself, one after the other in short bursts, and only what they do within one
repetition is compared. It takes some minutes, prints its tables and writes them to results/.
"""

import sys
from contextlib import ExitStack

from tests.load import plan as names
from tests.load.contest import Contest, Contestant, Findings
from tests.load.other_gateways import installed_gateways
from tests.load.plan import COLUMNS, Plan, read_plan
from tests.load.report import keep, write_report
from tests.load.servers import ROOT, bare_nginx, canned_upstream, imagegate, scratch_folder, settle_in


def main() -> None:
    """Measure, print, keep."""
    plan, results = read_plan()
    report = write_report(measure(plan), plan)
    print(report)
    if results is not None:
        print(f"Written to {keep(report, results)}", file=sys.stderr)


def measure(plan: Plan) -> Findings:
    """Start everything, and ask for what the plan says."""
    cores = settle_in()
    with ExitStack() as stack:
        _progress("starting the servers")
        folder = stack.enter_context(scratch_folder())
        upstream = stack.enter_context(canned_upstream(folder, cores, plan.menu))
        found: list[Contestant] = []
        begin = stack.enter_context
        if names.NGINX in plan.columns:
            found.append(Contestant(names.NGINX, *begin(bare_nginx(folder, cores, upstream))))
        for name, checkout in ((names.OURS, ROOT), (names.BEFORE, plan.against)):
            if name in plan.columns and checkout is not None:
                plain = imagegate(folder, cores, upstream.base_url(), name=name, checkout=checkout)
                secured = imagegate(folder, cores, upstream.base_url(tls=True), name=f"{name}-tls", checkout=checkout)
                wants_tls = any(case.tls for case in plan.cases)
                found.append(Contestant(name, begin(plain), begin(secured) if wants_tls else None))
        if names.KEPT in plan.columns and any(case.is_kept for case in plan.cases):
            kept = imagegate(folder, cores, upstream.base_url(), name="kept", settings={"IMAGEGATE_RESULT_SECONDS": ""})
            found.append(Contestant(names.KEPT, begin(kept), is_kept=True))
        for name, start in installed_gateways().items():
            if name in plan.columns:
                found.append(Contestant(name, begin(start(folder, cores, upstream)), is_slow=True))
        found.sort(key=lambda one: COLUMNS.index(one.name))
        findings = Contest(found, plan, upstream, folder, cores.measured, _progress).run()
    _progress("")
    return findings


def _progress(text: str) -> None:
    """A line that the next one is written over, on a terminal."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
