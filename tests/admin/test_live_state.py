"""What goes on now, the overview and the catalog, as the console draws them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.accounts.models import Budget, Limits
from app.metrics import Durations, Metrics
from app.money import Money
from app.settings.loading import load_settings
from app.simulator.server import Simulator
from app.wiring.services import Services, open_services
from tests.admin.operators import entering
from tests.ledger.long_ledger import write_ledger
from tests.ledger.scene import budget, delivered, open_scene
from tests.support.gateway import ADMIN_TOKEN
from tests.support.redis_server import RedisServer

BALANCE_KEY = "sk-without-quota"


async def get(door: httpx.AsyncClient, path: str) -> dict[str, Any]:
    """A document."""
    answer = await door.get(path)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def test_live_tells_what_is_under_way(door: httpx.AsyncClient, services: Services) -> None:
    """Held money, pictures and queue of every team; this replica's own numbers; never a key of the upstream."""
    scene = await open_scene(services.datastore, Limits(concurrent_images=2))
    await scene.hold("drawn", 30, images=2)
    await services.datastore.command("ZADD", scene.names.named("queue"), 1, "waits")
    with services.places.one() as place:
        await place.take_for("a key")
        live = await get(door, "/live")
    [team] = live["teams"]
    assert team == {"team": scene.team.name, "holds": 1, "held": "0.00000003", "images": 2, "queued": 1}
    assert (live["in_flight"], live["open_holds"], live["journal_records"], live["redis"]) == (1, 0, 0, True)
    assert live["catalog"] == services.catalog.version
    assert live["upstream"]["attempts"] == {}
    assert live["upstream"]["balance"] is None


async def test_live_answers_without_redis(own_redis: RedisServer, tmp_path: Path) -> None:
    """That Redis is away is an answer, not an error; breakers are told by their place, not by their key."""
    settings = load_settings(admin_token=ADMIN_TOKEN, data_dir=tmp_path, cometapi_key="sk-one,sk-two")
    async with open_services(settings, own_redis.url, background=False) as services, entering(services) as door:
        own_redis.kill()
        live = await get(door, "/live")
    assert (live["redis"], live["teams"]) == (False, None)
    assert live["upstream"]["keys"] == {"key 1 of 2": "ready", "key 2 of 2": "ready"}


async def test_live_tells_what_is_left_at_the_upstream(redis_url: str, tmp_path: Path) -> None:
    """As CometAPI last told it; when it tells nothing any more, why. Never the key."""
    accepted = {BALANCE_KEY}
    async with Simulator(accepts_key=accepted.__contains__) as simulator:
        settings = load_settings(
            admin_token=ADMIN_TOKEN,
            data_dir=tmp_path,
            redis_timeout_seconds=10,
            balance_key=BALANCE_KEY,
            balance_url=f"{simulator.origin}/user/quota",
        )
        async with open_services(settings, redis_url, background=False) as services, entering(services) as door:
            assert services.balance is not None
            assert (await get(door, "/live"))["upstream"]["balance"] is None
            asked = (await services.balance.ask()).asked_at
            told = (await get(door, "/live"))["upstream"]["balance"]
            assert told == {"usd": "100.00", "asked_at": asked.isoformat().replace("+00:00", "Z"), "error": None}
            accepted.clear()
            await services.balance.ask()
            answer = await door.get("/live")
    told = answer.json()["upstream"]["balance"]
    assert (told["usd"], told["error"]) == (None, "the key is refused (status 401)")
    assert BALANCE_KEY not in answer.text


