"""The pretend CometAPI's balance: what it billed, day by day, at the prices it lists."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.simulator.account import bill_of
from app.simulator.scenario import Scenario
from app.simulator.server import Simulator

PATH = "/v1/images/generations"


async def balance(simulator: Simulator, **asked: str) -> dict[str, Any]:
    """Ask for it."""
    async with httpx.AsyncClient(base_url=simulator.origin) as client:
        answer = await client.get("/user/quota", params={"key": "sk-test", **asked})
    document: dict[str, Any] = answer.json()
    return document


async def test_days_hold_what_was_billed(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """Pictures drawn are billed, delivered or not; what was refused is not; the days asked for are told."""
    today = datetime.now(UTC).date()
    body = {"model": "gpt-image-2", "prompt": "a boat", "size": "1024x1024", "quality": "low"}
    simulator.next(Scenario(status=429))
    assert (await client.post(PATH, json=body)).status_code == 429
    usage = (await client.post(PATH, json=body)).json()["usage"]
    assert (await client.post(PATH, json={"model": "qwen-image", "prompt": "a boat"})).status_code == 200

    billed = (usage["input_tokens"] * 4 + usage["output_tokens"] * 24) / 1e6 + 0.04
    told = await balance(simulator)
    rows = [row for day in told["daily_quota"].values() for row in day]  # two days where midnight passed meanwhile
    assert sum(row["quota_used"] for row in rows) == pytest.approx(billed)
    assert sum(row["request_count"] for row in rows) == 2
    assert {row["token_name"] for row in rows} == {"simulator"}
    assert told["total_used_quota"] == pytest.approx(billed)
    around = {"start_date": f"{today - timedelta(days=1)}", "end_date": f"{today + timedelta(days=1)}"}
    assert (await balance(simulator, **around))["daily_quota"] == told["daily_quota"]
    past = {"start_date": "2020-01-01", "end_date": "2020-01-31"}
    assert (await balance(simulator, **past))["daily_quota"] == {}


@pytest.mark.parametrize(
    ("model", "dollars"),
    [("gpt-image-2", 28), ("gpt-image-1.5", 29.6), ("dall-e-3", 0.064), ("of nobody", 28), ("gpt-image-2-all", 28)],
)
def test_a_bill_follows_the_price_list(model: str, dollars: float) -> None:
    """By tokens or by picture; a model without a price is billed like gpt-image-2."""
    assert bill_of(model, 1_000_000, 1_000_000, 2) == pytest.approx(dollars)
