"""The operator's routes about the books: days, credits, verification, as a program calls them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.wiring import Services
from tests.ledger.scene import Scene, budget, delivered, open_scene

TODAY = datetime.now(UTC).date()
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)


@pytest.fixture
async def scene(services: Services) -> Scene:
    """A team that has bought two pictures, for a cent and for two."""
    opened = await open_scene(services.datastore, budget(10**9))
    for number, cost in enumerate((10_000_000, 20_000_000)):
        await opened.books.settle(await opened.hold(f"bought-{number}", cost), delivered(cost))
    return opened


def around(**given: Any) -> dict[str, str]:
    """Yesterday to tomorrow, and whatever else."""
    return {name: str(value) for name, value in {"since": YESTERDAY, "until": TOMORROW, **given}.items()}


async def test_days_are_summed_over_teams(door: httpx.AsyncClient, services: Services, scene: Scene) -> None:
    """All teams or one; every day is told, also one on which nothing happened."""
    other = await open_scene(services.datastore)
    await other.books.settle(await other.hold("elsewhere", 1), delivered(1))

    days = (await door.get("/usage/days", params=around())).json()
    own = (await door.get("/usage/days", params=around(team=scene.team.id))).json()

    assert [day["day"] for day in days] == [f"{TODAY + timedelta(days=number)}" for number in (-1, 0, 1)]
    assert sorted((day["cost"], day["requests"]) for day in days) == [("0.00", 0), ("0.00", 0), ("0.030000001", 3)]
    assert max((day["cost"], day["requests"]) for day in own) == ("0.03", 2)


async def test_usage_is_told_dearest_first(door: httpx.AsyncClient, services: Services) -> None:
    """Whoever looks for what the money went to finds it at the top."""
    scene = await open_scene(services.datastore, budget(10**9), budget(10**9), budget(10**9), budget(10**9))
    for key, cost in enumerate((2, 3, 1)):
        await scene.books.settle(await scene.hold(f"bought-{key}", cost, key=key), delivered(cost))
    rows = (await door.get("/usage", params={"team": scene.team.id})).json()["rows"]
    assert [row["cost"] for row in rows] == ["0.000000003", "0.000000002", "0.000000001"]


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"until": TODAY - timedelta(days=2)}, 400),
        ({"since": TODAY - timedelta(days=91)}, 400),
        ({"since": TODAY - timedelta(days=90)}, 200),
        ({"since": "1999-12-31", "until": "1999-12-31"}, 400),
        ({"since": "9999-12-31", "until": "9999-12-31"}, 400),
        ({"since": "yesterday"}, 400),
        ({"team": "nobody"}, 404),
    ],
)
async def test_days_have_their_bounds(door: httpx.AsyncClient, given: dict[str, Any], status: int) -> None:
    """At most a quarter at once, forwards, in years that can be."""
    assert (await door.get("/usage/days", params=around(**given))).status_code == status


async def test_a_credit_is_made_once(door: httpx.AsyncClient, scene: Scene) -> None:
    """201 with the credit; 200 where it stands already; the team of a request is found by itself."""
    body = {"request": "bought-1", "amount": "0.015", "reason": " blurred ", "id": "credit-of-the-tests"}
    made = await door.post("/ledger/credits", json=body)
    again = await door.post("/ledger/credits", json=body | {"team": scene.team.name})

    expected = body | {"team": scene.team.name, "reason": "blurred", "already": False}
    assert (made.status_code, made.json()) == (201, expected)
    assert (again.status_code, again.json()) == (200, expected | {"already": True})
    verification = (await door.get("/ledger/verify", params={"team": scene.team.id})).json()
    assert (verification["entries"], verification["differences"]) == (3, [])
    assert await scene.spent() == 15_000_000


async def test_a_credit_without_an_id_gets_one(door: httpx.AsyncClient, scene: Scene) -> None:
    """Each is a credit of its own then."""
    body = {"team": scene.team.id, "amount": "0.01", "reason": "goodwill"}
    ids = {(await door.post("/ledger/credits", json=body)).json()["id"] for _ in range(2)}
    assert len(ids) == 2
    assert await scene.spent() == 10_000_000
    too_much = await door.post("/ledger/credits", json=body | {"amount": "0.010000001"})
    assert too_much.status_code == 400
    assert too_much.json()["error"]["param"] == "amount"
    assert "At most $0.01 can be credited" in too_much.json()["error"]["message"]


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"team": None}, 400),
        ({"amount": "-1"}, 400),
        ({"amount": "0"}, 400),
        ({"amount": 1}, 400),
        ({"reason": None}, 400),
        ({"reason": " "}, 400),
        ({"reason": "x" * 501}, 400),
        ({"reason": "two\nlines"}, 400),
        ({"id": "short"}, 400),
        ({"id": "no spaces in it"}, 400),
        ({"key": "ana"}, 400),
        ({"team": "nobody"}, 404),
        ({"request": "nothing"}, 404),
        ({"team": None, "request": "nothing"}, 404),
    ],
)
async def test_a_credit_that_cannot_be_changes_nothing(
    door: httpx.AsyncClient, scene: Scene, given: dict[str, Any], status: int
) -> None:
    """No target, no amount, no reason, a name nobody has: refused, and nothing is written."""
    body = {"team": scene.team.id, "amount": "0.01", "reason": "goodwill"} | given
    answer = await door.post("/ledger/credits", json={name: value for name, value in body.items() if value is not None})
    assert answer.status_code == status, answer.text
    assert len(await scene.entries()) == 2
