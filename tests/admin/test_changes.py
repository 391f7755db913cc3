"""Changing teams and keys by a JSON merge patch: absent is unchanged, null takes away, and nothing else moves."""

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.admin.changes import merged

BUDGET = {"limit": "250.00", "period": "month", "timezone": "Europe/Berlin", "reset_day": 15, "alerts": [50]}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
documents = st.dictionaries(st.sampled_from("abc"), json_values, max_size=3)


@pytest.fixture
async def team(door: httpx.AsyncClient) -> dict[str, Any]:
    """A team with some limits and defaults."""
    limits = {"images_per_minute": 5, "tokens_per_minute": 9, "budget": BUDGET}
    made = await door.post("/teams", json={"name": "design", "limits": limits, "key_limits": {"images_per_day": 3}})
    body: dict[str, Any] = made.json()
    return body


@pytest.fixture
async def key(door: httpx.AsyncClient, team: dict[str, Any]) -> dict[str, Any]:
    """A key of that team, with everything said of it that can be said."""
    body = {
        "alias": "ana",
        "limits": {"images_per_minute": 2, "budget": BUDGET},
        "models": ["gpt-image-2"],
        "expires_at": "2100-01-01T00:00:00Z",
        "strict": True,
        "unknown_fields": "pass",
        "fan_out": True,
        "heartbeat_seconds": 20,
    }
    made = (await door.post(f"/teams/{team['id']}/keys", json=body)).json()
    shown: dict[str, Any] = {name: value for name, value in made.items() if name not in ("key", "note")}
    return shown


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({}, {}),
        ({"limits": {}}, {}),
        ({"limits": {"images_per_minute": 7}}, {"images_per_minute": 7}),
        ({"limits": {"images_per_minute": None}}, {"images_per_minute": None}),
        ({"limits": {"images_per_day": 0}}, {"images_per_day": 0}),
        ({"limits": {"budget": {"limit": "300"}}}, {"budget": BUDGET | {"limit": "300.00"}}),
        (
            {"limits": {"budget": {"period": "day", "reset_day": None, "alerts": [1, 2]}}},
            {"budget": BUDGET | {"period": "day", "reset_day": 1, "alerts": [1, 2]}},
        ),
        ({"limits": {"budget": None}}, {"budget": None}),
    ],
)
async def test_a_team_changes_where_it_is_told_to(
    door: httpx.AsyncClient, team: dict[str, Any], patch: dict[str, Any], expected: dict[str, Any]
) -> None:
    """By name or by id; the answer is the team as it stands now."""
    changed = await door.patch("/teams/design", json=patch)
    assert changed.status_code == 200
    assert changed.json() == team | {"limits": team["limits"] | expected}
    assert (await door.get(f"/teams/{team['id']}")).json() == changed.json()


async def test_what_new_keys_get_changes_apart_from_the_team(door: httpx.AsyncClient, team: dict[str, Any]) -> None:
    """One patch may speak of both; each is merged by itself."""
    patch = {"key_limits": {"images_per_day": None, "concurrent_images": 1}, "limits": {"tokens_per_minute": 10}}
    changed = (await door.patch("/teams/design", json=patch)).json()
    assert changed["key_limits"] == team["key_limits"] | {"images_per_day": None, "concurrent_images": 1}
    assert changed["limits"] == team["limits"] | {"tokens_per_minute": 10}


@pytest.mark.parametrize(
    ("patch", "param"),
    [
        ({"limits": {"budget": {"period": "week"}}}, "limits.budget"),
        ({"limits": {"budget": {"limit": None}}}, "limits.budget.limit"),
        ({"limits": 5}, "limits"),
        ({"limits": {"colour": 1}}, "limits.colour"),
        ({"name": "other"}, "name"),
        ({"version": 1}, "version"),
    ],
)
async def test_a_patch_that_leads_nowhere_changes_nothing(
    door: httpx.AsyncClient, team: dict[str, Any], patch: dict[str, Any], param: str
) -> None:
    """What would come out must be something that could have been made; the error names what could not."""
    refused = await door.patch("/teams/design", json=patch)
    assert refused.status_code == 400
    assert refused.json()["param"] == param
    assert (await door.get("/teams/design")).json() == team


@pytest.mark.parametrize("body", [b"[]", b"5", b"null", b"", b"{"])
async def test_a_patch_is_an_object(door: httpx.AsyncClient, team: dict[str, Any], body: bytes) -> None:
    """Anything else is a 400."""
    headers = {"content-type": "application/json"}
    assert (await door.patch("/teams/design", content=body, headers=headers)).status_code == 400
    assert (await door.get("/teams/design")).json() == team


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({}, {}),
        ({"models": ["gpt-image-2-2026-04-21", "qwen-image"]}, {"models": ["gpt-image-2", "qwen-image"]}),
        ({"models": None, "expires_at": None}, {"models": None, "expires_at": None}),
        ({"models": []}, {"models": []}),
        ({"strict": None, "unknown_fields": None}, {"strict": None, "unknown_fields": None}),
        ({"fan_out": None}, {"fan_out": False}),
        ({"heartbeat_seconds": 2.5}, {"heartbeat_seconds": 2.5}),
        ({"heartbeat_seconds": None}, {"heartbeat_seconds": None}),
        ({"strict": False, "unknown_fields": "refuse"}, {"strict": False, "unknown_fields": "refuse"}),
        ({"expires_at": "2099-01-01T00:00:00+01:00"}, {"expires_at": "2099-01-01T00:00:00+01:00"}),
    ],
)
async def test_a_key_changes_where_it_is_told_to(
    door: httpx.AsyncClient, key: dict[str, Any], patch: dict[str, Any], expected: dict[str, Any]
) -> None:
    """By id, public id or alias; its secret stays and is not told again."""
    changed = await door.patch("/teams/design/keys/ana", json=patch)
    assert changed.status_code == 200
    assert changed.json() == key | expected
    assert (await door.get("/teams/design/keys")).json() == [changed.json()]


