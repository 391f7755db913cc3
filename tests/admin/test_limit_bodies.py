"""Limits as the operator writes them: what is taken, what is refused, and what a new key inherits."""

from typing import Any

import httpx
import pytest

ALL = {
    "requests_per_minute": 60,
    "images_per_minute": 20,
    "tokens_per_minute": 100_000,
    "concurrent_images": 5,
    "images_per_day": 0,
    "budget": {"limit": "250.00", "period": "month", "timezone": "Europe/Berlin", "reset_day": 28, "alerts": [50, 100]},
}
NONE = dict.fromkeys(ALL)
DEFAULTS = {"period": "month", "timezone": "UTC", "reset_day": 1, "alerts": []}


async def test_every_limit_is_kept_as_written(door: httpx.AsyncClient) -> None:
    """Of teams, of what their new keys get, and of keys."""
    body = {"name": "design", "limits": ALL, "key_limits": ALL | {"budget": None}}
    made = await door.post("/teams", json=body)
    assert made.status_code == 201
    assert made.json()["limits"] == ALL
    assert made.json()["key_limits"] == ALL | {"budget": None}
    assert (await door.get("/teams/design")).json() == made.json()
    assert (await door.get("/teams")).json() == [made.json()]
    key = (await door.post("/teams/design/keys", json={"alias": "ana", "limits": ALL})).json()
    assert key["limits"] == ALL


@pytest.mark.parametrize(
    ("limits", "param", "told"),
    [
        ({"images_per_day": -1}, "limits.images_per_day", "greater than or equal to 0"),
        ({"tokens_per_minute": 1.5}, "limits.tokens_per_minute", "valid integer"),
        ({"tokens_per_minute": True}, "limits.tokens_per_minute", "valid integer"),
        ({"tokens_per_day": 1}, "limits.tokens_per_day", "not permitted"),
        ({"budget": {"period": "day"}}, "limits.budget.limit", "required"),
        ({"budget": {"limit": "12,50"}}, "limits.budget.limit", "amount of dollars"),
        ({"budget": {"limit": "1", "timezone": "Mars"}}, "limits.budget.timezone", "IANA"),
        ({"budget": {"limit": "1", "reset_day": 0}}, "limits.budget.reset_day", "greater than or equal to 1"),
        ({"budget": {"limit": "1", "reset_day": 29}}, "limits.budget.reset_day", "less than or equal to 28"),
        ({"budget": {"limit": "1", "period": "week", "reset_day": 8}}, "limits.budget", "week is 1 to 7, not 8"),
        ({"budget": {"limit": "1", "period": "day", "reset_day": 2}}, "limits.budget", "day is 1, not 2"),
        ({"budget": {"limit": "1", "period": "total", "reset_day": 2}}, "limits.budget", "total is 1, not 2"),
        ({"budget": {"limit": "1", "alerts": [0]}}, "limits.budget.alerts", "greater than or equal to 1"),
        ({"budget": {"limit": "1", "alerts": [101]}}, "limits.budget.alerts", "less than or equal to 100"),
        ({"budget": {"limit": "1", "alerts": [80, 50]}}, "limits.budget.alerts", "ascending"),
        ({"budget": {"limit": "1", "alerts": [50, 50]}}, "limits.budget.alerts", "each once"),
    ],
)
async def test_a_limit_that_cannot_be_is_named(
    door: httpx.AsyncClient, limits: dict[str, Any], param: str, told: str
) -> None:
    """A 400 with the path to it, for teams, keys and defaults alike; nothing comes about."""
    await door.post("/teams", json={"name": "standing"})
    answers = [
        await door.post("/teams", json={"name": "design", "limits": limits}),
        await door.post("/teams/standing/keys", json={"alias": "ana", "limits": limits}),
        await door.patch("/teams/standing", json={"limits": limits}),
    ]
    for answer in answers:
        assert answer.status_code == 400
        assert answer.json()["param"] == param
        assert told in answer.json()["detail"]
    in_defaults = await door.post("/teams", json={"name": "design", "key_limits": limits})
    assert in_defaults.json()["param"] == f"key_{param}"
    assert [team["name"] for team in (await door.get("/teams")).json()] == ["standing"]
    assert (await door.get("/teams/standing/keys")).json() == []


async def test_every_period_has_its_days(door: httpx.AsyncClient) -> None:
    """The first and the last on which it may begin."""
    for period, last in (("week", 7), ("month", 28), ("day", 1), ("total", 1)):
        for day in (1, last):
            budget = {"limit": "1", "period": period, "reset_day": day}
            made = await door.post("/teams", json={"name": f"{period}-{day}", "limits": {"budget": budget}})
            assert made.status_code in (201, 409)
            shown = await door.get(f"/teams/{period}-{day}")
            assert shown.json()["limits"]["budget"]["reset_day"] == day


async def test_a_new_key_takes_what_its_team_says_where_it_is_told_nothing(door: httpx.AsyncClient) -> None:
    """Field by field: what is given wins, null included, and a budget is given as a whole."""
    defaults = {"images_per_minute": 3, "images_per_day": 40, "budget": {"limit": "20.00", "period": "week"}}
    await door.post("/teams", json={"name": "design", "key_limits": defaults})

    async def limits_of(alias: str, **given: Any) -> dict[str, Any]:
        made = await door.post("/teams/design/keys", json={"alias": alias, **given})
        limits: dict[str, Any] = made.json()["limits"]
        return limits

    inherited = NONE | defaults | {"budget": DEFAULTS | {"limit": "20.00", "period": "week"}}
    assert await limits_of("a") == inherited
    assert await limits_of("b", limits={}) == inherited
    own = {"images_per_day": 0, "images_per_minute": None, "concurrent_images": 2}
    assert await limits_of("c", limits=own) == inherited | own
    assert await limits_of("d", limits={"budget": None}) == inherited | {"budget": None}
    whole = {"budget": DEFAULTS | {"limit": "5.00"}}
    assert await limits_of("e", limits={"budget": {"limit": "5"}}) == inherited | whole
    await door.patch("/teams/design", json={"key_limits": {"images_per_minute": 9}})
    assert await limits_of("f") == inherited | {"images_per_minute": 9}
    assert (await door.get("/teams/design/keys")).json()[0]["limits"] == inherited
