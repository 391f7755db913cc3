"""The soak run in small: a kill -9, a kill and a freeze of Redis under traffic, and everything adds up."""

from pathlib import Path

import pytest

from tests.soak.checks import judge
from tests.soak.facts import Kind
from tests.soak.run import Plan, soak
from tests.soak.soak import PICTURE, REPORT, keep

SEED = 20_261_123


@pytest.mark.slow
async def test_half_a_minute_of_faults(tmp_path: Path) -> None:
    """Every check of the soak run holds, and there is a report with its picture.

    The replica is killed first: what it held is resolved when its lease has run out, and that is waited for.
    """
    kinds = (Kind.KILL, Kind.REDIS_FREEZE, Kind.REDIS_KILL)
    plan = Plan(SEED, seconds=20, per_second=20, pauses=(0.5, 1.5), kinds=kinds, once=True, say=print)

    facts = await soak(plan, tmp_path)
    checks = judge(facts)
    keep(facts, checks, tmp_path, "a test")

    assert [f"{check.what}: {check.found}" for check in checks if not check.holds] == []
    assert (tmp_path / REPORT).read_text(encoding="utf-8").startswith("# Soak: all")
    assert (tmp_path / PICTURE).read_bytes().startswith(b"\x89PNG")
