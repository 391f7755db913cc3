"""Builds every long-lived object once, and closes them in reverse; the only floor that constructs."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from app.accounts.keys import KeyRing
from app.accounts.store import AccountStore
from app.catalog.catalog import Catalog, load_catalog
from app.datastore.datastore import Datastore
from app.gateway.in_flight import InFlight
from app.gateway.pipeline import Pipeline
from app.gateway.record import Recorder
from app.ledger.books import Books
from app.ledger.journal import Journal
from app.ledger.ledger import Ledger
from app.ledger.usage import UsageReader
from app.metrics import Metrics
from app.settings import Settings, SettingsError
from app.upstream.client import UpstreamClient
from app.upstream.http1.route import proxy_for, ssl_context
from app.upstream.http1.transport import UpstreamTransport

VERSION = version("imagegate")

_IDLE_SECONDS = 30.0
"""Below what proxies and CDNs allow an idle connection (nginx: 75 s), so that we close first."""


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a door may need."""

    settings: Settings
    catalog: Catalog
    metrics: Metrics
    datastore: Datastore
    accounts: AccountStore
    keys: KeyRing
    ledger: Ledger
    usage: UsageReader
    in_flight: InFlight
    pipeline: Pipeline


@asynccontextmanager
async def open_services(settings: Settings, redis_url: str, *, background: bool = True) -> AsyncIterator[Services]:
    """Build the services on one Redis; ``background`` runs leases, sweeper and journal replay beside them."""
    async with AsyncExitStack() as stack:
        catalog = load_catalog(settings.catalog_dir, settings.default_model)
        metrics = Metrics(VERSION, catalog.version)
        datastore = Datastore(_redis_client(redis_url, settings), timeout_seconds=settings.redis_timeout_seconds)
        stack.push_async_callback(datastore.aclose)
        accounts = AccountStore(datastore)
        keys = KeyRing(accounts)

        ledger = Ledger(Books(datastore), Journal(settings.data_dir / "journal"), accounts.team_ids)
        stack.push_async_callback(ledger.aclose)
        upstream = _upstream(settings)
        stack.push_async_callback(upstream.aclose)
        in_flight = InFlight(settings.max_in_flight)
        metrics.in_flight.set_function(lambda: in_flight.number)
        metrics.journal_records.set_function(lambda: ledger.journal_length)
        metrics.store_errors.set_function(lambda: datastore.errors)
        if background:
            ledger.start()
        yield Services(
            settings=settings,
            catalog=catalog,
            metrics=metrics,
            datastore=datastore,
            accounts=accounts,
            keys=keys,
            ledger=ledger,
            usage=UsageReader(datastore),
            in_flight=in_flight,
            pipeline=Pipeline(keys, catalog, ledger, upstream, Recorder(metrics), in_flight),
        )


def _redis_client(url: str, settings: Settings) -> redis.Redis:
    """Two connections at most are busy (the datastore's lanes); nothing is re-sent behind our back."""
    return redis.Redis.from_url(
        url,
        socket_timeout=settings.redis_timeout_seconds,
        socket_connect_timeout=settings.redis_timeout_seconds,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
        protocol=3,
        client_name="imagegate",
    )


def _upstream(settings: Settings) -> UpstreamClient:
    key = settings.cometapi_key
    try:
        transport = _transport(settings)
    except ValueError as error:
        raise SettingsError(f"HTTPS_PROXY, HTTP_PROXY or ALL_PROXY: {error}") from None
    return UpstreamClient(
        transport,
        settings.cometapi_base_url,
        key.get_secret_value() if key else "",
        total_seconds=settings.upstream_total_seconds,
        user_agent=f"imagegate/{VERSION}",
    )


def _transport(settings: Settings) -> UpstreamTransport:
    return UpstreamTransport(
        connect_seconds=settings.upstream_connect_seconds,
        read_seconds=settings.upstream_read_seconds,
        ssl_context=ssl_context(settings.ca_bundle),
        proxy=proxy_for(settings.cometapi_base_url, os.environ),
        max_connections=settings.upstream_connections,
        max_idle_connections=settings.upstream_connections,
        idle_seconds=_IDLE_SECONDS,
    )
