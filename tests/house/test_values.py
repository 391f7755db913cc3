"""Values are structs (ADR 14): where a dataclass remains, and what must not be asked of a struct."""

import ast
from collections.abc import Iterator

from tests.house.tree import APP, ROOT

DATACLASSES = {
    "app.catalog.abilities": "read by pydantic, from profiles",
    "app.catalog.lifecycle": "read by pydantic, from profiles",
    "app.catalog.quote_rules": "read by pydantic, from profiles",
    "app.catalog.references": "read by pydantic, from profiles",
    "app.catalog.rules": "read by pydantic, from profiles",
    "app.catalog.sizes": "read by pydantic, from profiles",
    "app.datastore.address": "a password stays out of repr",
    "app.datastore.script": "the digest is computed",
    "app.simulator.scenario": "read by pydantic, from a header",
    "app.upstream.keys": "a secret stays out of repr",
}
"""The modules that have dataclasses, and why."""

OF_DATACLASSES = {
    "app.catalog.description": {"asdict"},
    "app.catalog.normalise": {"replace"},
    "app.simulator.control": {"asdict"},
    "app.simulator.delivery": {"replace"},
}
"""Other modules that handle dataclasses of those, and what they take from the standard library for it."""


def taken(module: str, source: str) -> Iterator[tuple[str, str]]:
    """Each name that a module takes from `dataclasses`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "dataclasses":
            yield from ((module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((module, alias.name) for alias in node.names if alias.name == "dataclasses")


def test_dataclasses_are_where_a_struct_will_not_do() -> None:
    """Each module with a dataclass has a reason, and no other takes what fails on a struct without a word from mypy."""
    found: dict[str, set[str]] = {}
    for path in sorted(APP.rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for name, what in taken(module, path.read_text("utf-8")):
            found.setdefault(name, set()).add(what)
    makers = {name for name, what in found.items() if "dataclass" in what}

    assert makers == set(DATACLASSES)
    assert {name: what for name, what in found.items() if name not in makers} == OF_DATACLASSES
