"""A ledger whose Redis may be hurt: frozen, killed and started again on its data."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from app.accounts.store import AccountStore
from app.datastore.datastore import Datastore
from app.datastore.opening import open_datastore
from app.ledger.books import Books
from app.ledger.journal import Journal
from app.ledger.ledger import Ledger
from tests.support.datastore import datastore_on
from tests.support.redis_cluster import cluster_url, redis_cluster
from tests.support.redis_server import RedisServer

__all__ = ["cluster_url", "redis_cluster"]

OpenLedger = Callable[[], AbstractAsyncContextManager[Ledger]]


@pytest.fixture
def durable_redis() -> Iterator[RedisServer]:
    """A server of the test's own whose every answered write outlives its death."""
    with RedisServer({"appendonly": "yes", "appendfsync": "always"}) as server:
        yield server


@pytest.fixture
async def patient(durable_redis: RedisServer) -> AsyncIterator[Datastore]:
    """The test's own look at that server, which waits as long as it takes and is never put off."""
    opened = datastore_on(durable_redis.url, timeout_seconds=20, failures_to_open=1000)
    yield opened
    await opened.aclose()


@pytest.fixture
def open_ledger(durable_redis: RedisServer, tmp_path: Path) -> OpenLedger:
    """Opens a ledger as a replica has it, all on one journal folder, with little patience for Redis."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Ledger]:
        datastore = open_datastore(durable_redis.url, timeout_seconds=1.5)
        accounts = AccountStore(datastore)

        ledger = Ledger(Books(datastore), Journal(tmp_path / "journal"), accounts.team_ids, datastore.replication_ids)
        yield ledger
        await ledger.aclose()
        await datastore.aclose()

    return opened