async def test_a_keys_limits_change_like_a_teams(door: httpx.AsyncClient, key: dict[str, Any]) -> None:
    """Merged into its own; the team's defaults are for new keys and play no part."""
    patch: dict[str, Any] = {"limits": {"images_per_minute": None, "budget": {"alerts": []}}}
    changed = (await door.patch(f"/teams/design/keys/{key['id']}", json=patch)).json()
    assert changed["limits"] == key["limits"] | {"images_per_minute": None, "budget": BUDGET | {"alerts": []}}


@pytest.mark.parametrize(
    ("patch", "status", "told"),
    [
        ({"expires_at": "2020-01-01T00:00:00Z"}, 400, "in the past"),
        ({"expires_at": "2100-01-01T00:00:00"}, 400, "timezone"),
        ({"models": ["no-such-model"]}, 404, "no-such-model"),
        ({"alias": "ben"}, 400, "not permitted"),
        ({"fan_out": "perhaps"}, 400, "boolean"),
        ({"heartbeat_seconds": 0}, 400, "greater than or equal to 1"),
        ({"heartbeat_seconds": 601}, 400, "less than or equal to 600"),
        ({"heartbeat_seconds": "NaN"}, 400, "heartbeat_seconds"),
    ],
)
async def test_a_keys_wrong_patch_changes_nothing(
    door: httpx.AsyncClient, key: dict[str, Any], patch: dict[str, Any], status: int, told: str
) -> None:
    """As when it was made: a past expiry, an unknown model, a field that is none."""
    refused = await door.patch("/teams/design/keys/ana", json=patch)
    assert refused.status_code == status
    assert told in refused.json()["detail"]
    assert (await door.get("/teams/design/keys")).json() == [key]


async def test_a_revoked_key_stays_as_it_is(door: httpx.AsyncClient, key: dict[str, Any]) -> None:
    """Nothing brings it back."""
    await door.post("/teams/design/keys/ana/revoke")
    refused = await door.patch(f"/teams/design/keys/{key['id']}", json={"expires_at": None})
    assert refused.status_code == 409
    assert "is revoked" in refused.json()["detail"]


async def test_missing_records_are_404(door: httpx.AsyncClient, team: dict[str, Any]) -> None:
    """A team or key that is not there."""
    assert (await door.patch("/teams/none", json={})).status_code == 404
    assert (await door.patch("/teams/design/keys/none", json={})).status_code == 404


async def test_a_total_budget_is_told_at_the_door(frugal_door: httpx.AsyncClient) -> None:
    """409 with what is left, 400 for a team without a budget; keys are not counted, being within their teams."""

    async def make(name: str, dollars: str | None) -> httpx.Response:
        limits = {"budget": {"limit": dollars} if dollars else None}
        return await frugal_door.post("/teams", json={"name": name, "limits": limits})

    assert (await make("design", "60")).status_code == 201
    too_much, free = await make("video", "41"), await make("video", None)
    assert (too_much.status_code, free.status_code) == (409, 400)
    assert "$40.00 is left" in too_much.json()["detail"]
    assert (await make("video", "40")).status_code == 201
    raised = await frugal_door.patch("/teams/design", json={"limits": {"budget": {"limit": "61"}}})
    lifted = await frugal_door.patch("/teams/design", json={"limits": {"budget": None}})
    assert (raised.status_code, lifted.status_code) == (409, 400)
    assert (await frugal_door.patch("/teams/design", json={"limits": {"images_per_day": 1}})).status_code == 200
    key = {"alias": "ana", "limits": {"budget": {"limit": "1000"}}}
    assert (await frugal_door.post("/teams/design/keys", json=key)).status_code == 201


@given(documents, documents)
def test_merging_follows_its_rules(document: dict[str, Any], patch: dict[str, Any]) -> None:
    """RFC 7396: what is absent stays, null removes, objects merge, anything else replaces; applying twice is once."""
    result = merged(document, patch)
    assert merged(result, patch) == result
    for name in document.keys() | patch.keys():
        if name not in patch:
            assert result[name] == document[name]
        elif patch[name] is None:
            assert name not in result
        elif isinstance(patch[name], dict):
            before = document.get(name)
            assert result[name] == merged(before if isinstance(before, dict) else {}, patch[name])
        else:
            assert result[name] == patch[name]
