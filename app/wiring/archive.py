"""Opens the archive of ledger entries, and whoever takes old ones there."""

import logging
from contextlib import AsyncExitStack

from app.accounts.store import AccountStore
from app.assets.errors import StoreAddressError
from app.assets.file_store import FileStore
from app.assets.store import open_store
from app.datastore.datastore import Datastore
from app.ledger.archive import LedgerArchive
from app.ledger.archivist import Archivist, Result
from app.metrics import Metrics
from app.settings.fields import Settings
from app.settings.names import SettingsError, variable_name

log = logging.getLogger(__name__)


def open_archive(settings: Settings) -> FileStore:
    """Where archived entries lie: nothing sweeps it, and nothing bounds it.

    Raises:
        SettingsError: the place cannot be one.

    """
    try:
        return FileStore(open_store(settings.archive_store or settings.data_dir / "archive", "archived entries"))
    except StoreAddressError as error:
        raise SettingsError(str(error)) from None


def start_archivist(
    settings: Settings,
    metrics: Metrics,
    datastore: Datastore,
    accounts: AccountStore,
    store: FileStore,
    stack: AsyncExitStack,
) -> None:
    """Have old entries archived from now on, unless they are to stay for ever, or have no place all replicas know."""
    if not settings.ledger_days:
        return
    if settings.archive_store is None and (settings.replicas or 1) > 1:
        # The books are not to be spread over folders each of which is one replica's, and may go with it.
        cure = f"set {variable_name('archive_store')} to a bucket or a folder they share"
        told = {"event": "archive_not_shared", "replicas": settings.replicas, "cure": cure}
        log.warning("ledger entries stay in redis: several replicas want an archive they share", extra=told)
        return

    def ran(result: Result) -> None:
        metrics.archive_runs.labels(result).inc()

    archive = LedgerArchive(datastore, store)
    archivist = Archivist(archive, datastore, accounts.team_ids, settings.ledger_days, ran)
    stack.push_async_callback(archivist.aclose)
    archivist.start()
