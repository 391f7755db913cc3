"""A gateway with everything its OpenAPI document names, and schemathesis to ask it what the document promises."""

import asyncio
import json
import os
import re
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from app.simulator.server import Simulator
from tests.house.tree import ROOT
from tests.support.gateway import ADMIN_TOKEN, Gateway, running_gateway

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "ignored_auth",
)
DOORS = {"public": "^(?!/admin/)", "operator": "^/admin/"}
"""The paths of each."""
Statuses = dict[str, Counter[int]]
"""How often each operation was answered so."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A gateway in which everything exists that the examples of its document name."""

    gateway: Gateway
    key: str
    document: Path

    def credential(self, door: str) -> str:
        """What opens a door."""
        return ADMIN_TOKEN if door == "operator" else self.key


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of a run."""

    is_sound: bool
    told: str
    """Everything it printed: each fault with a command that shows it again."""
    statuses: Statuses


@asynccontextmanager
async def open_scene(redis_url: str, folder: Path) -> AsyncIterator[Scene]:
    """The gateway, with a price for a model that makes variations."""
    own = folder / "catalog"
    own.mkdir()
    price = '[price]\nper_image = "0.04"\nsource = "the tests"\n'
    (own / "dall-e-2.toml").write_text(f'extends = "dall-e-2"\n{price}')
    async with (
        Simulator() as simulator,
        running_gateway(redis_url, folder, simulator, catalog_dir=own, trusted_proxies="127.0.0.0/8") as gateway,
    ):
        key = await _make_what_examples_name(gateway)
        document = folder / "openapi.json"
        document.write_text(json.dumps(await _with_real_names(gateway, key)))
        yield Scene(gateway, key, document)


async def ask(scene: Scene, paths: str, credential: str, *options: str) -> Asked:
    """Let schemathesis ask everything at these paths."""
    report = scene.document.with_suffix(".ndjson")
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", str(scene.document), "--url", scene.gateway.address),
        *("--include-path-regex", paths, "--header", f"Authorization: Bearer {credential}"),
        *("--checks", ",".join(CHECKS), "--continue-on-failure", "--no-shrink", "--request-timeout", "30"),
        *("--report", "ndjson", "--report-ndjson-path", str(report), "--no-color", *options),
    ]
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=scene.document.parent,
        env={**os.environ, "SCHEMATHESIS_HOOKS": "tests.contract.asking", "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await process.communicate()
    return Asked(process.returncode == 0, told.decode(), _statuses(report) if report.exists() else {})


def operations(scene: Scene, paths: str) -> dict[str, Any]:
    """The operations at these paths, named as schemathesis does."""
    return {
        f"{method.upper()} {path}": route
        for path, routes in json.loads(scene.document.read_text())["paths"].items()
        for method, route in routes.items()
        if re.search(paths, path)
    }


async def _make_what_examples_name(gateway: Gateway) -> str:
    """The team, keys and tokens of the examples; a virtual key."""
    async with gateway.http(ADMIN_TOKEN) as operator:

        async def made(path: str, **body: Any) -> Any:
            answer = await operator.post(f"/admin/v1/{path}", json=body)
            assert answer.status_code == 201, answer.text
            return answer.json()

        await made("teams", name="design")
        await made("tokens", name="reports-of-2025")
        await made("teams/design/keys", alias="ana")
        await made("teams/design/keys", alias="lost-laptop")
        key: str = (await made("teams/design/keys", alias="sam"))["key"]
    return key


async def _with_real_names(gateway: Gateway, key: str) -> Any:
    """The gateway's document, whose examples name requests and a picture that are there."""
    async with gateway.http(key) as client:
        bought = [await _bought(client) for _ in range(2)]
        document = json.dumps((await client.get("/openapi.json")).json())
    operations = json.loads(document)["paths"]
    fetched, forgotten = (operations["/v1/images/requests/{id}"][method] for method in ("get", "delete"))
    picture = operations["/images/{signature}/{name}"]["get"]
    shown = [_shown(fetched, "id"), _shown(forgotten, "id"), _shown(picture, "signature"), _shown(picture, "name")]
    real = [bought[0][0], bought[1][0], *bought[0][1].split("/")[-2:]]
    for example, name in zip(shown, real, strict=True):
        document = document.replace(example, name)
    for routes in (ready := json.loads(document))["paths"].values():
        for route in routes.values():
            # An example in JSON has no bytes of a picture; without one schemathesis sends files of the kinds named.
            route.get("requestBody", {}).get("content", {}).get("multipart/form-data", {}).pop("example", None)
    return ready


async def _bought(client: httpx.AsyncClient) -> tuple[str, str]:
    """The id of a request that was delivered, and the link to its picture."""
    order = {"prompt": "a paper boat", "size": "1024x1024", "quality": "low", "response_format": "url"}
    answer = await client.post("/v1/images/generations", json=order)
    assert answer.status_code == 200, answer.text
    return answer.headers["x-request-id"], answer.json()["data"][0]["url"]


def _shown(operation: dict[str, Any], name: str) -> str:
    (parameter,) = [found for found in operation["parameters"] if found["name"] == name]
    example: str = parameter["example"]
    return example


def _statuses(report: Path) -> Statuses:
    found: Statuses = defaultdict(Counter)
    for line in report.read_text().splitlines():
        recorder: dict[str, Any] = json.loads(line).get("ScenarioFinished", {}).get("recorder", {})
        for asked in recorder.get("interactions", {}).values():
            if asked.get("response") and recorder["label"] != "Stateful tests":
                found[recorder["label"]][asked["response"]["status_code"]] += 1
    return found
