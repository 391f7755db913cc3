"""The operator's pages of the ledger, one request opened, and the ledger as a file."""

import csv
import json
from typing import Any

import httpx
import pytest

from app.accounts.models import Limits
from app.ledger.models import Ending, Resolution
from app.web.middleware import new_request_id
from app.wiring.services import Services
from tests.ledger.long_ledger import write_ledger
from tests.ledger.scene import Scene, delivered, now_ms, open_scene


@pytest.fixture
async def scene(services: Services) -> Scene:
    """A team of two keys with forty entries."""
    opened = await open_scene(services.datastore, None, Limits(), Limits())
    await write_ledger(opened, 40)
    return opened


async def get(door: httpx.AsyncClient, path: str, scene: Scene, **query: Any) -> dict[str, Any]:
    """A document about the team."""
    answer = await door.get(path, params={"team": scene.team.name, **query})
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def test_pages_follow_each_other(door: httpx.AsyncClient, scene: Scene) -> None:
    """By cursor, the newest first, with filters by a key's public name and everything else."""
    requests: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await get(door, "/ledger/entries", scene, limit=15, key=scene.keys[1].public_id, **cursor)
        requests += [entry["request"] for entry in page["entries"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert requests == [f"req_{number:020d}" for number in range(39, 0, -2)]
    found = await get(door, "/ledger/entries", scene, model="qwen-image", outcome="failed")
    assert [entry["request"] for entry in found["entries"]] == [f"req_{29:020d}"]


async def test_an_entry_says_everything(door: httpx.AsyncClient, scene: Scene) -> None:
    """Money in dollars, times in UTC, names beside ids."""
    [entry] = (await get(door, "/ledger/entries", scene, request=f"req_{3:020d}"))["entries"]
    assert entry["cost"] == "0.0412"
    assert (entry["alias"], entry["user"], entry["flags"], entry["kind"]) == ("a key", "ana", [], "settle")
    assert entry["resolved_at"].endswith("Z")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 400),
        ({"team": "nobody"}, 404),
        ({"limit": 0}, 400),
        ({"limit": 1001}, 400),
        ({"cursor": "yesterday"}, 400),
        ({"key": "nobody"}, 404),
        ({"key": "-"}, 200),
        ({"outcome": "good"}, 400),
        ({"since": "yesterday"}, 400),
    ],
)
async def test_pages_have_their_bounds(
    door: httpx.AsyncClient, scene: Scene, query: dict[str, Any], status: int
) -> None:
    """What is no filter, no cursor, no key or no team is refused."""
    named = {"team": scene.team.name} if query else {}
    assert (await door.get("/ledger/entries", params=named | query)).status_code == status


async def test_one_request_is_told_whole(door: httpx.AsyncClient, services: Services, scene: Scene) -> None:
    """Its entries and its record: stages, what was changed, the error, whether its answer is kept."""
    good, bad, under_way = new_request_id(), new_request_id(), new_request_id()
    about = {"stages": {"forward": 12.5}, "normalized": ["style;dropped"], "upstream_id": "up_1"}
    kept = services.results.new_name("json")
    await scene.books.settle(await scene.hold(good, 100), delivered(60), Ending(True, kept, None, about))
    error = {"status": 502, "envelope": {"error": {"code": "upstream_failed", "message": "no"}}}
    await scene.books.settle(await scene.hold(bad, 100), Resolution("unknown", charged=True), Ending(True, "", error))
    await scene.hold(under_way, 100)

    told = await get(door, f"/ledger/requests/{good}", scene)
    assert (told["cost"], [entry["cost"] for entry in told["entries"]]) == ("0.00000006", ["0.00000006"])
    record = told["record"]
    assert (record["state"], record["stages"], record["normalized"]) == (
        "delivered",
        {"forward": 12.5},
        ["style;dropped"],
    )
    assert (record["upstream_id"], record["result"]["kept"], record["error"]) == ("up_1", True, None)
    assert kept not in json.dumps(told)
    told = await get(door, f"/ledger/requests/{bad}", scene)
    assert told["record"]["error"] == {"status": 502, "code": "upstream_failed", "message": "no"}
    assert (told["record"]["state"], told["record"]["result"]) == ("unknown", None)
    told = await get(door, f"/ledger/requests/{under_way}", scene)
    assert (told["entries"], told["record"]["state"]) == ([], "in_progress")
    old = await get(door, f"/ledger/requests/req_{7:020d}", scene)
    assert (len(old["entries"]), old["record"]) == (1, None)
    other = await open_scene(services.datastore)
    for team, request in ((scene, new_request_id()), (other, good)):
        answer = await door.get(f"/ledger/requests/{request}", params={"team": team.team.name})
        assert answer.status_code == 404


