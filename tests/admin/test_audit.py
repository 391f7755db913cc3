"""The audit log: every change of the operator's door is in it, no secret ever, and it is read page by page."""

import logging
from typing import Any, get_args

import httpx
import pytest
from starlette.requests import Request

from app.accounts.admin_tokens import Actor
from app.admin.audit import Action, Audit
from app.admin.audit_routes import ActorBody
from app.keyspace import AUDIT
from app.main import create_app
from app.wiring.services import Services
from tests.ledger.scene import budget, delivered, open_scene

KEYS = "/teams/design/keys"
STORY: list[tuple[str, str, dict[str, Any] | None, str]] = [
    ("POST", "/teams", {"name": "design", "limits": {"budget": {"limit": "5"}}}, "team.create"),
    ("PATCH", "/teams/{team}", {"limits": {"images_per_day": 3}}, "team.change"),
    ("POST", "/teams/{team}/keys", {"alias": "ana"}, "key.create"),
    ("PATCH", "/teams/{team}/keys/{key}", {"metadata": {"for": "tests"}}, "key.change"),
    ("POST", "/teams/{team}/keys/{key}/rotate", None, "key.rotate"),
    ("POST", "/teams/{team}/keys/{key}/disable", None, "key.disable"),
    ("POST", "/teams/{team}/keys/{key}/enable", None, "key.enable"),
    ("POST", "/teams/{team}/keys/{key}/revoke", None, "key.revoke"),
    ("POST", "/tokens", {"name": "ben"}, "token.create"),
    ("DELETE", "/tokens/{token}", None, "token.revoke"),
    ("POST", "/ledger/credits", {"team": "bought", "amount": "0.01", "reason": "goodwill"}, "credit.create"),
]
"""One of every change: its route, a body, and its action."""


SILLY = ["0-0", "0-1", "00-0", "-", "+", "(1-0", "1", "1-", "-1", "1-1-1", "\u0661-0", "1-0\n", "\0"]
SILLY += [f"{10**15}-0", f"1-{10**15}"]
"""Cursors that no answer ever had; the first one Redis calls an error."""


async def tell(door: httpx.AsyncClient, services: Services) -> list[httpx.Response]:
    """Make each change of the story; the answers."""
    scene = await open_scene(services.datastore, budget(10**9))
    await scene.books.settle(await scene.hold("bought", 10_000_000), delivered(10_000_000))
    answers = []
    for method, route, body, _ in STORY:
        path = route.format(team="design", key="ana", token="ben")
        given = {**body, "team": scene.team.id} if route == "/ledger/credits" and body else body
        answers.append(await door.request(method, path, json=given))
        assert answers[-1].is_success, answers[-1].text
    return answers


