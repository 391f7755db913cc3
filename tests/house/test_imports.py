"""What a gateway loads to serve: nothing of the demo, nothing it may never need, nothing that only developers have."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions

import pytest

from tests.house.tree import ROOT

_LOADED = """
import gc, json, sys
at_first = set(sys.modules)
from app.cli.main import main
main.get_command(None, "serve")
print(json.dumps({"modules": sorted(set(sys.modules) - at_first), "collects": gc.isenabled()}))
"""

NOT_NEEDED = {
    "PIL": "the simulator draws pictures; the gateway never decodes one",
    "app.api.openapi_document": "few ever ask for it",
    "app.cli.demo": "another command",
    "app.simulator": "the pretend upstream",
    "app.traces.otlp": "an extra, for those who set IMAGEGATE_TRACES",
    "tests": "ours alone",
}
"""What serving loads not, and why; each took time at every start and memory ever after."""

TAKEN_ALONG = {"cryptography", "pygments", "rich", "sniffio"}
"""What httpx, redis-py and anyio load where they find it: here, because development tools bring it."""


@cache
def loaded() -> tuple[frozenset[str], bool]:
    """The modules behind ``imagegate serve`` before it does anything, and whether garbage is collected again."""
    done = subprocess.run([sys.executable, "-c", _LOADED], check=True, capture_output=True, text=True, cwd=ROOT)
    told = json.loads(done.stdout)
    return frozenset(told["modules"]), told["collects"]


@pytest.mark.parametrize("name", NOT_NEEDED)
def test_serving_does_not_load_what_it_does_not_need(name: str) -> None:
    """Start and memory at rest are for what serves; the rest is imported where it is used."""
    modules, _ = loaded()

    assert "app.main" in modules
    assert not [module for module in modules if f"{module}.".startswith(f"{name}.")], NOT_NEEDED[name]


def test_serving_loads_no_package_that_is_not_installed_with_it() -> None:
    """Whatever is loaded is locked in requirements/runtime.txt, so it is there on every machine, and audited."""
    modules, _ = loaded()
    locked = set(_names((ROOT / "requirements" / "runtime.txt").read_text(encoding="utf-8"))) | {"imagegate"}
    homes = packages_distributions()
    strangers = {
        package
        for package in {module.partition(".")[0] for module in modules} & homes.keys()
        if locked.isdisjoint(_plain(home) for home in homes[package])
    }

    assert {"fastapi", "uvicorn"} <= locked
    assert strangers <= TAKEN_ALONG


def test_collector_runs_again_when_a_command_is_loaded() -> None:
    """Imports are kept out of its sight, and nothing else is."""
    _, collects = loaded()

    assert collects


def _names(requirements: str) -> Iterator[str]:
    return (_plain(found) for found in re.findall(r"^([A-Za-z0-9._-]+)==", requirements, re.MULTILINE))


def _plain(name: str) -> str:
    """The name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()
