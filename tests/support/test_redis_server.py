"""The tests' own Redis does what the fault tests count on."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.datastore.datastore import Datastore
from app.datastore.opening import open_datastore
from app.errors import StoreUnavailable
from tests.support.redis_server import POLL_SECONDS, START_SECONDS, RedisServer

ROOT = Path(__file__).resolve().parents[2]


def test_killed_server_comes_back_with_its_append_only_file() -> None:
    """With the append-only file on, what was answered before a kill -9 is there after the next start."""
    with RedisServer({"appendonly": "yes", "appendfsync": "always"}) as server:
        assert server.command("SET", "a", "1") == b"+OK"
        server.kill()
        assert not server.is_running
        server.start()
        assert server.command("STRLEN", "a") == b":1"


def test_killed_server_forgets_without_one() -> None:
    """Without it a killed server comes back empty, as after a failover that lost everything."""
    with RedisServer() as server:
        server.command("SET", "a", "1")
        server.kill()
        server.start()
        assert server.command("STRLEN", "a") == b":0"


def test_paused_server_answers_after_it_resumes(own_redis: RedisServer) -> None:
    """A frozen server is alive and can be thawed, or stopped as it is."""
    own_redis.pause()
    assert own_redis.is_running
    own_redis.resume()
    assert own_redis.command("PING") == b"+PONG"
    own_redis.pause()
    own_redis.stop()
    assert not own_redis.is_running


def test_server_that_cannot_start_says_why() -> None:
    """A wrong configuration fails with words, and leaves no process."""
    server = RedisServer({"maxmemory-policy": "nonsense"})
    with pytest.raises(AssertionError, match=r"(?s)redis did not start.*nonsense"):
        server.start()
    assert not server.is_running
    server.close()
    assert not server.folder.exists()


def test_server_dies_with_a_killed_test_run() -> None:
    """A kill -9 of the process that started it leaves neither the server nor its folder."""
    starting = (
        "from tests.support.redis_server import RedisServer as R; s = R(); s.start(); print(s.folder, flush=True)"
    )
    script = f"{starting}; input()"
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        folder = Path(run.stdout.readline().strip())
        assert (folder / "redis.sock").exists()
        run.kill()
    deadline = time.monotonic() + START_SECONDS
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    assert not folder.exists()


@pytest.mark.parametrize("turn", [1, 2])
async def test_each_test_finds_its_redis_empty(turn: int, datastore: Datastore) -> None:
    """Whatever ran before on the shared server is gone."""
    assert await datastore.command("DBSIZE") == 0
    await datastore.command("SET", f"left-by-{turn}", "1")


async def test_datastore_fixture_tells_of_a_dead_server(redis_url: str, own_redis: RedisServer) -> None:
    """A test's own server can go while the shared one stays."""
    own_redis.kill()
    assert not own_redis.is_running
    gone = open_datastore(own_redis.url, timeout_seconds=5)
    with pytest.raises(StoreUnavailable):
        await gone.ping()
    await gone.aclose()