async def entries(door: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    """A page of the log."""
    page = await door.get("/audit", params=query)
    assert page.status_code == 200, page.text
    found: list[dict[str, Any]] = page.json()["entries"]
    return found


async def test_the_story_has_every_change(services: Services) -> None:
    """Whoever adds a route that changes something adds it to the story, and so to the tests below."""
    paths = create_app(services).openapi()["paths"]
    changing = {
        (method.upper(), path)
        for path, methods in paths.items()
        for method in methods
        if path.startswith("/admin/") and method not in ("get", "head")
    }
    assert {(method, f"/admin/v1{route}") for method, route, _, _ in STORY} == changing
    assert {action for *_, action in STORY} | {"answer.open"} == set(get_args(Action))


async def test_every_change_is_written(door: httpx.AsyncClient, services: Services) -> None:
    """Who, what, before, after and in which request; newest first."""
    answers = await tell(door, services)
    found = await entries(door)
    told = list(reversed(found))
    assert [entry["action"] for entry in told] == [action for *_, action in STORY]
    assert [entry["request_id"] for entry in told] == [answer.headers["x-request-id"] for answer in answers]
    assert {tuple(entry["actor"].values()) for entry in told} == {("bootstrap", "bootstrap", "owner")}
    by_action = {entry["action"]: entry for entry in told}
    team = by_action["team.change"]
    assert (team["before"]["limits"]["images_per_day"], team["after"]["limits"]["images_per_day"]) == (None, 3)
    assert by_action["team.create"]["before"] is None
    assert by_action["token.revoke"]["after"] is None
    assert [by_action[f"key.{how}"]["after"]["state"] for how in ("disable", "enable", "revoke")] == [
        "disabled",
        "active",
        "revoked",
    ]


async def test_no_secret_is_in_it(door: httpx.AsyncClient, services: Services) -> None:
    """Neither the text of a key or token nor the hash of one."""
    answers = await tell(door, services)
    shown = [answer.json() for answer in answers]
    secrets = [body.get("key") or body.get("token") for body in shown if body.get("key") or body.get("token")]
    assert len(secrets) == 3
    kept = repr(await services.datastore.command("XRANGE", AUDIT, "-", "+"))
    assert not [secret for secret in secrets if secret.rpartition("-")[2] in kept]
    assert "sha256" not in kept


async def test_what_changes_nothing_is_not_written(door: httpx.AsyncClient) -> None:
    """No entry for a patch without effect, a second revocation, or a refusal."""
    await door.post("/teams", json={"name": "design"})
    await door.post(KEYS, json={"alias": "ana"})
    await door.patch("/teams/design", json={})
    await door.post(f"{KEYS}/ana/enable")
    key = (await door.post(f"{KEYS}/ana/revoke")).json()
    await door.post(f"{KEYS}/{key['id']}/revoke")
    assert (await door.post(f"{KEYS}/{key['id']}/disable")).status_code == 409
    assert (await door.post("/teams", json={"name": "design"})).status_code == 409
    assert [entry["action"] for entry in await entries(door)] == ["key.revoke", "key.create", "team.create"]


async def test_pages_follow_each_other(door: httpx.AsyncClient) -> None:
    """Each entry is on one page; the last one leads nowhere, or to an empty one."""
    for name in "abcde":
        await door.post("/teams", json={"name": name})
    seen, cursor = [], None
    for _ in range(3):
        page = (await door.get("/audit", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [entry["after"]["name"] for entry in page["entries"]]
        cursor = page["next_cursor"]
    assert seen == list("edcba")
    assert cursor is None
    assert [entry["after"]["name"] for entry in await entries(door, team="c")] == ["c"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"limit": 0}, 400),
        ({"limit": 501}, 400),
        ({"cursor": "1"}, 400),
        ({"cursor": f"{10**15}-0"}, 400),
        ({"cursor": "999999999999999-1"}, 200),
        ({"cursor": "1-0"}, 200),
        ({"cursor": f"1-{'9' * 15}"}, 200),
        ({"team": "nobody"}, 404),
    ],
)
async def test_a_page_has_its_bounds(door: httpx.AsyncClient, query: dict[str, Any], status: int) -> None:
    """What makes no sense is a 400, and a team nobody has a 404."""
    assert (await door.get("/audit", params=query)).status_code == status


@pytest.mark.parametrize("cursor", SILLY)
@pytest.mark.parametrize("path", ["/audit", "/ledger/entries?team=design", "/ledger/export?team=design"])
async def test_a_cursor_of_ones_own_making_is_refused(door: httpx.AsyncClient, path: str, cursor: str) -> None:
    """Here and in the ledger: a 400 that names it, and Redis is not asked."""
    await door.post("/teams", json={"name": "design"})
    name = "after" if "export" in path else "cursor"
    path, _, team = path.partition("?team=")
    refused = await door.get(path, params={name: cursor} | ({"team": team} if team else {}))
    assert (refused.status_code, refused.json()["param"]) == (400, name)


async def test_the_log_is_bounded(door: httpx.AsyncClient, services: Services) -> None:
    """The oldest entries go when there are more than it holds, a node of the stream at a time."""
    audit = Audit(services.datastore, most_entries=200)
    state = {"actor": Actor("a", "ana", "owner"), "request_id": "req_x"}
    for number in range(500):
        after = ActorBody(id=str(number), name="ana", role="owner")
        await audit.record(Request({"type": "http", "state": state}), "token.create", after=after)
    kept = await entries(door, limit=500)
    assert 200 <= len(kept) <= 300
    assert [entry["after"]["id"] for entry in kept] == [str(499 - number) for number in range(len(kept))]


async def test_a_change_stands_where_the_log_cannot_be_written(
    door: httpx.AsyncClient, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    """The error line has what the entry would have had."""
    await services.datastore.command("SET", AUDIT, "no stream")
    with caplog.at_level(logging.ERROR):
        made = await door.post("/teams", json={"name": "design"})
    assert made.status_code == 201
    assert (await door.get("/teams/design")).json() == made.json()
    (line,) = [record for record in caplog.records if record.message == "a change is not in the audit log"]
    told = vars(line)
    assert (told["action"], told["after"]["name"], told["actor"]["name"]) == ("team.create", "design", "bootstrap")
    assert told["request_id"] == made.headers["x-request-id"]
