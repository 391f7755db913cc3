"""Ten thousand requests of every kind through two gateways: the books agree with themselves and with the clients."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.accounts.models import Budget, KeyOptions, Limits, Team
from app.ledger.models import Entry
from app.money import parse_dollars
from app.simulator.server import Simulator
from tests.faults.accounting import Accounting, accounting, billed, priced_catalog, replica
from tests.faults.traffic import Outcome, errand, run
from tests.support.process import command, environment
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

REQUESTS = 10_000
CLIENTS = 48
SEED = 20_261_122

TEAMS = (
    Limits(),
    Limits(requests_per_minute=600, tokens_per_minute=2_000_000),
    Limits(budget=Budget(parse_dollars("5"), "total")),
    Limits(concurrent_images=6),
    Limits(images_per_day=1500, images_per_minute=600),
    Limits(budget=Budget(parse_dollars("10"), "day", "Asia/Kathmandu"), concurrent_images=40),
)
KEYS = (Limits(), Limits(budget=Budget(parse_dollars("4"), "month"), requests_per_minute=400))


@pytest.mark.slow
async def test_the_books_of_ten_thousand_requests(own_redis: RedisServer, simulator: Simulator, tmp_path: Path) -> None:
    """Faults, limits, hang-ups: no difference, nothing held, one entry an admission, and what was handed over."""
    settings = {
        "IMAGEGATE_REDIS_URL": own_redis.url,
        "IMAGEGATE_CATALOG_DIR": str(priced_catalog(tmp_path / "catalog")),
        "IMAGEGATE_QUEUE_SECONDS": "0.5",
        "IMAGEGATE_UPSTREAM_READ_SECONDS": "2",
    }
    one, two = (environment(tmp_path / name, simulator, **settings) for name in ("one", "two"))
    async with accounting(own_redis.url) as books, replica(one) as (_, left), replica(two) as (_, right):
        teams = [await books.new_team(limits) for limits in TEAMS]
        options = {"options": KeyOptions(fan_out=True)}
        keys = [await books.new_key(team, limits, **options) for team in teams for limits in KEYS]
        outcomes = await _send(Random(SEED), (left, right), keys)
        await until(lambda: _idle(left, right), seconds=60)
        admitted = await _admitted(left) + await _admitted(right)
        entries = [entry for team in teams for entry in await books.entries(team)]
        for team in teams:
            await _expect_books(books, team)
        verified = await command(one, "ledger", "verify")

    assert verified.count(" 0 differences") == len(TEAMS)
    assert len(entries) == admitted
    assert [entry for entry in entries if "above_quote" in entry.flags] == []
    charged = sum([entry.cost for entry in entries if entry.model == "gpt-image-2"])
    print(f"charged {charged}, billed {billed(simulator)} nano-dollars")
    assert charged >= billed(simulator), "whatever the upstream bills is charged"
    _expect_agreement(outcomes, entries)


async def _send(random: Random, clients: tuple[httpx.AsyncClient, ...], keys: list[dict[str, str]]) -> list[Outcome]:
    """All requests, some dozen at once."""
    outcomes: list[Outcome] = []
    errands: Iterator[Any] = ((random.choice(clients), random.choice(keys), errand(random)) for _ in range(REQUESTS))

    async def work() -> None:
        for client, key, wanted in errands:
            outcomes.append(await run(client, key, wanted))

    started = time.perf_counter()
    await asyncio.gather(*[work() for _ in range(CLIENTS)])
    print(f"{REQUESTS / (time.perf_counter() - started):.0f} requests a second")
    print(sorted(Counter((o.kind, "left" if o.left else o.status) for o in outcomes).items(), key=str))
    return outcomes


async def _expect_books(books: Accounting, team: Team) -> None:
    await books.nothing_held(team)
    spent = await books.spent(team)
    assert spent == sum([entry.cost for entry in await books.entries(team)])
    assert team.limits.budget is None or spent <= team.limits.budget.limit
    assert await books.differences(team) == []


def _expect_agreement(outcomes: list[Outcome], entries: list[Entry]) -> None:
    """Of those who stayed everyone has the pictures that the ledger says were delivered, and no others."""
    by_request = {entry.request: entry for entry in entries}
    assert len(by_request) == len(entries), "a request has one entry"
    bought = [o for o in outcomes if o.pictures is not None and o.kind != "quote"]
    wrong = [o for o in bought if o.pictures != _delivered(by_request.get(o.request_id))]
    assert wrong == []
    unpaid = [o for o in bought if o.pictures and by_request[o.request_id].cost <= 0]
    assert unpaid == []
    refused = [o for o in outcomes if o.status in (400, 401, 403, 404, 429) and o.request_id in by_request]
    charged = [o for o in refused if by_request[o.request_id].cost]
    # Under fan-out the first error is told, and what became of another exchange nobody knows: that one is charged.
    assert [o for o in charged if o.kind != "fan-out" or by_request[o.request_id].outcome != "unknown"] == []
    print(f"{len(entries)} entries, {len(bought)} answered with {sum(o.pictures or 0 for o in bought)} pictures")


def _delivered(entry: Entry | None) -> int:
    return 0 if entry is None else entry.images


async def _idle(*clients: httpx.AsyncClient) -> bool:
    """Whether no gateway has a request in flight."""
    return not sum([await _sum(client, "imagegate_in_flight_requests") for client in clients])


async def _admitted(client: httpx.AsyncClient) -> int:
    """How many requests got past admission."""
    return await _sum(client, "imagegate_requests_total", stages=("forward", "settle"))


async def _sum(client: httpx.AsyncClient, name: str, stages: tuple[str, ...] = ()) -> int:
    text = (await client.get("/metrics")).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return int(sum(s.value for s in samples if s.name == name and (not stages or s.labels["stage"] in stages)))
