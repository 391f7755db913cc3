"""Usage by whatever is asked, as a program and a spreadsheet get it."""

import csv
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.accounts.models import Limits
from app.admin.sheets import csv_text
from app.wiring.services import Services
from tests.ledger.scene import Scene, budget, delivered, open_scene


@pytest.fixture
async def scene(services: Services) -> Scene:
    """A team of two keys, which have bought for 1, 2 and 3 nano-dollars, one of it for somebody."""
    opened = await open_scene(services.datastore, None, Limits(), Limits())
    for cost, key, model, note in ((1, 0, "a", {"user": "ana"}), (2, 0, "b", {"user": "=1+1"}), (3, 1, "a", {})):
        hold = await opened.hold(f"bought-{cost}", cost, key=key, model=model, **note)
        await opened.books.settle(hold, delivered(cost))
    return opened


async def usage(door: httpx.AsyncClient, **query: Any) -> dict[str, Any]:
    """The report."""
    answer = await door.get("/usage", params=query)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def costs(report: dict[str, Any], *names: str) -> list[tuple[Any, ...]]:
    """What stands in some columns of the rows, and the cost in nano-dollars."""
    return [(*(row[name] for name in names), round(float(row["cost"]) * 1e9)) for row in report["rows"]]


async def test_each_dimension_has_its_rows(door: httpx.AsyncClient, scene: Scene) -> None:
    """The dearest first, by time where that is asked for; a row names what is asked by and nothing else."""
    one, other = scene.keys
    name = scene.team.name
    day, hour = f"{datetime.now(UTC):%F}", f"{datetime.now(UTC):%FT%H:00:00Z}"
    assert costs(await usage(door, group_by="team"), "team") == [(name, 6)]
    by_key = await usage(door, group_by="key")
    assert sorted(costs(by_key, "key", "alias", "team")) == sorted(
        [(one.id, "a key", name, 3), (other.id, "a key", name, 3)]
    )
    assert costs(await usage(door, group_by="model"), "model") == [("a", 4), ("b", 2)]
    assert costs(await usage(door, group_by="day"), "day") == [(day, 6)]
    assert costs(await usage(door, group_by="hour"), "hour") == [(hour, 6)]
    assert costs(await usage(door, group_by="user"), "user") == [(None, 3), ("=1+1", 2), ("ana", 1)]
    assert costs(await usage(door, group_by="user,model"), "user", "model") == [
        (None, "a", 3),
        ("=1+1", "b", 2),
        ("ana", "a", 1),
    ]
    both = await usage(door, group_by="day, model", team=name)
    assert both["group_by"] == ["day", "model"]
    assert both["rows"][0].keys() == {
        *("day", "model", "requests", "delivered", "refused", "failed", "unknown", "images", "cost"),
        *("text_input_tokens", "image_input_tokens", "text_output_tokens", "image_output_tokens"),
    }
    assert (both["rows"][0]["requests"], both["rows"][0]["images"], both["cost"]) == (2, 2, "0.000000006")


async def test_credits_of_a_team_are_nobodys(door: httpx.AsyncClient, scene: Scene) -> None:
    """They stand beside the keys, with a key that is none."""
    name = scene.team.name
    given = {"team": name, "amount": "0.000000002", "reason": "goodwill"}
    assert (await door.post("/ledger/credits", json=given)).status_code == 201
    rows = costs(await usage(door, group_by="key,team"), "key", "alias", "team")
    assert rows[-1] == ("-", "", name, -2)
    assert len(rows) == 3
    assert costs(await usage(door, group_by="key"), "key", "alias", "team")[-1] == ("-", "", "", -2)


async def test_teams_are_summed_unless_one_is_named(door: httpx.AsyncClient, services: Services, scene: Scene) -> None:
    """Without a word about groups all teams are told by team, and one team as ever: by key and model."""
    other = await open_scene(services.datastore)
    await other.books.settle(await other.hold("elsewhere", 10, user="ana"), delivered(10))
    assert costs(await usage(door), "team") == [(other.team.name, 10), (scene.team.name, 6)]
    assert costs(await usage(door, group_by="user"), "user") == [("ana", 11), (None, 3), ("=1+1", 2)]
    assert costs(await usage(door, group_by="user", team=other.team.id), "user") == [("ana", 10)]
    alone = await usage(door, team=scene.team.name)
    assert alone["group_by"] == ["key", "model"]
    assert len(alone["rows"]) == 3


