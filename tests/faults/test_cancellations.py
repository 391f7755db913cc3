"""A request is cancelled wherever it or a task of its own waits: nothing stays held, at most the quote is charged."""

import asyncio
import base64
import io
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from starlette.types import ASGIApp, Message

from app.accounts.models import KeyOptions, Team
from app.main import create_app
from app.simulator.scenario import Scenario
from app.simulator.server import Simulator
from app.wiring.services import open_services
from tests.faults.accounting import BOAT, Accounting, accounting, billed, priced_catalog
from tests.faults.suspensions import Suspensions
from tests.support.gateway import gateway_settings

MOST = 1000
"""Places to wait that no request comes near."""
QWEN = {"model": "qwen-image", "prompt": "paper boats", "size": "1328x1328"}


def _png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (16, 16), "brown").save(file, "PNG")
    return file.getvalue()


PICTURE = _png()
INLINE = [{"image_url": f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}"}]


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of request, and what the upstream plays for it."""

    fields: Mapping[str, Any]
    route: str = "generations"
    scenario: Scenario = field(default_factory=Scenario)
    files: Mapping[str, Any] = field(default_factory=dict)

    def request(self, key: Mapping[str, str]) -> httpx.Request:
        """It, as a client writes it."""
        url = f"http://gateway/v1/images/{self.route}"
        given: dict[str, Any] = {"data": self.fields, "files": self.files} if self.files else {"json": self.fields}
        return httpx.Request("POST", url, headers=key, **given)


CASES = {
    "generation": Case(BOAT),
    "large generation": Case(BOAT, scenario=Scenario(padding_bytes=1_000_000)),
    "stream": Case(BOAT | {"stream": True, "partial_images": 1}),
    "edit by form": Case(BOAT, "edits", files={"image": ("boat.png", PICTURE, "image/png")}),
    "edit by JSON": Case(BOAT | {"images": INLINE}, "edits"),
    "base64 to link": Case(BOAT | {"response_format": "url"}),
    "link to base64": Case(QWEN | {"response_format": "b64_json"}, scenario=Scenario(other_container=True)),
    "JSON to events": Case(BOAT | {"stream": True}, scenario=Scenario(ignores_stream=True)),
    "fan-out": Case(QWEN | {"n": 3}),
    "refused by the upstream": Case(BOAT, scenario=Scenario(code="moderation_blocked")),
    "quote": Case(BOAT, "quote"),
}


@dataclass(frozen=True, slots=True)
class House:
    """A gateway in this process, and its books."""

    app: ASGIApp
    books: Accounting
    simulator: Simulator


@pytest.fixture
async def house(redis_url: str, tmp_path: Path, simulator: Simulator) -> AsyncIterator[House]:
    async with _open_house(redis_url, tmp_path, simulator) as opened:
        yield opened


@asynccontextmanager
async def _open_house(redis_url: str, folder: Path, simulator: Simulator) -> AsyncIterator[House]:
    catalog = priced_catalog(folder / "catalog")
    settings = gateway_settings(folder / "data", simulator, catalog_dir=catalog, fetch_networks="127.0.0.0/8")
    async with open_services(settings, redis_url) as services, accounting(redis_url) as books:
        yield House(create_app(services), books, simulator)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_a_cancel_at_every_await_leaves_nothing_held(house: House, case: Case) -> None:
    """Cancelled at its first wait, its second, … until it ends by itself: the books balance, and at most the quote."""
    house.simulator.default = case.scenario
    teams: list[Team] = []
    for cancel_at in range(1, MOST):
        team = await house.books.new_team()
        teams.append(team)
        key = await house.books.new_key(team, options=KeyOptions(fan_out=True))
        status, was_cancelled = await _serve(house.app, case.request(key), Suspensions(cancel_at))
        if not was_cancelled:
            break
    await house.simulator.quiet()

    assert status == (400 if case.scenario.refuses else 200), "the last one was not cancelled"
    charged = 0
    quote = max([entry.quote for entry in await house.books.entries(teams[-1])], default=0)
    for number, team in enumerate(teams, start=1):
        await house.books.nothing_held(team)
        entries = await house.books.entries(team)
        assert len(entries) <= 1, f"cancelled at wait {number}"
        assert await house.books.spent(team) <= quote, f"cancelled at wait {number}"
        assert await house.books.differences(team) == [], f"cancelled at wait {number}"
        charged += sum(entry.cost > 0 for entry in entries)
    print(f"{len(teams) - 1} places to wait, {charged} charged, {house.simulator.exchanges} exchanges")
    if case.fields["model"] != "qwen-image" and case.route == "generations":
        assert sum([await house.books.spent(team) for team in teams]) >= billed(house.simulator)


async def _serve(app: ASGIApp, request: httpx.Request, suspensions: Suspensions) -> tuple[int, bool]:
    """Serve a request: the status it was answered with, and whether it was cancelled."""
    body, statuses = request.read(), [0]
    unread = [body[: len(body) // 2], body[len(body) // 2 :]]
    gone = asyncio.Event()

    async def receive() -> Message:
        await asyncio.sleep(0)
        if unread:
            return {"type": "http.request", "body": unread.pop(0), "more_body": bool(unread)}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        await asyncio.sleep(0)
        statuses.append(message.get("status", statuses[-1]))

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.url.path,
        "raw_path": request.url.raw_path,
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": ("127.0.0.1", 1),
        "server": ("gateway", 80),
    }
    was_cancelled = await suspensions.run(_call(app, scope, receive, send))
    return statuses[-1], was_cancelled


async def _call(app: ASGIApp, scope: dict[str, Any], receive: Any, send: Any) -> None:
    await app(scope, receive, send)
