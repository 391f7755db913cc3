"""The world of a soak run: a Redis that keeps what it is told, a pretend CometAPI, two replicas, teams with limits."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from app.simulator.server import Simulator
from tests.faults.accounting import accounting, priced_catalog
from tests.soak.accounts import Accounts
from tests.soak.replica import Replica
from tests.soak.witness import Witness
from tests.support.ports import free_port
from tests.support.process import clean_environment
from tests.support.redis_server import RedisServer


@dataclass(frozen=True, slots=True)
class World:
    """Everything that runs."""

    redis: RedisServer
    simulator: Simulator
    witness: Witness
    replicas: tuple[Replica, ...]
    accounts: Accounts


@asynccontextmanager
async def open_world(folder: Path, seconds: float) -> AsyncIterator[World]:
    """Start everything, with budgets for a run of so many seconds; whatever has started ends with the block."""
    async with AsyncExitStack() as stack:
        # Written to the disk before it is answered: nothing that a client was told may be lost, not even by a kill.
        redis = stack.enter_context(RedisServer({"appendonly": "yes", "appendfsync": "always"}))
        simulator, witness = Simulator(), Witness()
        simulator.logbook = witness
        await simulator.start("127.0.0.1", free_port())
        stack.push_async_callback(simulator.stop)
        accounts = Accounts(await stack.enter_async_context(accounting(redis.url)))
        await accounts.open(seconds)
        replicas = tuple(_replicas(folder, redis, simulator))
        for replica in replicas:
            stack.push_async_callback(replica.close)
        await asyncio.gather(*(replica.start() for replica in replicas))
        yield World(redis, simulator, witness, replicas, accounts)


def _replicas(folder: Path, redis: RedisServer, simulator: Simulator) -> Sequence[Replica]:
    """Two on one Redis, with one place for pictures and answers, and data folders of their own."""
    ports = {"one": free_port(), "two": free_port()}
    shared = clean_environment() | {
        "COMETAPI_KEY": "sk-upstream-of-the-tests",
        "COMETAPI_BASE_URL": simulator.url,
        "IMAGEGATE_REDIS_URL": redis.url,
        "IMAGEGATE_REDIS_TIMEOUT_SECONDS": "2",
        "IMAGEGATE_CATALOG_DIR": str(priced_catalog(folder / "catalog")),
        "IMAGEGATE_REPLICAS": str(len(ports)),
        "IMAGEGATE_RESULT_STORE": str(folder / "results"),
        "IMAGEGATE_RESULT_BYTES": str(128 * 2**20),
        "IMAGEGATE_IMAGE_STORE": str(folder / "images"),
        "IMAGEGATE_SIGNING_KEY": "a-signing-key-of-the-tests-long-enough",
        "IMAGEGATE_PUBLIC_URL": f"http://127.0.0.1:{ports['one']}",
        "IMAGEGATE_QUEUE_SECONDS": "0.5",
        "IMAGEGATE_UPSTREAM_READ_SECONDS": "4",
        "IMAGEGATE_DRAIN_SECONDS": "10",
    }
    return [
        Replica(
            name,
            shared | {"IMAGEGATE_DATA_DIR": str(folder / name), "IMAGEGATE_PORT": str(port)},
            folder / f"{name}.log",
        )
        for name, port in ports.items()
    ]


def http_client(replica: Replica) -> httpx.AsyncClient:
    """A client of a replica that opens as many connections as it is asked to; its users bring their own patience."""
    return httpx.AsyncClient(base_url=replica.address, timeout=None, limits=httpx.Limits(max_connections=None))
