"""The kept answer of a request at the operator's door: for owners, told in the audit log, once more as it was given."""

from datetime import UTC, datetime

import httpx
import pytest

from app.accounts.credentials import new_id
from app.accounts.models import Limits, Team
from app.wiring.services import Services
from tests.admin.operators import entering, made_token
from tests.requests.scene import Scene, open_scene

BODY = b'{"created":1800000000,"data":[{"b64_json":"aGVsbG8="}]}'


async def new_scene(services: Services) -> Scene:
    """A team, and a key of it that asks for pictures."""
    team = Team(new_id(), f"team-{new_id()}", datetime.now(UTC), Limits())
    await services.accounts.create_team(team)
    return open_scene(services.datastore, team.id)


@pytest.fixture
async def scene(services: Services) -> Scene:
    """A team whose requests stand on these services' Redis."""
    return await new_scene(services)


async def kept(scene: Scene, services: Services, body: bytes = BODY) -> str:
    """A delivered request, its answer put away."""
    name = services.results.new_name("json")
    draft = services.results.open_draft()
    assert draft is not None
    await draft.write(body)
    assert await services.results.keep(name, draft)
    await draft.aclose()
    return await scene.deliver(result=name)


async def test_an_owner_sees_the_answer_and_the_log_says_so(
    door: httpx.AsyncClient, services: Services, scene: Scene
) -> None:
    """Byte for byte what its client was given; who looked, at what, is an entry, without the picture."""
    request_id = await kept(scene, services)

    answer = await door.get(f"/ledger/requests/{request_id}/answer", params={"team": scene.team_id})

    assert (answer.status_code, answer.content) == (200, BODY)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-imagegate-request-status"] == "delivered"
    [entry, *_] = (await door.get("/audit")).json()["entries"]
    assert (entry["action"], entry["actor"]["name"]) == ("answer.open", "bootstrap")
    assert entry["after"] == {"request": request_id, "key": scene.key_id}


async def test_a_viewer_sees_no_pictures(door: httpx.AsyncClient, services: Services, scene: Scene) -> None:
    """Looking at the books is one thing, looking at what teammates make another."""
    request_id = await kept(scene, services)
    token = (await made_token(door, "vera", "viewer"))["token"]
    async with entering(services, token) as client:
        answer = await client.get(f"/ledger/requests/{request_id}/answer", params={"team": scene.team_id})
    assert answer.status_code == 403
    assert BODY not in answer.content


async def test_what_is_not_there_says_why(door: httpx.AsyncClient, services: Services, scene: Scene) -> None:
    """Of another team, under way, failed, or not kept: each its own answer, and nothing in the audit log."""
    request_id = await kept(scene, services)
    other = await new_scene(services)
    under_way = await scene.write("in_progress")
    await scene.hold(under_way)
    asked = [
        (request_id, other.team_id, 404),
        ("req_00000000000000000000", scene.team_id, 404),
        ("no id at all", scene.team_id, 404),
        (under_way, scene.team_id, 409),
        (await scene.deliver(), scene.team_id, 410),
    ]
    for name, team, status in asked:
        answer = await door.get(f"/ledger/requests/{name}/answer", params={"team": team})
        assert (name, answer.status_code) == (name, status)
    assert [e for e in (await door.get("/audit")).json()["entries"] if e["action"] == "answer.open"] == []
