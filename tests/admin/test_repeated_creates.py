"""Creates under an Idempotency-Key: done once, answered alike, and the secret shown once."""

import asyncio
from typing import Any

import httpx
import pytest

from app.main import create_app
from app.wiring.services import Services
from tests.admin.operators import entering, made_token
from tests.ledger.scene import budget, delivered, open_scene

NAMED = {"Idempotency-Key": "made-once"}
CREATES: list[tuple[str, dict[str, Any], str | None]] = [
    ("/teams", {"name": "other"}, None),
    ("/teams/design/keys", {"alias": "ana"}, "key"),
    ("/tokens", {"name": "ana"}, "token"),
]


@pytest.fixture(autouse=True)
async def team(door: httpx.AsyncClient) -> None:
    """A team to make keys in."""
    assert (await door.post("/teams", json={"name": "design"})).status_code == 201


@pytest.mark.parametrize(("path", "body", "secret"), CREATES)
async def test_the_same_create_answers_the_same(
    door: httpx.AsyncClient, services: Services, path: str, body: dict[str, Any], secret: str | None
) -> None:
    """Without the secret, which is kept nowhere; the audit log has one change."""
    first = await door.post(path, json=body, headers=NAMED)
    again = await door.post(path, json=body, headers=NAMED)
    assert (first.status_code, again.status_code) == (201, 201)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    expected = first.json()
    if secret is not None:
        assert "shown then" in again.json()["note"]
        kept = repr([await services.datastore.command("GET", name) for name in await names_of_creates(services)])
        assert expected[secret].rpartition("-")[2] not in kept
        expected |= {secret: None, "note": again.json()["note"]}
    assert again.json() == expected
    assert len((await door.get("/audit")).json()["entries"]) == 2
    (name,) = await names_of_creates(services)
    assert 86_000 < await services.datastore.command("TTL", name) <= 86_400


async def names_of_creates(services: Services) -> list[str]:
    """The keys under which creates are remembered."""
    return [name.decode() for name in await services.datastore.command("KEYS", "ig:creates:*")]


@pytest.mark.parametrize(("path", "body", "secret"), CREATES)
async def test_another_create_under_the_same_key_is_refused(
    door: httpx.AsyncClient, path: str, body: dict[str, Any], secret: str | None
) -> None:
    """Another body, and the same one elsewhere: 409, and nothing is made."""
    await door.post("/teams", json={"name": "elsewhere"}, headers=NAMED)
    refused = await door.post(path, json=body, headers=NAMED)
    assert (refused.status_code, refused.json()["code"]) == (409, "idempotency_key_reused")
    assert (await door.post(path, json=body)).status_code == 201, secret


async def test_creates_at_one_moment_make_one(door: httpx.AsyncClient) -> None:
    """One makes it; whoever comes meanwhile is told to ask again."""
    answers = await asyncio.gather(*(door.post("/tokens", json={"name": "ana"}, headers=NAMED) for _ in range(5)))
    assert sorted({answer.status_code for answer in answers}) in ([201], [201, 409])
    assert len([answer for answer in answers if answer.is_success and answer.json()["token"]]) == 1
    assert len((await door.get("/tokens")).json()) == 1


async def test_what_failed_may_be_tried_again(door: httpx.AsyncClient) -> None:
    """A refusal is not remembered."""
    refused = await door.post("/teams", json={"name": "design"}, headers=NAMED)
    assert refused.status_code == 409
    made = await door.post("/teams", json={"name": "free"}, headers=NAMED)
    assert made.status_code == 201


async def test_a_key_is_one_persons(door: httpx.AsyncClient, services: Services) -> None:
    """Two operators who choose the same key mean two things."""
    other = await made_token(door, "ben", "owner")
    await door.post("/teams", json={"name": "one"}, headers=NAMED)
    async with entering(services, other["token"]) as client:
        assert (await client.post("/teams", json={"name": "two"}, headers=NAMED)).status_code == 201


async def test_a_credit_is_given_once(door: httpx.AsyncClient, services: Services) -> None:
    """Also where the first answer was lost on the way, and what it was is not remembered any more."""
    scene = await open_scene(services.datastore, budget(10**9))
    await scene.books.settle(await scene.hold("bought", 30_000_000), delivered(30_000_000))
    body = {"team": scene.team.id, "amount": "0.01", "reason": "goodwill"}
    first = await door.post("/ledger/credits", json=body, headers=NAMED)
    again = await door.post("/ledger/credits", json=body, headers=NAMED)
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    for name in await names_of_creates(services):
        await services.datastore.command("DEL", name)
    once_more = await door.post("/ledger/credits", json=body, headers=NAMED)
    assert (once_more.status_code, once_more.json()) == (200, first.json() | {"already": True})
    assert await scene.spent() == 20_000_000


async def test_programs_are_told_of_the_header(services: Services) -> None:
    """Each create, and the rotation, has it in the OpenAPI document, nothing else has; so has the answer its mark."""
    paths = create_app(services).openapi()["paths"]
    creates = {
        path: route
        for path, routes in paths.items()
        for route in routes.values()
        if path.startswith("/admin/")
        and any(given["name"] == "Idempotency-Key" for given in route.get("parameters", ()))
    }
    rotation = "teams/{team}/keys/{key}/rotate"
    paths_of = ("ledger/credits", "teams", "teams/{team}/keys", rotation, "tokens")
    assert sorted(creates) == [f"/admin/v1/{of}" for of in paths_of]
    for path, route in creates.items():
        status = "200" if path.endswith(rotation) else "201"
        assert "Idempotent-Replayed" in route["responses"][status]["headers"]


@pytest.mark.parametrize("key", ["", "x" * 256, '"open'])
async def test_a_key_that_is_none_is_refused(door: httpx.AsyncClient, key: str) -> None:
    """As at the public door."""
    refused = await door.post("/teams", json={"name": "other"}, headers={"Idempotency-Key": key})
    assert refused.status_code == 400
