"""Admin tokens at the operator's door: roles, what is shown, and what happens where nobody can be asked."""

import logging
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from app.accounts.admin_tokens import AdminTokens
from app.keyspace import ADMIN_TOKENS
from app.settings.loading import load_settings
from app.wiring.services import Services, open_services
from tests.admin.operators import entering, made_token
from tests.support.gateway import ADMIN_TOKEN
from tests.support.redis_server import RedisServer

CHANGES = [
    ("POST", "/teams"),
    ("PATCH", "/teams/design"),
    ("POST", "/teams/design/keys"),
    ("POST", "/teams/design/keys/ana/revoke"),
    ("POST", "/tokens"),
    ("DELETE", "/tokens/ana"),
    ("POST", "/ledger/credits"),
    ("PUT", "/nowhere"),
]


async def test_a_token_is_shown_once(door: httpx.AsyncClient, services: Services) -> None:
    """In the answer that makes it; neither the list nor Redis has its secret."""
    token = await made_token(door, "ana", "owner")
    secret = token["token"].rpartition("-")[2]
    assert token["token"] == f"{token['public_id']}-{secret}"
    listed = (await door.get("/tokens")).json()
    assert listed == [{name: token[name] for name in ("id", "public_id", "name", "role", "created_at")}]
    kept = await services.datastore.command("HGET", ADMIN_TOKENS, token["id"])
    assert secret.encode() not in kept


async def test_a_token_may_ask_what_it_is(door: httpx.AsyncClient, services: Services) -> None:
    """Its own name and role, and nothing of any other; a stranger is told nothing."""
    assert (await door.get("/me")).json() == {"name": "bootstrap", "role": "owner", "base_url": None}
    for name, role in (("ana", "owner"), ("ben", "viewer")):
        token = await made_token(door, name, role)
        async with entering(services, token["token"]) as client:
            assert (await client.get("/me")).json() == {"name": name, "role": role, "base_url": None}
    async with entering(services, "not-a-token") as stranger:
        assert (await stranger.get("/me")).status_code == 401


@pytest.mark.parametrize(
    "sent",
    [
        "Bearer {secret}",
        "bearer  {secret} ",
        "Basic {secret}",
        "{secret}",
        "Bearer sk-ig-admin-{secret}",
        "Bearer sk-ig-admin-aaaaaaaa-{secret}",
        "Bearer {secret} {secret}",
        "Bearer \u00e9{secret}",
    ],
)
async def test_no_answer_and_no_line_repeats_a_token(
    services: Services, caplog: pytest.LogCaptureFixture, sent: str
) -> None:
    """Whatever form a wrong one has: it may be a right one of another place, or a mistyped one of ours."""
    caplog.set_level(logging.DEBUG)
    secret = "0123456789abcdefghijABCDEFGHIJ"
    async with entering(services, None) as stranger:
        refused = await stranger.get("/me", headers={b"authorization": sent.format(secret=secret).encode("latin-1")})
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_admin_token")
    assert secret not in refused.text + str(refused.headers)
    assert not [record for record in caplog.records if record.name.startswith("app") and secret in str(vars(record))]


async def test_an_owner_may_do_everything(door: httpx.AsyncClient, services: Services) -> None:
    """As the token of the settings, until it is revoked; its own revocation included."""
    token = await made_token(door, "ana", "owner")
    async with entering(services, token["token"]) as client:
        assert (await client.post("/teams", json={"name": "design"})).status_code == 201
        revoked = await client.delete("/tokens/ana")
        assert revoked.json()["id"] == token["id"]
        after = await client.get("/teams")
    assert (after.status_code, after.json()["code"]) == (401, "invalid_admin_token")
    assert (await door.delete("/tokens/ana")).status_code == 404


@pytest.mark.parametrize(("method", "path"), CHANGES)
async def test_a_viewer_changes_nothing(door: httpx.AsyncClient, services: Services, method: str, path: str) -> None:
    """Whatever it is, before anything of it is read; looking is allowed."""
    token = await made_token(door, "ben", "viewer")
    async with entering(services, token["token"]) as client:
        refused = await client.request(method, path, content=b"{")
        assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
        assert (await client.get("/teams")).status_code == 200


@pytest.mark.parametrize("token", [None, "wrong", ADMIN_TOKEN + "x", "sk-ig-admin-00000000-" + "0" * 32])
async def test_a_stranger_hears_401_before_anything_is_read(services: Services, token: str | None) -> None:
    """Also where there is no such route, and where the body is none; as a problem (RFC 9457)."""
    async with entering(services, token) as client:
        for method, path in CHANGES:
            refused = await client.request(method, path, content=b"{")
            assert (refused.status_code, refused.json()["code"]) == (401, "invalid_admin_token")
            assert refused.headers["www-authenticate"] == "Bearer"


async def test_errors_are_problems(door: httpx.AsyncClient) -> None:
    """With every member RFC 9457 names but instance, and two of ours; also those that no route of ours gives."""
    await door.post("/teams", json={"name": "design"})
    taken = await door.post("/teams", json={"name": "design"})
    assert taken.headers["content-type"] == "application/problem+json"
    assert taken.json() == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "A team named 'design' exists already.",
        "code": "conflict",
        "param": "name",
    }
    for answer, status in (
        (await door.get("/nowhere"), 404),
        (await door.put("/teams"), 405),
        (await door.post("/teams", content=b"{"), 400),
        (await door.get("/teams/nobody"), 404),
    ):
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status


async def test_without_the_setting_there_is_no_door(services: Services) -> None:
    """Not for a token that was made when there was one, either."""
    async with entering(services) as door:
        token = await made_token(door, "ana", "owner")
    closed = replace(services, admin_tokens=AdminTokens(services.datastore, None))
    async with entering(closed, token["token"]) as client:
        assert (await client.get("/teams")).status_code == 404


async def test_where_redis_is_away_nobody_is_called_a_stranger(own_redis: RedisServer, tmp_path: Path) -> None:
    """503 for a token that would have to be looked up; a remembered one gets as far as its route."""
    settings = load_settings(admin_token=ADMIN_TOKEN, data_dir=tmp_path, redis_timeout_seconds=2)
    async with open_services(settings, own_redis.url, background=False) as services, entering(services) as door:
        known, unknown = await made_token(door, "ana", "owner"), await made_token(door, "ben", "owner")
        async with entering(services, known["token"]) as client:
            assert (await client.get("/teams")).status_code == 200
        own_redis.kill()
        for token in (known["token"], unknown["token"], ADMIN_TOKEN):
            async with entering(services, token) as client:
                answer = await client.get("/teams")
            assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
        async with entering(services, "wrong") as client:
            assert (await client.get("/teams")).status_code == 401


@pytest.mark.parametrize(
    ("body", "param"),
    [({}, "name"), ({"name": "a b"}, "name"), ({"name": "ana", "role": "king"}, "role"), ({"name": "a", "x": 1}, "x")],
)
async def test_a_token_needs_a_name_and_a_role(door: httpx.AsyncClient, body: dict[str, Any], param: str) -> None:
    """400 names what is wrong; without a role it is a viewer's."""
    refused = await door.post("/tokens", json=body)
    assert (refused.status_code, refused.json()["param"]) == (400, param)
    assert (await door.post("/tokens", json={"name": "ana"})).json()["role"] == "viewer"
