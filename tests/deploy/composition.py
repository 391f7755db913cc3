"""docker-compose.yml as `docker compose` would read it: variables filled in, every service whole."""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.house.tree import ROOT

COMPOSE_FILE = ROOT / "docker-compose.yml"
DEMO_FILE = ROOT / "deploy" / "compose" / "demo.env"
PRODUCTION = {"PUBLIC_URL": "https://images.example.com"}
"""All that has to be in .env."""

GATEWAYS = ("gateway-1", "gateway-2")

_VARIABLE = re.compile(r"\$\{(\w+):([-?])([^}]*)\}")

Service = dict[str, Any]


def demo_variables() -> dict[str, str]:
    """What demo.env says."""
    lines = DEMO_FILE.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def filled_in(node: Any, variables: Mapping[str, str]) -> Any:
    """A part of the document, its variables as Compose fills them in: ``${A:-default}``, ``${A:?why it is needed}``."""

    def value(found: re.Match[str]) -> str:
        name, kind, rest = found.groups()
        if given := variables.get(name):
            return given
        assert kind == "-", f"{name} is not set: {rest}"
        return str(rest)

    match node:
        case str():
            return _VARIABLE.sub(value, node)
        case dict():
            return {name: filled_in(part, variables) for name, part in node.items()}
        case list():
            return [filled_in(part, variables) for part in node]
        case _:
            return node


@dataclass(frozen=True, slots=True)
class Composition:
    """The file under certain variables."""

    document: dict[str, Any]

    @property
    def services(self) -> dict[str, Service]:
        """Every service by its name, those of profiles included."""
        found: dict[str, Service] = self.document["services"]
        return found

    @property
    def secrets(self) -> dict[str, str]:
        """The file of each secret."""
        return {name: secret["file"] for name, secret in self.document["secrets"].items()}

    def address(self, service: str, network: str = "inside") -> str:
        """The address that a service is given."""
        given: str = self.services[service]["networks"][network]["ipv4_address"]
        return given

    def environment(self, service: str, secrets: Path, shared: Path) -> dict[str, str]:
        """A service's environment, with its files in folders of this machine."""
        files = {f"/run/secrets/{name}": str(secrets / Path(file).name) for name, file in self.secrets.items()}
        given: dict[str, str] = self.services[service]["environment"]
        return {name: files.get(value, value).replace("/shared", str(shared)) for name, value in given.items()}


def composition(variables: Mapping[str, str]) -> Composition:
    """The file under these variables."""
    return Composition(filled_in(yaml.safe_load(COMPOSE_FILE.read_text(encoding="utf-8")), variables))


def make_secrets(*words: str | Path, key: str = "") -> subprocess.CompletedProcess[str]:
    """Run the script that makes the secrets; ``key`` is what it reads from a pipe."""
    command = ["sh", str(ROOT / "deploy" / "compose" / "make-secrets"), *map(str, words)]
    return subprocess.run(command, input=key, capture_output=True, text=True, check=False)
