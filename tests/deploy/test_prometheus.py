"""A real Prometheus over two replicas under load: its sums are the ledger's, and every rule and query works."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from app.accounts.models import Budget, KeyOptions, Limits, Team
from app.money import NANOS_PER_DOLLAR, parse_dollars
from app.simulator.server import Simulator
from tests.deploy.monitoring import Query, asked, dashboard_queries, recorded, rule_queries, told
from tests.faults.accounting import BOAT, GENERATIONS, Accounting, accounting, priced_catalog, replica
from tests.faults.traffic import Outcome, errand, run
from tests.house.pages import page
from tests.support.process import environment
from tests.support.prometheus import Prometheus, configured, promtool, running_prometheus
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

pytestmark = pytest.mark.slow

TOKEN = "the-metrics-token-of-the-tests"
SEED = 20_261_123
ERRANDS = 120
CLIENTS = 12
JOINS = 4
STRANGERS = 10
LARGER = {"model": "gpt-image-2", "size": "1536x1024", "quality": "medium", "prompt": "a harbour"}
KINDS = ("text_input", "image_input", "text_output", "image_output")
SUMMED = ("tokens", "pictures", "nano-dollars", "unknown outcomes")
TEAMS = (Limits(), Limits(budget=Budget(parse_dollars("0.50"), "total"), requests_per_minute=60))
WAIT_FOR_TROUBLE_OR_TIME = {
    "overview: Firing and pending alerts",
    "spend: Dollars an hour, and a week before",
    "upstream: Lasts for",
}
"""Panels that are rightly empty after a minute in which nothing alarming happened."""
PAGES = ("operations/runbook.md", "operations/monitoring.md")

Sums = dict[tuple[str, ...], int]


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything the tests below look at, gathered in one run."""

    ledger: Mapping[str, Sums]
    """By what is summed."""
    prometheus: Mapping[str, Sums]
    scrapes: tuple[str, ...]
    """The text of /metrics of each replica."""
    series: Mapping[str, float]
    """How many samples a scrape of each replica has."""
    unhealthy_rules: list[str]
    firing: set[str]
    empty: list[Query]
    """Queries of recording rules and dashboards without an answer."""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Two replicas in processes of their own, a Redis, a Prometheus, and some hundred requests of two teams."""
    with RedisServer() as redis:
        return asyncio.run(_observe(redis.url, tmp_path_factory.mktemp("monitored")))


@pytest.mark.parametrize("what", SUMMED)
def test_sums_over_replicas_are_the_ledger(seen: Seen, what: str) -> None:
    """To the token, the picture and the nano-dollar, by team and model."""
    assert sum(seen.ledger[what].values()) > 0, "nothing of that came about"
    assert seen.prometheus[what] == seen.ledger[what]


def test_every_query_has_something_to_show(seen: Seen) -> None:
    """Each query of rules and dashboards can be read; empty are those that wait for something that did not happen."""
    assert {query.where for query in seen.empty} - WAIT_FOR_TROUBLE_OR_TIME == set()


def test_every_metric_asked_for_is_in_the_scrape(seen: Seen) -> None:
    """No rule, no dashboard and no page about them names a metric that no replica tells."""
    queries = [query.expression for query in (*rule_queries(), *dashboard_queries())]
    wanted = set[str]().union(*map(asked, (*queries, *map(page, PAGES))))
    assert len(wanted) > 40
    assert wanted - set[str]().union(*map(told, seen.scrapes)) == set()


def test_rules_are_evaluated(seen: Seen) -> None:
    """Prometheus finds no fault in any, and a minute of such a load alarms nobody."""
    assert seen.unhealthy_rules == []
    assert seen.firing == set()


def test_series_are_bounded(seen: Seen) -> None:
    """A replica has so many series as its teams, models and codes allow, not as many as it had requests."""
    teams, models, codes, routes = len(TEAMS), 3, 20, 12
    histograms = 22 * (models * 5 + models) + 3 * 22
    bound = 150 + teams * (models * 6 + 2) + models * codes + 2 * routes + histograms
    assert len(seen.series) == 2
    assert max(seen.series.values()) <= bound


def test_prometheus_accepts_our_metrics(seen: Seen) -> None:
    """`promtool check metrics` has nothing to say against names and units."""
    for text in seen.scrapes:
        promtool("check", "metrics", given=text)


def test_prometheus_accepts_the_shipped_files(tmp_path: Path) -> None:
    """Configuration and rules, and every case of every alert."""
    settings = configured(tmp_path / "prometheus", ["gateway-1:8080"], TOKEN)
    promtool("check", "config", "--lint-fatal", settings)
    promtool("check", "rules", "--lint-fatal", *sorted((settings.parent / "rules").iterdir()))
    promtool("test", "rules", *sorted((settings.parent / "tests").iterdir()))


async def _observe(redis_url: str, folder: Path) -> Seen:
    """Start everything, have the load, wait until the scrapes have caught up, and look at both sides."""
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(Simulator())
        books = await stack.enter_async_context(accounting(redis_url))
        settings = {
            "IMAGEGATE_REDIS_URL": redis_url,
            "IMAGEGATE_METRICS_TOKEN": TOKEN,
            "IMAGEGATE_CATALOG_DIR": str(priced_catalog(folder / "catalog")),
            "IMAGEGATE_RESULT_STORE": str(folder / "results"),
            "IMAGEGATE_QUEUE_SECONDS": "0.5",
            "IMAGEGATE_UPSTREAM_READ_SECONDS": "1",
            "IMAGEGATE_BALANCE_KEY": "sk-balance-of-the-tests",
            "IMAGEGATE_BALANCE_URL": f"{simulator.origin}/user/quota",
        }
        given = [environment(folder / name, simulator, **settings) for name in ("one", "two")]
        replicas = [client for one in given for _, client in [await stack.enter_async_context(replica(one))]]
        targets = [f"127.0.0.1:{one['IMAGEGATE_PORT']}" for one in given]
        often = {"scrape_interval: 15s": "scrape_interval: 1s", "evaluation_interval: 15s": "evaluation_interval: 1s"}
        shipped = configured(folder / "prometheus", targets, TOKEN, often)
        prometheus = await stack.enter_async_context(running_prometheus(shipped))
        teams = [await books.new_team(limits) for limits in TEAMS]
        keys = [await books.new_key(team, options=KeyOptions(fan_out=True)) for team in teams]
        await until(lambda: _scraped(prometheus, "sum(up)", 2), seconds=60)
        # Before the faults, one of which leaves connections behind that are cut when they are used again.
        await asyncio.gather(*(_bought_twice(replicas, keys[0], f"harbour {number}") for number in range(JOINS)))
        requests = 2 * JOINS + await _load(Random(SEED), replicas, keys)
        # Rates are of what is seen to grow, so something has to be seen before the rest comes.
        await until(lambda: _scraped(prometheus, "sum(imagegate_requests_total)", requests), seconds=60)
        requests += await _load(Random(SEED + 1), replicas, keys)
        await until(lambda: _scraped(prometheus, "sum(imagegate_requests_total)", requests), seconds=60)
        await until(lambda: _all_there(prometheus), seconds=60)
        return Seen(
            await _ledger_sums(books, teams),
            await _prometheus_sums(prometheus),
            tuple([(await client.get("/metrics")).text for client in replicas]),
            {labels["instance"]: number for labels, number in await prometheus.query("scrape_samples_scraped")},
            *await _rule_states(prometheus),
            await _without_answer(prometheus),
        )


async def _load(random: Random, replicas: list[httpx.AsyncClient], keys: list[dict[str, str]]) -> int:
    """Requests of every kind of both teams at both replicas, some dozen at once; gives how many were for pictures."""
    errands = iter([(random.choice(replicas), random.choice(keys), errand(random)) for _ in range(ERRANDS)])
    outcomes: list[Outcome] = []

    async def work() -> None:
        for client, key, wanted in errands:
            outcomes.append(await run(client, key, replace(wanted, leaves_after_seconds=None)))

    await asyncio.gather(*(work() for _ in range(CLIENTS)))
    wrong = {"Authorization": "Bearer sk-ig-nobody"}
    await asyncio.gather(*(replicas[0].post(GENERATIONS, json=BOAT, headers=wrong) for _ in range(STRANGERS)))
    return sum(outcome.kind != "quote" for outcome in outcomes) + STRANGERS


async def _bought_twice(replicas: list[httpx.AsyncClient], key: dict[str, str], name: str) -> None:
    """The same purchase at both replicas at once: one buys, the other is joined."""
    headers = key | {"Idempotency-Key": name}
    answers = await asyncio.gather(*(one.post(GENERATIONS, json=LARGER, headers=headers) for one in replicas))
    assert [answer.status_code for answer in answers] == [200, 200]


async def _scraped(prometheus: Prometheus, expression: str, number: int) -> bool:
    """Whether the newest scrapes tell so many."""
    return await prometheus.number(expression) == number


async def _all_there(prometheus: Prometheus) -> bool:
    """Whether what comes last has come: what rules record, and what replicas ask for every ten seconds or more."""
    last = (*recorded(), "imagegate_upstream_balance_dollars", "imagegate_budget_used_ratio > 0")
    return all([await prometheus.query(expression) for expression in last])


async def _ledger_sums(books: Accounting, teams: list[Team]) -> dict[str, Sums]:
    """By the hourly roll-ups of the ledger, which are what `imagegate usage` tells."""
    sums: dict[str, Counter[tuple[str, ...]]] = {what: Counter() for what in SUMMED}
    now = datetime.now(UTC)
    since, until_ = (int((now + timedelta(hours=hours)).timestamp() * 1000) for hours in (-2, 1))
    for team in teams:
        for (_, model), measures in (await books.usage.sums(team.id, since, until_)).items():
            for kind in KINDS:
                sums["tokens"][team.name, model, kind] += measures[kind]
            sums["pictures"][team.name, model] += measures["images"]
            sums["nano-dollars"][team.name, model] += measures["cost"]
            sums["unknown outcomes"][(model,)] += measures["unknown"]
    return {what: _without_zeros(found) for what, found in sums.items()}


async def _prometheus_sums(prometheus: Prometheus) -> dict[str, Sums]:
    """By the counters of both replicas."""

    async def total(metric: str, *labels: str, factor: int = 1) -> Sums:
        samples = await prometheus.query(f"sum by ({', '.join(labels)}) ({metric})")
        return _without_zeros({tuple(found[label] for label in labels): round(v * factor) for found, v in samples})

    return {
        "tokens": await total("imagegate_tokens_total", "team", "model", "kind"),
        "pictures": await total("imagegate_images_total", "team", "model"),
        "nano-dollars": await total("imagegate_spend_dollars_total", "team", "model", factor=NANOS_PER_DOLLAR),
        "unknown outcomes": await total("imagegate_unknown_outcomes_total", "model"),
    }


def _without_zeros(sums: Mapping[tuple[str, ...], int]) -> Sums:
    return {of: number for of, number in sums.items() if number}


async def _rule_states(prometheus: Prometheus) -> tuple[list[str], set[str]]:
    """Rules that could not be evaluated, and alerts that fire."""
    groups: list[dict[str, Any]] = (await prometheus.ask("rules"))["groups"]
    found = [rule for group in groups for rule in group["rules"]]
    unhealthy = [f"{rule['name']}: {rule.get('lastError')}" for rule in found if rule["health"] != "ok"]
    return unhealthy, {rule["name"] for rule in found if rule.get("state") == "firing"}


async def _without_answer(prometheus: Prometheus) -> list[Query]:
    """Queries that are read without complaint and find nothing; of rules those that record."""
    wanted = [*dashboard_queries(), *(query for query in rule_queries() if query.where in recorded())]
    return [query for query in wanted if not await prometheus.query(query.expression)]