async def test_recent_requests_are_those_of_all_keys(door: httpx.AsyncClient, scene: Scene) -> None:
    """The newest first, under way or ended, of the team or of one key; no more than asked for."""
    ids = [new_request_id() for _ in range(4)]
    for number, request in enumerate(ids):
        hold = await scene.hold(request, 100, key=number % 2)
        if number < 2:
            await scene.books.settle(hold, delivered(60))
        await until_next_ms(scene)
    told = (await get(door, "/requests", scene))["requests"]
    assert [record["id"] for record in told] == ids[::-1]
    assert [record["state"] for record in told] == ["in_progress", "in_progress", "delivered", "delivered"]
    one = (await get(door, "/requests", scene, key=scene.keys[0].id, limit=1))["requests"]
    assert [record["id"] for record in one] == [ids[2]]
    assert (await door.get("/requests", params={"team": scene.team.name, "limit": 101})).status_code == 400


async def until_next_ms(scene: Scene) -> None:
    """Let the server's clock go on, so that two requests are not admitted in the same millisecond."""
    before = await now_ms(scene.datastore)
    while await now_ms(scene.datastore) == before:
        pass


async def test_an_export_is_the_whole_ledger(door: httpx.AsyncClient, scene: Scene) -> None:
    """The oldest first, as lines of JSON or as CSV with a head, under a name of its own."""
    answer = await door.get("/ledger/export", params={"team": scene.team.name})
    entries = [json.loads(line) for line in answer.text.splitlines()]
    assert [entry["request"] for entry in entries] == [f"req_{number:020d}" for number in range(40)]
    assert answer.headers["content-type"] == "application/x-ndjson"
    name = scene.team.name.replace(" ", "_")
    assert answer.headers["content-disposition"] == f'attachment; filename="ledger-{name}.jsonl"'
    sheet = await door.get("/ledger/export", params={"team": scene.team.name, "format": "csv"})
    rows = list(csv.DictReader(sheet.text.splitlines()))
    assert [row["id"] for row in rows] == [entry["id"] for entry in entries]
    assert (rows[3]["user"], rows[3]["cost"], rows[9]["outcome"]) == ("ana", "0.0412", "failed")


async def test_an_export_comes_in_pieces(door: httpx.AsyncClient, scene: Scene) -> None:
    """Each behind the last entry of the one before; what is no entry is refused before anything is sent."""
    ids: list[str] = []
    after: dict[str, str] = {}
    while True:
        answer = await door.get("/ledger/export", params={"team": scene.team.name, "limit": 15, **after})
        piece = [json.loads(line)["id"] for line in answer.text.splitlines()]
        ids += piece
        if len(piece) < 15:
            break
        after = {"after": piece[-1]}
    assert len(set(ids)) == 40
    for query in ({"after": "x"}, {"format": "xml"}, {"limit": 0}):
        answer = await door.get("/ledger/export", params={"team": scene.team.name, **query})
        assert answer.status_code == 400


async def test_an_empty_ledger_exports_as_nothing(door: httpx.AsyncClient, services: Services) -> None:
    """No lines of JSON, and of CSV the head alone."""
    scene = await open_scene(services.datastore)
    assert (await door.get("/ledger/export", params={"team": scene.team.name})).text == ""
    sheet = await door.get("/ledger/export", params={"team": scene.team.name, "format": "csv"})
    assert len(sheet.text.splitlines()) == 1
