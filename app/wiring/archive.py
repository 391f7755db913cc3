"""Opens the archive of ledger entries, says whether there is to be one, and has old entries taken there."""

import logging
from contextlib import AsyncExitStack
from typing import Final, get_args

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

CURE: Final = (
    f"set {variable_name('archive_store')} to a bucket or a folder they share, or {variable_name('replicas')}=1 "
    "where there is only one"
)
"""For whom `is_archive_shared` is False."""


def is_archive_shared(settings: Settings) -> bool:
    """Whether all replicas find archived entries in one place; where not, none are taken out of Redis.

    Without a place that was named they go into the data folder. On a Redis of one's own that folder may be one of
    several, or go with its container, so it has to be said that there is one replica.
    """
    if settings.archive_store is not None:
        return True
    return settings.replicas == 1 or (settings.replicas is None and settings.redis_url is None)


def open_archive(settings: Settings) -> FileStore:
    """Where archived entries lie: nothing sweeps it, and nothing bounds it.

    Opened also where nothing is archived (any more): what was is read there, and a command may archive by hand.

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
    archive: LedgerArchive,
    stack: AsyncExitStack,
) -> None:
    """Have old entries archived from now on, unless they are to stay for ever, or have no place all replicas share."""
    if not settings.ledger_days:
        return
    if not is_archive_shared(settings):
        told = {"event": "archive_not_shared", "replicas": settings.replicas, "cure": CURE}
        log.warning("ledger entries stay in redis: there is no archive that all replicas share", extra=told)
        return
    for result in get_args(Result):
        metrics.archive_runs.labels(result)  # at 0 from the start; where nothing is archived there is no such series

    def ran(result: Result) -> None:
        metrics.archive_runs.labels(result).inc()

    archivist = Archivist(archive, datastore, accounts.team_ids, settings.ledger_days, ran)
    stack.push_async_callback(archivist.aclose)
    archivist.start()
