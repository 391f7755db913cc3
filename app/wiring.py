"""Builds every long-lived object once, and closes them in reverse; the only floor that constructs."""

import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from app.accounts.admin_tokens import AdminTokens
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
from app.upstream.balance_watch import BalanceWatch
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
    admin_tokens: AdminTokens
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
    upstream: UpstreamClient
    balance: BalanceWatch | None
    """None where nobody wants to know what is left of the account."""
    turnstile: Turnstile
    quotes: Quotes
    pipeline: Pipeline
    started_at: datetime


@dataclass(frozen=True, slots=True)
class _Opened:
    """What holds connections, files or tasks, and what these are opened with; closed in reverse by the stack."""

    catalog: Catalog
    metrics: Metrics
    datastore: Datastore
    accounts: AccountStore
    ledger: Ledger
    upstream: UpstreamClient
    spool: Spool
    hosted: HostedImages
    results: Results
    fetcher: ImageFetcher
    register: Register
    departures: Departures
    balance: BalanceWatch | None


@asynccontextmanager
async def open_services(settings: Settings, redis_url: str, *, background: bool = True) -> AsyncIterator[Services]:
    """Build the services on one Redis; ``background`` runs leases, sweeper and journal replay beside them."""
    async with AsyncExitStack() as stack:
        catalog = load_catalog(settings.catalog_dir, settings.default_model, unknown_models(settings))
        datastore = _datastore(redis_url, settings)
        stack.push_async_callback(datastore.aclose)
        accounts = _accounts(datastore, settings)
        ledger = _ledger(datastore, accounts, settings, stack)
        upstream = _upstream(settings)
        stack.push_async_callback(upstream.aclose)
        spool = Spool(settings.data_dir / "spool")
        register = Register(datastore)
        services = _put_together(
            settings,
            _Opened(
                catalog=catalog,
                metrics=Metrics(VERSION, catalog.version),
                datastore=datastore,
                accounts=accounts,
                ledger=ledger,
                upstream=upstream,
                spool=spool,
                hosted=await _hosted_images(settings, stack, background=background),
                results=await _results(settings, spool, stack, background=background),
                fetcher=_fetcher(settings, stack),
                register=register,
                departures=_departures(register, stack),
                balance=_balance(settings, stack, background=background),
            ),
        )
        _gauge(services)
        if background:
            ledger.start()
        yield services


def _put_together(settings: Settings, opened: _Opened) -> Services:
    """What stands on what is open, and needs no closing itself."""
    datastore, ledger, results = opened.datastore, opened.ledger, opened.results
    keys, in_flight = KeyRing(opened.accounts), InFlight(settings.max_in_flight)
    reader = RequestReader(opened.catalog, _policy(settings))
    waiter, replays = Waiter(opened.register), Replays(opened.register, results)
    turnstile = Turnstile(ledger, settings.queue_seconds)
    return Services(
        settings=settings,
        catalog=opened.catalog,
        metrics=opened.metrics,
        datastore=datastore,
        accounts=opened.accounts,
        admin_tokens=_admin_tokens(datastore, settings),
        keys=keys,
        ledger=ledger,
        usage=UsageReader(datastore),
        register=opened.register,
        waiter=waiter,
        replays=replays,
        credits=Credits(datastore),
        in_flight=in_flight,
        spool=opened.spool,
        hosted=opened.hosted,
        results=results,
        fetcher=opened.fetcher,
        upstream=opened.upstream,
        balance=opened.balance,
        turnstile=turnstile,
        quotes=Quotes(keys, reader, ledger, in_flight),
        pipeline=Pipeline(
            keys,
            reader,
            Identities(join_retries=settings.join_retries and results.enabled),
            ledger,
            turnstile,
            Joining(opened.register, waiter, replays, opened.departures, settings.keepalive_seconds),
            Refusals(opened.register),
            _buyer(settings, opened),
            Recorder(opened.metrics),
            in_flight,
            keeps=results.enabled,
        ),
        started_at=datetime.now(UTC),
    )


def _buyer(settings: Settings, opened: _Opened) -> Buyer:
    converter = Converter(opened.spool, opened.hosted, opened.fetcher)
    deliveries = Deliveries(opened.spool, converter, settings.keepalive_seconds)
    keepings = Keepings(opened.results, opened.register)
    return Buyer(opened.ledger, opened.upstream, deliveries, keepings, opened.departures)


def _accounts(datastore: Datastore, settings: Settings) -> AccountStore:
    total = settings.total_budget
    return AccountStore(datastore, parse_dollars(total) if total is not None else None)


def _ledger(datastore: Datastore, accounts: AccountStore, settings: Settings, stack: AsyncExitStack) -> Ledger:
    journal = Journal(settings.data_dir / "journal")
    ledger = Ledger(Books(datastore), journal, accounts.team_ids, datastore.replication_ids)
    stack.push_async_callback(ledger.aclose)
    return ledger


def _admin_tokens(datastore: Datastore, settings: Settings) -> AdminTokens:
    first = settings.admin_token
    return AdminTokens(datastore, first.get_secret_value() if first else None)


def _gauge(services: Services) -> None:
    """What is read when somebody scrapes."""
    metrics = services.metrics
    metrics.in_flight.set_function(lambda: services.in_flight.number)
    metrics.journal_records.set_function(lambda: services.ledger.journal_length)
    metrics.store_errors.set_function(lambda: services.datastore.errors)


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


def _balance(settings: Settings, stack: AsyncExitStack, *, background: bool) -> BalanceWatch | None:
    """Asks with a key of its own only: the question has it in its URL."""
    secrets = split_keys(settings.balance_key.get_secret_value()) if settings.balance_key else ()
    if not secrets:
        return None
    url = settings.balance_url
    watch = BalanceWatch(open_transport(settings, url), url, secrets[0], f"imagegate/{VERSION}")
    stack.push_async_callback(watch.aclose)
    if background:
        watch.start()
    return watch


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
