"""``GET /v1/usage`` as a teammate's program reads it."""

from datetime import UTC, datetime
from typing import Any

from app.accounts.models import Budget, Limits
from app.money import Money, parse_dollars
from tests.support.gateway import Gateway

BOAT = {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x1024", "quality": "low"}
BUDGET = Budget(Money(10**9), "month", "Asia/Kolkata")


async def usage(gateway: Gateway, key: str, path: str = "/v1/usage") -> dict[str, Any]:
    """What a key is told."""
    async with gateway.http(key) as client:
        answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def test_a_key_sees_its_own_numbers_alone(gateway: Gateway) -> None:
    """What it bought, today and this month, by model; what the team has left, and nothing of who used the rest."""
    team = await gateway.new_team(Limits(budget=BUDGET, images_per_minute=10))
    key, other = await gateway.new_key(team), await gateway.new_key(team)
    for who in (key, other, other):
        await gateway.sdk(who).images.generate(**BOAT)  # type: ignore[call-overload] # any body
    cost = (await gateway.entries(team.id))[0].cost

    told = await usage(gateway, key)

    assert (told["team"], told["key"]["alias"], told["timezone"]) == (team.name, "tester", "Asia/Kolkata")
    assert key.startswith(told["key"]["id"])
    for span in (told["today"], told["month"]):
        assert (span["requests"], span["delivered"], span["images"]) == (1, 1, 1)
        assert parse_dollars(span["cost"]) == cost
        assert [(model["model"], parse_dollars(model["cost"])) for model in span["models"]] == [("gpt-image-2", cost)]
        assert datetime.fromisoformat(span["since"]) <= datetime.now(UTC) < datetime.fromisoformat(span["until"])
    limits = {(limit["what"], limit["scope"]): limit for limit in told["limits"]}
    assert limits.keys() == {("budget", "team"), ("images", "team")}
    budget = limits["budget", "team"]
    assert parse_dollars(budget["left"]) == 10**9 - 3 * cost
    assert budget["resets_at"][:16] == told["month"]["until"][:16]
    assert limits["images", "team"]["limit"] == 10
    everything = str(told)
    assert other.rpartition("-")[0] not in everything


async def test_a_new_key_has_used_nothing(gateway: Gateway) -> None:
    """Zeros in UTC, and no limit where there is none; also without /v1 before the path."""
    key = await gateway.new_key(await gateway.new_team())
    for path in ("/v1/usage", "/usage", "/v1/usage/"):
        told = await usage(gateway, key, path)
        assert (told["timezone"], told["limits"]) == ("UTC", [])
        assert (told["month"]["requests"], told["month"]["cost"], told["month"]["models"]) == (0, "0.00", [])


async def test_a_total_budget_never_resets(gateway: Gateway) -> None:
    """And asking takes nothing of any limit."""
    key = await gateway.new_key(await gateway.new_team(Limits(budget=Budget(Money(5), "total"), requests_per_minute=1)))
    for _ in range(3):
        budget, requests = sorted((await usage(gateway, key))["limits"], key=lambda limit: str(limit["what"]))
        assert (budget["left"], budget["resets_at"]) == ("0.000000005", None)
        assert requests["left"] == 1


async def test_nobody_has_no_usage(gateway: Gateway) -> None:
    """Without a key, with a wrong one or with two there is nothing to be seen."""
    key = await gateway.new_key(await gateway.new_team())
    async with gateway.http() as client:
        assert (await client.get("/v1/usage")).status_code == 401
        assert (await client.get("/v1/usage", headers={"Authorization": f"Bearer {key}x"})).status_code == 401
        two = [("Authorization", f"Bearer {key}"), ("Authorization", f"Bearer {key}")]
        assert (await client.get("/v1/usage", headers=two)).status_code == 401
