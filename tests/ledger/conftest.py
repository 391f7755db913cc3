"""A ledger whose Redis may be hurt: frozen, killed and started again on its data."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from app.accounts.store import AccountStore
from app.datastore.datastore import Datastore
from app.ledger.books import Books
from app.ledger.journal import Journal
from app.ledger.ledger import Ledger
from tests.support.redis_server import RedisServer

OpenLedger = Callable[[], AbstractAsyncContextManager[Ledger]]


@pytest.fixture
def durable_redis() -> Iterator[RedisServer]:
    """A server of the test's own whose every answered write outlives its death."""
    with RedisServer({"appendonly": "yes", "appendfsync": "always"}) as server:
        yield server


@pytest.fixture
async def patient(durable_redis: RedisServer) -> AsyncIterator[Datastore]:
    """The test's own look at that server, which waits as long as it takes."""
    opened = Datastore(redis.Redis.from_url(durable_redis.url, retry=Retry(NoBackoff(), 0)), timeout_seconds=20)
    yield opened
    await opened.aclose()


@pytest.fixture
def open_ledger(durable_redis: RedisServer, tmp_path: Path) -> OpenLedger:
    """Opens a ledger as a replica has it, all on one journal folder, with little patience for Redis."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Ledger]:
        client = redis.Redis.from_url(durable_redis.url, retry=Retry(NoBackoff(), 0))
        datastore = Datastore(client, timeout_seconds=0.3)
        accounts = AccountStore(datastore)

        ledger = Ledger(Books(datastore), Journal(tmp_path / "journal"), accounts.team_ids)
        yield ledger
        await ledger.aclose()
        await datastore.aclose()

    return opened
