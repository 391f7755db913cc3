"""How a team and its keys stand with their budgets, as bars are drawn from it."""

import httpx

from app.accounts.minting import mint
from app.accounts.models import Budget, Limits
from app.money import Money
from app.wiring.services import Services
from tests.ledger.scene import budget, delivered, open_scene


async def test_team_and_keys_are_told_apart(door: httpx.AsyncClient, services: Services) -> None:
    """What a key spent and holds is the team's, too; a key that did nothing has nothing; nobody's secret is told."""
    scene = await open_scene(services.datastore, budget(10**9))
    idle, text = mint(scene.team.id, "idle", Limits(budget=Budget(Money(5 * 10**8), "month")))
    await services.accounts.create_key(idle)
    await scene.books.settle(await scene.hold("bought", 7_000_000), delivered(7_000_000))
    await scene.hold("under way", 30_000_000, images=2)

    answer = await door.get(f"/teams/{scene.team.name}/standing")

    assert answer.status_code == 200
    told = answer.json()
    assert told["team"] == scene.team.name
    of_team, *of_keys = told["standings"]
    figures = ("scope", "key", "spent", "held", "images", "left")
    assert [of_team[name] for name in figures] == ["team", None, "0.007", "0.03", 2, "0.963"]
    by_id = {standing["key"]: standing for standing in of_keys}
    used = by_id[scene.keys[0].id]
    assert [used[name] for name in figures] == ["key", scene.keys[0].id, "0.007", "0.03", 2, None]
    assert [by_id[idle.id][name] for name in figures] == ["key", idle.id, "0.00", "0.00", 0, "0.50"]
    assert by_id[idle.id]["alias"] == "idle"
    assert by_id[idle.id]["resets_at"] is not None
    assert text.rpartition("-")[2] not in answer.text
