"""Keys that are rotated, disabled, enabled and described at one gateway, as another one and its teammates see them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.simulator.server import Simulator
from tests.support.gateway import ADMIN_TOKEN, Gateway, running_gateway

BOAT = {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x1024", "quality": "low"}


@dataclass(frozen=True, slots=True)
class Pair:
    """An operator at one gateway, a teammate's key that the other one has just served."""

    there: Gateway
    operator: httpx.AsyncClient
    path: str
    key: str

    async def post(self, what: str, body: dict[str, Any] | None = None, status: int = 200) -> dict[str, Any]:
        """Do something to the key, here."""
        answer = await self.operator.post(f"{self.path}/{what}", json=body)
        assert answer.status_code == status, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def buys(self, key: str) -> str:
        """The code of the error a key gets, there; "" where it gets a picture."""
        async with self.there.http(key) as client:
            answer = await client.post("/v1/images/generations", json=BOAT)
        return "" if answer.status_code == 200 else str(answer.json()["error"]["code"])


@pytest.fixture
async def pair(redis_url: str, tmp_path: Path, simulator: Simulator) -> AsyncIterator[Pair]:
    async with (
        running_gateway(redis_url, tmp_path / "here", simulator) as here,
        running_gateway(redis_url, tmp_path / "there", simulator) as there,
        here.http(ADMIN_TOKEN) as operator,
    ):
        team = await here.new_team()
        key = await here.new_key(team)
        opened = Pair(there, operator, f"/admin/v1/teams/{team.name}/keys/tester", key)
        assert await opened.buys(key) == ""
        yield opened


async def test_a_disabled_key_is_refused_at_once(pair: Pair) -> None:
    """By a replica that remembers it, with the next request; enabled, it is served with the next."""
    disabled = await pair.post("disable")
    assert (disabled["state"], disabled["disabled_at"] is None) == ("disabled", False)
    assert await pair.buys(pair.key) == "disabled_api_key"
    assert (await pair.post("disable"))["disabled_at"] == disabled["disabled_at"]
    enabled = await pair.post("enable")
    assert (enabled["state"], enabled["disabled_at"]) == ("active", None)
    assert await pair.buys(pair.key) == ""


async def test_without_grace_the_old_secret_is_refused_at_once(pair: Pair) -> None:
    """By a replica that remembers it; the new one opens everywhere."""
    made = await pair.post("rotate", {"grace_seconds": 0})
    assert made["public_id"] == pair.key.rpartition("-")[0]
    assert [await pair.buys(key) for key in (pair.key, made["key"])] == ["rotated_api_key", ""]


async def test_with_grace_both_secrets_buy(pair: Pair) -> None:
    """On the same account: both pictures are the one key's. Without a body the grace is a day."""
    made = await pair.post("rotate")
    assert made["previous_until"] is not None
    assert [await pair.buys(key) for key in (pair.key, made["key"])] == ["", ""]
    entries = await pair.there.entries(pair.key.split("-")[2])
    assert {entry.key for entry in entries} == {made["id"]}
    assert len(entries) == 3


async def test_a_revoked_key_is_done_with(pair: Pair) -> None:
    """It is neither rotated nor disabled nor enabled."""
    key_id = (await pair.post("revoke"))["id"]
    closed = Pair(pair.there, pair.operator, pair.path.replace("tester", key_id), pair.key)
    for what in ("rotate", "disable", "enable"):
        assert "is revoked" in (await closed.post(what, status=409))["detail"]


@pytest.mark.parametrize("seconds", [-1, 604_801, 1.5, "60", None])
async def test_a_grace_has_its_bounds(pair: Pair, seconds: object) -> None:
    """Whole seconds, a week at most; a wrong one changes nothing."""
    refused = await pair.post("rotate", {"grace_seconds": seconds}, status=400)
    assert refused["param"] == "grace_seconds"
    assert await pair.buys(pair.key) == ""


async def test_a_disabled_keys_alias_is_taken(pair: Pair) -> None:
    """It may be enabled again, and then two would have the name."""
    await pair.post("disable")
    keys = pair.path.rpartition("/")[0]
    assert (await pair.operator.post(keys, json={"alias": "tester"})).status_code == 409
    await pair.post("revoke")
    assert (await pair.operator.post(keys, json={"alias": "tester"})).status_code == 201


async def test_metadata_is_kept_and_merged(pair: Pair) -> None:
    """Pair by pair, in the order they came; shown in lists."""
    for patch, expected in (
        ({"for": "ads", "owner": "ana"}, {"for": "ads", "owner": "ana"}),
        ({"owner": None, "cost centre": "4711"}, {"for": "ads", "cost centre": "4711"}),
        ({}, {"for": "ads", "cost centre": "4711"}),
        (None, {}),
    ):
        changed = await pair.operator.patch(pair.path, json={"metadata": patch})
        assert changed.json()["metadata"] == expected
        (listed,) = (await pair.operator.get(pair.path.rpartition("/")[0])).json()
        assert listed["metadata"] == expected


@pytest.mark.parametrize(
    "metadata",
    [{"": "x"}, {"x" * 65: ""}, {"x": "y" * 513}, {"x": 1}, {str(n): "" for n in range(17)}, ["x"], {"x": {"y": "z"}}],
)
async def test_metadata_has_its_bounds(pair: Pair, metadata: object) -> None:
    """When a key is made and when it is changed."""
    keys = pair.path.rpartition("/")[0]
    made = await pair.operator.post(keys, json={"alias": "ben", "metadata": metadata})
    changed = await pair.operator.patch(pair.path, json={"metadata": metadata})
    assert [answer.status_code for answer in (made, changed)] == [400, 400]
    full = {"x" * 64 if n == 0 else str(n): "y" * 512 for n in range(16)}
    assert (await pair.operator.post(keys, json={"alias": "ben", "metadata": full})).json()["metadata"] == full
