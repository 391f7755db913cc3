"""Builds every long-lived object once, and closes them in reverse; the only floor that constructs."""

import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version

from app.accounts.keys import KeyRing
from app.accounts.store import AccountStore
from app.assets.bounded_store import BoundedStore
from app.assets.disk import read_disk
from app.assets.errors import SigningKeyError, StoreAddressError
from app.assets.hosted import HostedImages
from app.assets.links import LinkSigner, load_signing_key
from app.assets.results import Results
from app.assets.spool import Spool
from app.assets.store import open_store
from app.assets.sweeper import Sweeper
from app.catalog.catalog import Catalog, load_catalog
from app.catalog.policy import Policy
from app.catalog.unknown import UnknownModels
from app.datastore.address import AddressError
from app.datastore.datastore import Datastore
from app.datastore.opening import open_datastore
from app.gateway.buying import Buyer
from app.gateway.conversion import Converter
from app.gateway.delivery import Deliveries
from app.gateway.departures import Departures
from app.gateway.identity import Identities
from app.gateway.in_flight import InFlight
from app.gateway.joining import Joining
from app.gateway.keeping import Keepings
from app.gateway.later import Refusals
from app.gateway.pipeline import Pipeline
from app.gateway.quoting import Quotes
from app.gateway.reading import RequestReader
from app.gateway.record import Recorder
from app.gateway.replay import Replays
from app.gateway.turnstile import Turnstile
from app.ledger.books import Books
from app.ledger.credits import Credits
from app.ledger.journal import Journal
from app.ledger.ledger import Ledger
from app.ledger.usage import UsageReader
from app.metrics import Metrics
from app.money import parse_dollars
from app.requests.register import Register
from app.requests.waiting import Waiter
from app.settings import Settings, SettingsError
from app.upstream.client import UpstreamClient
from app.upstream.fetch import ImageFetcher
from app.upstream.http1.route import proxy_for, ssl_context
from app.upstream.http1.transport import UpstreamTransport
from app.upstream.keys import split_keys

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
    register: Register
    waiter: Waiter
    replays: Replays
    credits: Credits
    in_flight: InFlight
    spool: Spool
    hosted: HostedImages
    results: Results
    fetcher: ImageFetcher
    turnstile: Turnstile
    quotes: Quotes
    pipeline: Pipeline


@asynccontextmanager
async def open_services(settings: Settings, redis_url: str, *, background: bool = True) -> AsyncIterator[Services]:
    """Build the services on one Redis; ``background`` runs leases, sweeper and journal replay beside them."""
    async with AsyncExitStack() as stack:
        catalog = load_catalog(settings.catalog_dir, settings.default_model, unknown_models(settings))
        metrics = Metrics(VERSION, catalog.version)
        datastore = _datastore(redis_url, settings)
        stack.push_async_callback(datastore.aclose)
        accounts = _accounts(datastore, settings)
        keys = KeyRing(accounts)
        ledger = _ledger(datastore, accounts, settings, stack)
        upstream = _upstream(settings)
        stack.push_async_callback(upstream.aclose)
        spool = Spool(settings.data_dir / "spool")
        hosted = await _hosted_images(settings, stack, background=background)
        results = await _results(settings, spool, stack, background=background)
        fetcher = _fetcher(settings, stack)
        turnstile = Turnstile(ledger, settings.queue_seconds)
        reader = RequestReader(catalog, _policy(settings))
        in_flight = InFlight(settings.max_in_flight)
        register = Register(datastore)
        waiter, replays = Waiter(register), Replays(register, results)
        departures = _departures(register, stack)
        deliveries = Deliveries(spool, Converter(spool, hosted, fetcher), settings.keepalive_seconds)
        _gauge(metrics, in_flight, ledger, datastore)
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
            register=register,
            waiter=waiter,
            replays=replays,
            credits=Credits(datastore),
            in_flight=in_flight,
            spool=spool,
            hosted=hosted,
            results=results,
            fetcher=fetcher,
            turnstile=turnstile,
            quotes=Quotes(keys, reader, ledger, in_flight),
            pipeline=Pipeline(
                keys,
                reader,
                Identities(join_retries=settings.join_retries and results.enabled),
                ledger,
                turnstile,
                Joining(register, waiter, replays, departures, settings.keepalive_seconds),
                Refusals(register),
                Buyer(ledger, upstream, deliveries, Keepings(results, register), departures),
                Recorder(metrics),
                in_flight,
                keeps=results.enabled,
            ),
        )


def _accounts(datastore: Datastore, settings: Settings) -> AccountStore:
    total = settings.total_budget
    return AccountStore(datastore, parse_dollars(total) if total is not None else None)


def _ledger(datastore: Datastore, accounts: AccountStore, settings: Settings, stack: AsyncExitStack) -> Ledger:
    journal = Journal(settings.data_dir / "journal")
    ledger = Ledger(Books(datastore), journal, accounts.team_ids, datastore.replication_ids)
    stack.push_async_callback(ledger.aclose)
    return ledger


