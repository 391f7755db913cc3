"""Redis dies or freezes with 200 requests in flight: everybody is answered, nobody pays for nothing."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.accounts.models import Team
from app.simulator.server import Simulator
from tests.faults.outage import through
from tests.support.redis_cluster import RedisCluster
from tests.support.redis_sentinel import WatchedRedis
from tests.support.redis_server import RedisServer

FROZEN_SECONDS = 10
TIMES = 3


@pytest.fixture(params=["always", "everysec"])
def written_redis(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """A server with an append-only file, as an operator may set it."""
    with RedisServer({"appendonly": "yes", "appendfsync": request.param}) as server:
        yield server


@pytest.mark.slow
async def test_redis_is_killed_and_comes_back(written_redis: RedisServer, simulator: Simulator, tmp_path: Path) -> None:
    """Kill -9 and a restart on its file, again and again: each picture in the ledger once, nothing charged unsent."""

    async def outage(_: Team) -> None:
        for _round in range(TIMES):
            written_redis.kill()
            await asyncio.to_thread(written_redis.start)
            made = simulator.pictures
            await simulator.logbook.until(lambda: simulator.pictures > made)  # noqa: B023 - awaited within its round

    await through(outage, written_redis.url, simulator, tmp_path)


@pytest.mark.slow
async def test_redis_freezes_and_thaws(own_redis: RedisServer, simulator: Simulator, tmp_path: Path) -> None:
    """SIGSTOP for ten seconds: what was sent before it is done after it, and still nobody pays twice or for nothing."""

    async def outage(_: Team) -> None:
        own_redis.pause()
        await asyncio.sleep(FROZEN_SECONDS)
        own_redis.resume()

    await through(outage, own_redis.url, simulator, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["kill", "pause"])
async def test_a_watched_master_is_lost(simulator: Simulator, tmp_path: Path, fault: str) -> None:
    """Sentinels promote a replica: what it had not heard of yet is written again, once."""
    with WatchedRedis() as watched:

        async def outage(_: Team) -> None:
            old = watched.master
            getattr(old, fault)()
            await asyncio.to_thread(watched.await_, lambda: watched.master is not old)

        await through(outage, watched.url, simulator, tmp_path)


@pytest.mark.slow
async def test_a_master_of_a_cluster_is_lost(simulator: Simulator, tmp_path: Path) -> None:
    """The replica of the team's master takes over: the same holds."""
    with RedisCluster(replicas=1) as cluster:

        async def outage(team: Team) -> None:
            tag = f"{{{team.id}}}"
            old = cluster.master_of(tag)
            old.kill()
            await asyncio.to_thread(cluster.await_, lambda: cluster.master_of(tag) is not old)

        await through(outage, cluster.url, simulator, tmp_path)
