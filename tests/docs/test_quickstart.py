"""docs/quickstart.md, from nothing to two replicas behind nginx with Prometheus beside them: its blocks are run."""

import re
from pathlib import Path

import pytest

from tests.docs.blocks import blocks, run, shell_environment
from tests.house.pages import page
from tests.house.tree import ROOT
from tests.support.ports import free_port

PORTS = ("8080", "8081", "8001", "8002", "6379", "8443", "9090")
"""Those on the page; the test has its own."""

ENDED = """\
ended() {
  set +e
  redis-cli -p 6379 shutdown nosave 2>/dev/null
  kill $(jobs -p) 2>/dev/null
  wait
}
trap ended EXIT
"""


@pytest.mark.slow
def test_the_quick_start_leads_from_nothing_to_two_replicas(tmp_path: Path) -> None:
    """Every block in one shell: a picture, its cost, a scrape, two replicas with one budget, books that agree."""
    text = "".join(block.text for block in blocks(page("quickstart.md")) if block.language == "bash")
    own = {port: str(free_port()) for port in PORTS}
    script = re.sub("|".join(PORTS), lambda found: own[found[0]], ENDED + text)
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    given = shell_environment(tmp_path) | {"HOME": str(tmp_path), "IMAGEGATE_PORT": own["8080"]}
    given["PATH"] += ":/usr/sbin"  # where Debian has nginx
    printed = run(script, tmp_path, given)
    requests = re.findall(r'^imagegate_requests_total\{.*code="ok".*\} (\S+)$', printed, re.MULTILINE)
    assert sum(map(float, requests)) == 4, printed
    assert len(requests) == 2, "one replica answered all"
    assert "design: 4 entries, 0 differences" in printed
    assert (tmp_path / "boat.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_not_run_is_said_to_need_what_is_not_here() -> None:
    """Blocks that no test runs are those of make and of Docker."""
    left = [block.heading for block in blocks(page("quickstart.md")) if block.language != "bash"]
    assert left == ["A picture", "With Docker"]
