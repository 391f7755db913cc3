"""The Kubernetes manifests, as `kubectl apply -k` would send them to a cluster."""

import functools
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.house.tree import ROOT
from tests.support.programs import tool

FOLDER = ROOT / "deploy" / "kubernetes"
OVERLAYS = ("demo", "production")
SECRETS = "/run/secrets/imagegate"
"""Where the Secret's files lie in a container."""

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Manifests:
    """All documents of one overlay."""

    documents: tuple[Document, ...]

    def of(self, kind: str) -> list[Document]:
        """Those of a kind."""
        return [document for document in self.documents if document["kind"] == kind]

    def one(self, kind: str, name: str = "imagegate") -> Document:
        """The one of this kind and name."""
        (found,) = [document for document in self.of(kind) if document["metadata"]["name"] == name]
        return found

    @property
    def gateway(self) -> Document:
        """The replicas' pod."""
        pod: Document = self.one("StatefulSet")["spec"]["template"]["spec"]
        return pod

    @property
    def container(self) -> Document:
        """The container of a replica."""
        (container,) = self.gateway["containers"]
        found: Document = container
        return found

    @property
    def settings(self) -> dict[str, str]:
        """What a replica finds in its environment, secrets left out."""
        (settings,) = self.of("ConfigMap")
        found: dict[str, str] = settings["data"]
        return found

    def templates(self) -> Iterator[Document]:
        """The template of every pod: its labels and its spec."""
        for document in (*self.of("StatefulSet"), *self.of("Deployment")):
            yield document["spec"]["template"]

    def labels_of_pods(self) -> list[dict[str, str]]:
        """What selectors can go by."""
        return [template["metadata"]["labels"] for template in self.templates()]


@functools.cache
def rendered(overlay: str) -> str:
    """The text that would be applied."""
    command = [tool("kubectl"), "kustomize", str(FOLDER / "overlays" / overlay)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@functools.cache
def manifests(overlay: str) -> Manifests:
    """The documents that would be applied."""
    return Manifests(tuple(yaml.safe_load_all(rendered(overlay))))


def selects(selector: dict[str, str], labels: dict[str, str]) -> bool:
    """Whether a selector finds what has these labels."""
    return selector.items() <= labels.items()


def environment_of_pod(overlay: str, secrets: Path) -> dict[str, str]:
    """A replica's environment, with its secrets in a folder of this machine."""
    return {name: value.replace(SECRETS, str(secrets)) for name, value in manifests(overlay).settings.items()}


def write_secrets(folder: Path) -> dict[str, str]:
    """Fill in secret.env.example and write it as files, as a mounted Secret shows it; gives the values."""
    lines = (FOLDER / "secret.env.example").read_text(encoding="utf-8").splitlines()
    names = [line.partition("=")[0] for line in lines if line and not line.startswith("#")]
    values = {name: f"{name.lower()}-of-the-tests-0123456789" for name in names}
    values["COMETAPI_KEY"] = "sk-upstream-of-the-tests"
    values["IMAGEGATE_REDIS_URL"] = "redis://:password@redis.example.com:6379/0"
    folder.mkdir()
    for name, value in values.items():
        (folder / name).write_text(value, encoding="utf-8")
    return values