def _gauge(metrics: Metrics, in_flight: InFlight, ledger: Ledger, datastore: Datastore) -> None:
    """What is read when somebody scrapes."""
    metrics.in_flight.set_function(lambda: in_flight.number)
    metrics.journal_records.set_function(lambda: ledger.journal_length)
    metrics.store_errors.set_function(lambda: datastore.errors)


def _departures(register: Register, stack: AsyncExitStack) -> Departures:
    departures = Departures(register)
    departures.start()
    stack.push_async_callback(departures.aclose)
    return departures


async def _hosted_images(settings: Settings, stack: AsyncExitStack, *, background: bool) -> HostedImages:
    """The pictures behind links of ours, and whoever tidies them."""
    given = settings.signing_key
    try:
        key = given.get_secret_value().encode() if given else load_signing_key(settings.data_dir)
        store = open_store(settings.image_store or settings.data_dir / "images")
    except (SigningKeyError, StoreAddressError) as error:
        raise SettingsError(str(error)) from None
    sweeper = Sweeper(store, settings.image_bytes, time.time)
    stack.push_async_callback(sweeper.aclose)
    if background:
        sweeper.start()
    return HostedImages(store, LinkSigner(key, public_url(settings)), settings.image_seconds, time.time)


async def _results(settings: Settings, spool: Spool, stack: AsyncExitStack, *, background: bool) -> Results:
    """The answers that are kept for a while, and whoever makes room for them."""
    if not settings.result_seconds:
        return Results(spool, None, 0, time.time, read_disk)
    place = str(settings.result_store or settings.data_dir / "results").rstrip("/")
    if place == str(settings.image_store or settings.data_dir / "images").rstrip("/"):
        place += "/results"  # each place has a limit of its own, so answers and pictures do not lie in one
    try:
        store = open_store(place, "answers")
    except StoreAddressError as error:
        raise SettingsError(str(error)) from None
    sweeper = Sweeper(store, settings.result_bytes, time.time, read_disk=read_disk)
    stack.push_async_callback(sweeper.aclose)
    if background:
        sweeper.start()
    return Results(
        spool, BoundedStore(store, sweeper, settings.result_bytes), settings.result_seconds, time.time, read_disk
    )


def public_url(settings: Settings) -> str:
    """Where clients reach this gateway; without the setting, the address it listens on."""
    if settings.public_url:
        return settings.public_url
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104  not bound, only read
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def _datastore(url: str, settings: Settings) -> Datastore:
    try:
        return open_datastore(url, timeout_seconds=settings.redis_timeout_seconds, ca_bundle=settings.ca_bundle)
    except AddressError as error:
        raise SettingsError(f"IMAGEGATE_REDIS_URL: {error}") from None


def _upstream(settings: Settings) -> UpstreamClient:
    key = settings.cometapi_key
    return UpstreamClient(
        open_transport(settings, settings.cometapi_base_url),
        settings.cometapi_base_url,
        split_keys(key.get_secret_value() if key else ""),
        retries=settings.upstream_retries,
        total_seconds=settings.upstream_total_seconds,
        user_agent=f"imagegate/{VERSION}",
    )


def _fetcher(settings: Settings, stack: AsyncExitStack) -> ImageFetcher:
    transport = open_transport(settings, "https://any.public.host")
    stack.push_async_callback(transport.aclose)
    return ImageFetcher(
        transport,
        max_bytes=settings.max_image_bytes,
        total_seconds=settings.fetch_seconds,
        networks=settings.fetch_networks,
        user_agent=f"imagegate/{VERSION}",
    )


def _policy(settings: Settings) -> Policy:
    return Policy(strict=settings.strict, pass_unknown_fields=settings.unknown_fields == "pass")


def unknown_models(settings: Settings) -> UnknownModels | None:
    """What the settings say of models that the catalog does not have."""
    if settings.unknown_models == "refuse":
        return None
    return UnknownModels(price_per_image=parse_dollars(settings.unknown_model_price))


def open_transport(settings: Settings, url: str) -> UpstreamTransport:
    """A transport for one address and its like: what proxy it goes through depends on that.

    Raises:
        SettingsError: the proxy's own address is wrong.

    """
    try:
        return UpstreamTransport(
            connect_seconds=settings.upstream_connect_seconds,
            read_seconds=settings.upstream_read_seconds,
            ssl_context=ssl_context(settings.ca_bundle),
            proxy=proxy_for(url, os.environ),
            max_connections=settings.upstream_connections,
            max_idle_connections=settings.upstream_connections,
            idle_seconds=_IDLE_SECONDS,
        )
    except ValueError as error:
        raise SettingsError(f"HTTPS_PROXY, HTTP_PROXY or ALL_PROXY: {error}") from None
