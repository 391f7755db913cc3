"""The operator's routes that give credit and verify the books, as a program calls them."""

from typing import Any

import httpx
import pytest

from app.wiring.services import Services
from tests.ledger.scene import Scene, budget, delivered, open_scene


@pytest.fixture
async def scene(services: Services) -> Scene:
    """A team that has bought two pictures, for a cent and for two."""
    opened = await open_scene(services.datastore, budget(10**9))
    for number, cost in enumerate((10_000_000, 20_000_000)):
        await opened.books.settle(await opened.hold(f"bought-{number}", cost), delivered(cost))
    return opened


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
    assert too_much.json()["param"] == "amount"
    assert "At most $0.01 can be credited" in too_much.json()["detail"]


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
