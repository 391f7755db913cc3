"""Makes the metrics, and tells them whom to ask when somebody scrapes."""

import asyncio
from collections import Counter

from app.api.scrape import Scrape
from app.assets.sweeper import Sweeper
from app.catalog.catalog import Catalog
from app.datastore.datastore import Datastore
from app.gateway.places import Places
from app.gateway.turnstile import Turnstile
from app.ledger.ledger import Ledger
from app.metrics import Metrics
from app.money import NANOS_PER_DOLLAR
from app.requests.waiting import Waiter
from app.settings.fields import Settings
from app.upstream.balance_watch import BalanceWatch
from app.upstream.client import UpstreamClient
from app.upstream.keys import Condition
from app.wiring.version import VERSION


def open_metrics(settings: Settings, catalog: Catalog) -> Metrics:
    """The collectors. What alerts wait for begins at 0: of a series that is not there yet no rise can be seen."""
    metrics = Metrics(VERSION, catalog.version, by_key=settings.metrics_by_key)
    for model in ("other", *(profile.name for profile in catalog.profiles())):
        metrics.unknown.labels(model)
        metrics.above_quote.labels(model)
        metrics.bad_usage.labels(model)
    for door in ("public", "operator"):
        for answer in ("at_once", "delayed", "refused"):
            metrics.wrong_credentials.labels(door, answer)
    metrics.in_flight_limit.read_one(lambda: settings.max_in_flight)
    return metrics


def read_gateway(metrics: Metrics, places: Places, turnstile: Turnstile, waiter: Waiter) -> None:
    """What goes on in this process."""
    metrics.in_flight.read_one(lambda: places.number)
    metrics.waiting.read_one(lambda: places.waiting)
    metrics.tasks.read_one(lambda: len(asyncio.all_tasks()))
    metrics.queue.read_one(lambda: turnstile.waiting)
    metrics.joins.read_one(lambda: waiter.waiting)


def read_books(metrics: Metrics, datastore: Datastore, ledger: Ledger) -> None:
    """How Redis serves, what waits for it, and what it had lost."""
    metrics.store_errors.read_one(lambda: datastore.errors)
    metrics.store_circuit.read_one(lambda: datastore.is_circuit_open)
    metrics.journal_records.read_one(lambda: ledger.journal_length)
    metrics.failovers.read_one(lambda: ledger.failovers)
    metrics.restored.read_one(lambda: ledger.restored)


def read_upstream(metrics: Metrics, upstream: UpstreamClient, balance: BalanceWatch | None) -> None:
    """How the upstream serves, and what is left of the account."""

    def conditions() -> dict[str, float]:
        found = Counter(upstream.keys.conditions.values())
        return {condition.value: found[condition] for condition in Condition}

    def left() -> float | None:
        latest = balance.latest if balance is not None else None
        return None if latest is None or latest.left is None else latest.left / NANOS_PER_DOLLAR

    metrics.upstream_attempts.read = lambda: dict(upstream.attempts)
    metrics.upstream_keys.read = conditions
    metrics.upstream_balance.read_one(left)


def read_place(metrics: Metrics, place: str, sweeper: Sweeper) -> None:
    """What is kept there, as it was last seen."""
    metrics.kept_bytes.read_one(lambda: sweeper.held_bytes, place)
    metrics.kept_files.read_one(lambda: sweeper.held_files, place)


def read_scrape(metrics: Metrics, scrape: Scrape) -> None:
    """What Redis told of itself and of the teams."""
    metrics.held.read = lambda: told.held_dollars() if (told := scrape.told) else {}
    metrics.budget_used.read = lambda: told.budgets_used() if (told := scrape.told) else {}
    metrics.teams_read.read_one(lambda: len(told.teams) if (told := scrape.told) else None)
    metrics.store_memory.read_one(lambda: told.memory.used_bytes if (told := scrape.told) else None)
    metrics.store_memory_limit.read_one(lambda: told.memory.limit_bytes or None if (told := scrape.told) else None)
