"""Who may know whom: rooms import from lower floors only, and third-party packages stay in the rooms made for them."""

import sys
from collections.abc import Iterator

import pytest

from tests.house.tree import APP, Module, modules, parse

FLOORS = {
    "__main__": 10,
    "cli": 9,
    "main": 8,
    "wiring": 7,
    **dict.fromkeys(("api", "admin", "console"), 6),
    "web": 5,
    "gateway": 4,
    **dict.fromkeys(("ledger", "requests", "upstream", "assets"), 3),
    **dict.fromkeys(("accounts", "catalog"), 2),
    **dict.fromkeys(("settings", "keyspace", "metrics", "logs", "traces", "datastore", "embedded"), 1),
    **dict.fromkeys(("errors", "money", "patience"), 0),
}
"""The house, top to bottom. Rooms on one floor do not know each other."""

NEXT_DOOR = "simulator"
"""It imports nothing of ours, and only the command line imports it."""

READERS = {"settings": {"wiring", "main", "cli"}}
"""Rooms which not every higher floor may know: rooms receive values, not settings."""

PACKAGES = {
    "certifi": ("app.upstream",),
    "click": ("app.cli",),
    "fastapi": ("app.api", "app.admin", "app.web", "app.main"),
    "hiredis": ("app.datastore",),
    "httptools": ("app.upstream", "app.web", "app.simulator"),
    "httpx": ("app.upstream", "app.wiring", "app.cli"),
    "msgspec": ("app",),
    "obstore": ("app.assets", "app.wiring"),
    "opentelemetry": ("app.traces.otlp",),
    "orjson": ("app",),
    "PIL": ("app.simulator",),
    "prometheus_client": ("app.metrics", "app.api.ops"),
    "pydantic": ("app.settings", "app.catalog", "app.admin", "app.cli", "app.simulator", "app.main"),
    "pydantic_settings": ("app.settings",),
    "python_multipart": ("app.web",),
    "redis": ("app.datastore",),
    "starlette": ("app.api", "app.admin", "app.console", "app.web", "app.main", "app.simulator"),
    "typing_extensions": ("app",),
    "uvicorn": ("app.cli", "app.web.protocol"),
    "uvloop": ("app.cli",),
}
"""Each third-party package and the places that may import it."""


def complaints(module: Module) -> Iterator[str]:
    """What is wrong with a module's imports."""
    for name in module.imports():
        if name.startswith("."):
            yield f"{module.name}: relative import of {name}"
        elif name.split(".")[0] == "app":
            yield from _about_rooms(module, name)
        elif (package := name.split(".")[0]) not in sys.stdlib_module_names:
            allowed = PACKAGES.get(package)
            if allowed is None:
                yield f"{module.name}: {package} is in no room's list"
            elif not any(f"{module.name}.".startswith(f"{place}.") for place in allowed):
                yield f"{module.name}: {package} is not for this room"


def _about_rooms(module: Module, name: str) -> Iterator[str]:
    here, there = module.room, name.split(".")[1]
    if here == there:
        return
    if NEXT_DOOR in (here, there):
        if here != "cli":
            yield f"{module.name}: {name}: the simulator lives next door"
    elif FLOORS[there] >= FLOORS[here]:
        yield f"{module.name} (floor {FLOORS[here]}) imports {name} (floor {FLOORS[there]})"
    elif here not in READERS.get(there, {here}):
        yield f"{module.name}: {name} is for {', '.join(sorted(READERS[there]))} only"


def test_rooms_know_lower_floors_only() -> None:
    """No module of the house breaks a rule about imports."""
    assert [line for module in modules(APP) for line in complaints(module)] == []


def test_every_room_has_a_floor() -> None:
    """A new room is put on a floor before anybody can import it."""
    rooms = {module.room for module in modules(APP)} - {"", NEXT_DOOR}
    assert rooms <= set(FLOORS)


@pytest.mark.parametrize(
    ("name", "line", "complaint"),
    [
        ("app.ledger.bad", "from app.gateway.pipeline import Pipeline", "(floor 3) imports app.gateway.pipeline"),
        ("app.ledger.bad", "import app.upstream.client", "(floor 3) imports app.upstream.client"),
        ("app.accounts.bad", "from app import catalog", "(floor 2) imports app.catalog"),
        ("app.upstream.bad", "from app.settings import Settings", "is for cli, main, wiring only"),
        ("app.simulator.bad", "from app.money import Money", "lives next door"),
        ("app.gateway.bad", "from app.simulator.server import Simulator", "lives next door"),
        ("app.ledger.bad", "import redis.asyncio", "redis is not for this room"),
        ("app.api.bad", "import prometheus_client", "prometheus_client is not for this room"),
        ("app.web.bad", "import requests", "requests is in no room's list"),
        ("app.web.bad", "from . import door", "relative import"),
        ("app.ledger.bad", "def f():\n    from app.web.door import HttpDoor", "(floor 5)"),
        ("app.ledger.bad", "if TYPE_CHECKING:\n    from app.web.door import HttpDoor", "(floor 5)"),
    ],
)
def test_inspector_sees_a_wrong_import(name: str, line: str, complaint: str) -> None:
    """Each rule finds a module that breaks it, however the import is hidden."""
    (found,) = complaints(parse(name, line))
    assert complaint in found
