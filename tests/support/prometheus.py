"""A real Prometheus on the files of deploy/prometheus, in a folder of its own, and what one asks it."""

import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.house.tree import ROOT
from tests.support.ports import free_port
from tests.support.programs import program, running

SHIPPED = ROOT / "deploy" / "prometheus"
TOKEN_FILE = "/run/secrets/metrics_token"


@dataclass(frozen=True, slots=True)
class Prometheus:
    """One that runs, by its HTTP API."""

    http: httpx.AsyncClient

    async def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """The samples of an instant query: labels and value."""
        found = await self.ask("query", query=expression)
        assert found["resultType"] == "vector", f"{expression}: is no vector"
        return [(sample["metric"], float(sample["value"][1])) for sample in found["result"]]

    async def number(self, expression: str) -> float:
        """The one sample of a query; 0 where there is none."""
        samples = await self.query(expression)
        assert len(samples) <= 1, f"{expression}: {len(samples)} samples"
        return samples[0][1] if samples else 0.0

    async def ask(self, what: str, **given: str) -> Any:
        """The ``data`` of any answer of its API; a query it cannot read fails with its own words."""
        answer = await self.http.get(f"/api/v1/{what}", params=given)
        body = answer.json()
        assert body["status"] == "success", f"{given}: {body.get('error')}"
        return body["data"]


def configured(folder: Path, targets: Sequence[str], token: str, changes: Mapping[str, str] | None = None) -> Path:
    """The shipped files in a folder, for these targets (``host:port``) and this token; gives the configuration.

    ``changes`` are put in place of words of prometheus.yml, each of which must be there.
    """
    shutil.copytree(SHIPPED, folder)
    token_file, settings = folder / "metrics_token", folder / "prometheus.yml"
    token_file.write_text(token)
    (folder / "targets" / "gateways.yml").write_text("".join(f"- targets: ['{target}']\n" for target in targets))
    text = settings.read_text(encoding="utf-8")
    for old, new in {TOKEN_FILE: str(token_file), **(changes or {})}.items():
        assert old in text, f"prometheus.yml says nothing of {old}"
        text = text.replace(old, new)
    settings.write_text(text, encoding="utf-8")
    return settings


@asynccontextmanager
async def running_prometheus(settings: Path) -> AsyncIterator[Prometheus]:
    """Run it on a configuration until the block ends; its data lie beside that."""
    port = free_port()
    words = (
        program("prometheus", "prometheus"),
        f"--config.file={settings}",
        f"--storage.tsdb.path={settings.parent / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    )
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:

        async def ready() -> bool:
            try:
                return (await http.get("/-/ready")).status_code == 200
            except httpx.TransportError:
                return False

        async with running(words, settings.parent / "prometheus.log", ready):
            yield Prometheus(http)


def promtool(*words: str | Path, given: str | None = None) -> None:
    """Have promtool look at something, on its standard input where something is given; fails with what it finds."""
    command = [program("promtool", "prometheus"), *words]
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    # `check metrics` names what it dislikes and ends with 0 all the same.
    assert given is None or not done.stderr, done.stderr