async def test_the_overview_adds_up(door: httpx.AsyncClient, services: Services) -> None:
    """Days, models and teams are sums of the same roll-ups; budgets stand as the books have them."""
    scene = await open_scene(services.datastore, Limits(budget=Budget(Money(10**9), "total")))
    await write_ledger(scene, 300, cost=1_000_000)
    other = await open_scene(services.datastore, budget(10**8))
    await other.books.settle(await other.hold("bought", 7), delivered(7))
    await other.hold("under way", 5)

    page = await get(door, "/overview")

    today = datetime.now(UTC).date()
    assert [day["day"] for day in page["days"]] == [f"{today - timedelta(days=ago)}" for ago in range(29, -1, -1)]
    assert sum(day["requests"] for day in page["days"]) == 301
    assert sum(model["requests"] for model in page["models"]) == 301
    assert sum(model["delivered"] for model in page["models"]) == 271
    assert page["days"][-1] | {"day": None} == page["today"] | {"day": None}
    assert 0.8 < page["days"][10]["success_rate"] < 1
    month = [day for day in page["days"] if day["day"] >= f"{today.replace(day=1)}"]
    assert page["month"]["requests"] == sum(day["requests"] for day in month)
    teams = {team["team"]: team for team in page["teams"]}
    first, second = teams[scene.team.name], teams[other.team.name]
    assert (first["spent"], first["left"], first["resets_at"]) == ("0.27", "0.73", None)
    assert (second["today"], second["month"], second["spent"], second["held"]) == (
        *("0.000000007", "0.000000007", "0.000000007"),
        "0.000000005",
    )
    assert second["left"] == "0.099999988"
    assert second["resets_at"] > f"{today}"


async def test_an_overview_of_nothing(door: httpx.AsyncClient) -> None:
    """No team, no request: thirty empty days, and no rate of anything."""
    page = await get(door, "/overview")
    assert (page["teams"], page["models"], len(page["days"])) == ([], [], 30)
    assert page["today"] == {"requests": 0, "delivered": 0, "success_rate": None, "images": 0, "cost": "0.00"}
    assert (page["request_seconds"]["requests"], page["request_seconds"]["p95"]) == (0, None)


async def test_seconds_are_those_of_all_models(door: httpx.AsyncClient, services: Services) -> None:
    """Percentiles over every model and outcome, as near as the buckets tell."""
    for model, seconds in (("a", 0.4), ("a", 0.4), ("b", 0.4), ("b", 100)):
        services.metrics.request_seconds.labels(model, "delivered").observe(seconds)
    told = (await get(door, "/overview"))["request_seconds"]
    assert told["requests"] == 4
    assert 0.25 < told["p50"] <= 0.5
    assert 90 < told["p95"] <= 120


@pytest.mark.parametrize(
    ("buckets", "share", "seconds"),
    [
        (((1.0, 0), (2.0, 4), (float("inf"), 4)), 0.5, 1.5),
        (((1.0, 4), (2.0, 4), (float("inf"), 4)), 0.95, 0.95),
        (((1.0, 1), (2.0, 1), (float("inf"), 4)), 0.95, 2.0),
        (((1.0, 0), (float("inf"), 0)), 0.5, None),
        ((), 0.5, None),
    ],
)
def test_a_share_lies_within(buckets: tuple[tuple[float, int], ...], share: float, seconds: float | None) -> None:
    """Evenly spread inside a bucket, the last bound beyond it, nothing without any."""
    assert Durations(buckets).within(share) == seconds


def test_no_requests_have_no_duration() -> None:
    """A process that has just started."""
    assert Metrics("0", "0").request_durations().number == 0


async def test_the_catalog_draws_a_form(door: httpx.AsyncClient, services: Services) -> None:
    """Prices in dollars with their basis, and the bounds of each parameter that reaches the model."""
    catalog = await get(door, "/catalog")
    models = {model["name"]: model for model in catalog["models"]}
    assert (catalog["version"], catalog["default_model"]) == (services.catalog.version, "gpt-image-2")
    assert models.keys() == {profile.name for profile in services.catalog.all()}
    model = models["gpt-image-2"]
    assert model["state"] == "offered"
    assert float(model["prices"]["image_output"]) > float(model["prices"]["text_input"]) > 0
    parameters = model["operations"]["generations"]["parameters"]
    assert {"prompt", "n", "size", "quality", "stream", "partial_images"} <= parameters.keys()
    assert "style" not in parameters
    assert parameters["n"]["type"] == "integer"
    assert parameters["n"]["min"] == 1
    assert "auto" in parameters["quality"]["values"]
    assert parameters["size"]["free"]["max_edge"] > 0
    assert model["operations"]["edits"]["pictures"]["mask"] is True
    assert models["dall-e-2"]["state"] in ("retired", "unpriced")
    assert "partial_images" not in models["qwen-image"]["operations"]["generations"]["parameters"]
