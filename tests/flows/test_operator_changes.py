"""What an operator changes at one gateway is in force at every other with the next request."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.accounts.models import Limits, Team
from app.simulator.server import Simulator
from tests.support.gateway import ADMIN_TOKEN, Gateway, running_gateway

BOAT = {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x1024", "quality": "low"}


COUNTS = ("requests_per_minute", "images_per_minute", "tokens_per_minute", "concurrent_images", "images_per_day")


@dataclass(frozen=True, slots=True)
class Pair:
    """An operator at one gateway, a teammate at the other, with a virtual key that it has just used."""

    here: Gateway
    there: Gateway
    team: Team
    operator: httpx.AsyncClient
    teammate: httpx.AsyncClient

    async def change(self, patch: dict[str, Any], *, key: bool = False) -> None:
        """Change the team or its key, here."""
        path = f"/admin/v1/teams/{self.team.name}" + ("/keys/tester" if key else "")
        answer = await self.operator.patch(path, json=patch)
        assert answer.status_code == 200, answer.text

    async def ask(self) -> tuple[int, str]:
        """Ask for a picture, there: status and code."""
        answer = await self.teammate.post("/v1/images/generations", json=BOAT)
        return answer.status_code, answer.json().get("error", {}).get("code", "")


@pytest.fixture
async def pair(redis_url: str, tmp_path: Path, simulator: Simulator) -> AsyncIterator[Pair]:
    async with (
        running_gateway(redis_url, tmp_path / "here", simulator) as here,
        running_gateway(redis_url, tmp_path / "there", simulator) as there,
    ):
        team = await here.new_team(Limits(images_per_minute=100))
        key = await here.new_key(team)
        async with here.http(ADMIN_TOKEN) as operator, there.http(key) as teammate:
            opened = Pair(here, there, team, operator, teammate)
            assert (await opened.ask())[0] == 200
            yield opened


@pytest.mark.parametrize("key", [False, True])
@pytest.mark.parametrize("name", COUNTS)
async def test_a_changed_limit_holds_at_once(pair: Pair, name: str, key: bool) -> None:
    """Blocked with the next request, open again with the one after: no cached principal outlives a change."""
    await pair.change({"limits": {name: 0}}, key=key)
    status, _ = await pair.ask()
    assert status == 403
    await pair.change({"limits": {name: None}}, key=key)
    assert (await pair.ask())[0] == 200


@pytest.mark.parametrize("key", [False, True])
async def test_a_changed_budget_holds_at_once(pair: Pair, key: bool) -> None:
    """A budget too small for any picture lets none through, and raising it is enough."""
    await pair.change({"limits": {"budget": {"limit": "0.000000001"}}}, key=key)
    assert await pair.ask() == (429, "insufficient_quota")
    await pair.change({"limits": {"budget": {"limit": "5"}}}, key=key)
    assert (await pair.ask())[0] == 200


async def test_a_changed_allow_list_holds_at_once(pair: Pair) -> None:
    """For pictures and for the list of models."""
    await pair.change({"models": ["gpt-image-1.5"]}, key=True)
    assert (await pair.ask())[0] == 403
    listed = (await pair.teammate.get("/v1/models")).json()["data"]
    assert [model["id"] for model in listed] == ["gpt-image-1.5"]


async def test_a_key_that_is_allowed_more_may_do_it_at_once(pair: Pair) -> None:
    """What a cached principal would refuse before admission is looked up once more."""
    await pair.change({"models": ["gpt-image-1.5"], "strict": True}, key=True)
    assert (await pair.ask())[0] == 403
    await pair.change({"models": None}, key=True)
    assert (await pair.ask())[0] == 200
    body = BOAT | {"style": "vivid"}
    assert (await pair.teammate.post("/v1/images/generations", json=body)).status_code == 400
    await pair.change({"strict": None}, key=True)
    assert (await pair.teammate.post("/v1/images/generations", json=body)).status_code == 200


async def test_changed_options_hold_at_once(pair: Pair) -> None:
    """A key made strict refuses what it left out before."""
    body = BOAT | {"style": "vivid"}
    assert (await pair.teammate.post("/v1/images/generations", json=body)).status_code == 200
    await pair.change({"strict": True}, key=True)
    refused = await pair.teammate.post("/v1/images/generations", json=body)
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "style"


async def test_a_revoked_key_opens_nothing_anywhere(pair: Pair) -> None:
    """Not the routes that admit, and not those that do not, which see no admission notice the change."""
    for path in ("/v1/models", "/v1/models/gpt-image-2"):
        assert (await pair.teammate.get(path)).status_code == 200
    revoked = await pair.operator.post(f"/admin/v1/teams/{pair.team.id}/keys/tester/revoke")
    assert revoked.json()["state"] == "revoked"
    for path in ("/v1/models", "/v1/models/gpt-image-2"):
        answer = await pair.teammate.get(path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "revoked_api_key")
    assert await pair.ask() == (401, "revoked_api_key")
    assert len(await pair.here.entries(pair.team.id)) == 1


async def test_two_operators_together_cannot_exceed_the_total(
    redis_url: str, tmp_path: Path, simulator: Simulator
) -> None:
    """Each at a gateway of their own, at the same moment: of two teams that do not fit together one is made."""
    given: dict[str, Any] = {"total_budget": "100"}
    async with (
        running_gateway(redis_url, tmp_path / "here", simulator, **given) as here,
        running_gateway(redis_url, tmp_path / "there", simulator, **given) as there,
        here.http(ADMIN_TOKEN) as one,
        there.http(ADMIN_TOKEN) as other,
    ):
        body = {"limits": {"budget": {"limit": "60"}}}
        answers = await asyncio.gather(
            one.post("/admin/v1/teams", json=body | {"name": "design"}),
            other.post("/admin/v1/teams", json=body | {"name": "video"}),
        )
        teams = (await one.get("/admin/v1/teams")).json()
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert [team["limits"]["budget"]["limit"] for team in teams] == ["60.00"]
    (told,) = [answer.json()["detail"] for answer in answers if answer.status_code == 409]
    assert "of which $40.00 is left for it" in told