async def test_usage_is_told_dearest_first(door: httpx.AsyncClient, services: Services) -> None:
    """Whoever looks for what the money went to finds it at the top."""
    scene = await open_scene(services.datastore, budget(10**9), budget(10**9), budget(10**9), budget(10**9))
    for key, cost in enumerate((2, 3, 1)):
        await scene.books.settle(await scene.hold(f"bought-{key}", cost, key=key), delivered(cost))
    rows = (await door.get("/usage", params={"team": scene.team.id})).json()["rows"]
    assert [row["cost"] for row in rows] == ["0.000000003", "0.000000002", "0.000000001"]


async def test_a_time_without_usage_is_empty(door: httpx.AsyncClient, scene: Scene) -> None:
    """Only the whole hours asked for are counted, from roll-ups and from entries alike."""
    until = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    for group_by in ("team", "user"):
        report = await usage(door, group_by=group_by, until=until)
        assert (report["rows"], report["cost"]) == ([], "0.00")


async def test_a_spreadsheet_gets_csv(door: httpx.AsyncClient, scene: Scene) -> None:
    """By ``format`` or by ``Accept``, with a head, and with nothing that a spreadsheet would calculate."""
    asked = await door.get("/usage", params={"group_by": "user,key", "format": "csv"})
    accepted = await door.get("/usage", params={"group_by": "user,key"}, headers={"Accept": "text/csv"})
    assert asked.content == accepted.content
    assert asked.headers["content-type"] == "text/csv; charset=utf-8"
    head, *rows = csv.reader(asked.text.splitlines())
    assert head[:5] == ["user", "team", "key", "alias", "requests"]
    assert [(row[0], row[-1]) for row in rows] == [
        ("", "0.000000003"),
        ("'=1+1", "0.000000002"),
        ("ana", "0.000000001"),
    ]
    team = await door.get("/usage", params={"team": scene.team.name, "format": "csv"})
    assert team.text.splitlines()[0].startswith("team,key,alias,model,requests")
    json = await door.get("/usage", params={"format": "json"}, headers={"Accept": "text/csv"})
    assert json.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"group_by": ""}, 400),
        ({"group_by": "colour"}, 400),
        ({"group_by": "team,team"}, 400),
        ({"group_by": "team,key,model"}, 400),
        ({"format": "xml"}, 400),
        ({"since": "2026-01-01"}, 400),
        ({"since": "1999-01-01T00:00:00Z"}, 400),
        ({"until": "9999-12-31T23:59:59Z"}, 400),
        ({"since": "2000-01-01T00:00:00+14:00", "until": "2000-01-02T00:00:00Z"}, 200),
        ({"team": "nobody", "group_by": "team"}, 404),
    ],
)
async def test_what_cannot_be_grouped_is_refused(door: httpx.AsyncClient, query: dict[str, str], status: int) -> None:
    """Unknown words, too many of them, no time, no team."""
    assert (await door.get("/usage", params=query)).status_code == status


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+49", "'+49"),
        ("@x", "'@x"),
        ("-x", "'-x"),
        ("-0.015", "-0.015"),
        ("\t=1", "' =1"),
        ("a\r\n=1", "a  =1"),
        ("\n=1", "' =1"),
        ("a;=cmd|' /C calc'!A0", "\"'a,=cmd|' /C calc'!A0\""),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("a\x9b=1", "a =1"),
        ("a,b", '"a,b"'),
        ('"', '""""'),
        (None, ""),
        (7, "7"),
    ],
)
def test_a_cell_is_no_formula(value: object, cell: str) -> None:
    """Text that looks like one is marked; numbers stay numbers, and a row stays a line."""
    assert csv_text([("x", value)]) == f"x,{cell}\r\n"
