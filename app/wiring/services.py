"""Builds every long-lived object once, and closes them in reverse; the only floor that constructs."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

from msgspec import Struct

from app.accounts.admin_tokens import AdminTokens
from app.accounts.keys import KeyRing
from app.accounts.store import AccountStore
from app.api.scrape import Scrape
from app.assets.file_store import FileStore
from app.assets.hosted import HostedImages
from app.assets.results import Results
from app.assets.spool import Spool
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
from app.gateway.joining import Joining
from app.gateway.keeping import Keepings
from app.gateway.later import Refusals
from app.gateway.pipeline import Pipeline
from app.gateway.places import Places
from app.gateway.quoting import Quotes
from app.gateway.reading import RequestReader
from app.gateway.recorder import Recorder
from app.gateway.replay import Replays
from app.gateway.turnstile import Turnstile
from app.ledger.archive import LedgerArchive
from app.ledger.archived import ArchivedEntries
from app.ledger.books import Books
from app.ledger.credits import Credits
from app.ledger.journal import Journal
from app.ledger.ledger import Ledger
from app.ledger.usage import UsageReader
from app.metrics import Metrics
from app.money import parse_dollars
from app.requests.register import Register
from app.requests.waiting import Waiter
from app.settings.fields import Settings
from app.settings.names import SettingsError
from app.traces.tracer import Tracer
from app.upstream.balance_watch import BalanceWatch
from app.upstream.client import UpstreamClient
from app.upstream.fetch import ImageFetcher
from app.wiring.archive import open_archive, start_archivist
from app.wiring.metrics import open_metrics, read_books, read_gateway, read_scrape, read_upstream
from app.wiring.stores import open_hosted_images, open_results
from app.wiring.traces import open_tracer
from app.wiring.upstream import open_balance, open_fetcher, open_trust, open_upstream


class Services(Struct, frozen=True):
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
    archive: LedgerArchive
    archived: ArchivedEntries
    places: Places
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
    scrape: Scrape
    started_at: datetime


class _Opened(Struct, frozen=True):
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
    tracer: Tracer
    archive: FileStore
    """Of ledger entries too old for Redis."""


@asynccontextmanager
async def open_services(settings: Settings, redis_url: str, *, background: bool = True) -> AsyncIterator[Services]:
    """Build the services on one Redis; ``background`` runs leases, sweeper and journal replay beside them."""
    async with AsyncExitStack() as stack:
        catalog = load_catalog(settings.catalog_dir, settings.default_model, unknown_models(settings))
        metrics = open_metrics(settings, catalog)
        tracer = open_tracer(settings, stack)
        datastore = _datastore(redis_url, settings, metrics)
        stack.push_async_callback(datastore.aclose)
        accounts = _accounts(datastore, settings)
        ledger = _ledger(datastore, accounts, settings, stack)
        trust = open_trust(settings)
        upstream = open_upstream(settings, trust)
        stack.push_async_callback(upstream.aclose)
        spool = Spool(settings.data_dir / "spool")
        register = Register(datastore)
        services = _put_together(
            settings,
            _Opened(
                catalog=catalog,
                metrics=metrics,
                datastore=datastore,
                accounts=accounts,
                ledger=ledger,
                upstream=upstream,
                spool=spool,
                hosted=await open_hosted_images(settings, metrics, stack, background=background),
                results=await open_results(settings, metrics, spool, stack, background=background),
                fetcher=open_fetcher(settings, trust, stack),
                register=register,
                departures=_departures(register, stack),
                balance=open_balance(settings, trust, stack, background=background),
                tracer=tracer,
                archive=open_archive(settings),
            ),
        )
        read_gateway(metrics, services.places, services.turnstile, services.waiter)
        read_books(metrics, datastore, ledger)
        read_upstream(metrics, upstream, services.balance)
        read_scrape(metrics, services.scrape)
        if background:
            ledger.start()
            start_archivist(settings, metrics, datastore, accounts, services.archive, stack)
        yield services


def _put_together(settings: Settings, opened: _Opened) -> Services:
    """What stands on what is open, and needs no closing itself."""
    datastore, ledger, results = opened.datastore, opened.ledger, opened.results
    keys, places = KeyRing(opened.accounts), Places(settings.max_in_flight)
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
        archive=LedgerArchive(datastore, opened.archive),
        archived=ArchivedEntries(datastore, opened.archive),
        places=places,
        spool=opened.spool,
        hosted=opened.hosted,
        results=results,
        fetcher=opened.fetcher,
        upstream=opened.upstream,
        balance=opened.balance,
        turnstile=turnstile,
        quotes=Quotes(keys, reader, ledger, places),
        pipeline=Pipeline(
            keys,
            reader,
            Identities(join_retries=settings.join_retries and results.enabled),
            ledger,
            turnstile,
            Joining(opened.register, waiter, replays, opened.departures, settings.keepalive_seconds),
            Refusals(opened.register),
            _buyer(settings, opened),
            Recorder(opened.metrics, opened.tracer, shows_prompts=settings.log_prompts),
            places,
            keeps=results.enabled,
        ),
        scrape=Scrape(opened.accounts, datastore),
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


def _departures(register: Register, stack: AsyncExitStack) -> Departures:
    departures = Departures(register)
    departures.start()
    stack.push_async_callback(departures.aclose)
    return departures


def _datastore(url: str, settings: Settings, metrics: Metrics) -> Datastore:
    try:
        return open_datastore(
            url,
            timeout_seconds=settings.redis_timeout_seconds,
            ca_bundle=settings.ca_bundle,
            watched=metrics.saw_round_trip,
        )
    except AddressError as error:
        raise SettingsError(f"IMAGEGATE_REDIS_URL: {error}") from None


def _policy(settings: Settings) -> Policy:
    return Policy(strict=settings.strict, pass_unknown_fields=settings.unknown_fields == "pass")


def unknown_models(settings: Settings) -> UnknownModels | None:
    """What the settings say of models that the catalog does not have."""
    if settings.unknown_models == "refuse":
        return None
    return UnknownModels(price_per_image=parse_dollars(settings.unknown_model_price))
