"""The same gateway on every engine: it sells a picture, keeps the books, and says that it is ready."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.accounts.models import Budget, Limits
from app.money import Money
from app.simulator.server import Simulator
from tests.support.gateway import running_gateway
from tests.support.redis_sentinel import WatchedRedis


@pytest.fixture
def sentinel_url() -> Iterator[str]:
    with WatchedRedis(replicas=1) as servers:
        yield servers.url


@pytest.mark.parametrize("engine", ["cluster_url", "sentinel_url"])
async def test_a_gateway_serves_on_it(request: pytest.FixtureRequest, tmp_path: Path, engine: str) -> None:
    """Teams on several masters buy side by side; every picture is in its team's ledger, and all books add up."""
    url: str = request.getfixturevalue(engine)
    async with Simulator() as simulator, running_gateway(url, tmp_path, simulator) as gateway:
        teams = [await gateway.new_team(Limits(budget=Budget(Money(10**9)))) for _ in range(4)]
        for team in teams:
            client = gateway.sdk(await gateway.new_key(team))
            made = await client.images.generate(model="gpt-image-2", prompt="a boat", size="1024x1024", quality="low")
            assert made.data
        for team in teams:
            assert [entry.outcome for entry in await gateway.entries(team.id)] == ["delivered"]
            assert (await gateway.services.usage.recompute(team.id)).differences == ()
        async with gateway.http() as http:
            assert (await http.get("/readyz")).json() == {"status": "ok", "redis": "ok"}
