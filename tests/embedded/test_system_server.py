"""The machine's own redis-server, as most installations have it, in place of the one in the wheel."""

import shutil
from pathlib import Path

import pytest

from app.accounts.models import Limits
from app.datastore.opening import open_datastore
from app.embedded.find import find_server
from app.embedded.server import EmbeddedRedis
from app.ledger.models import Resolution
from app.ledger.usage import UsageReader
from tests.ledger.scene import delivered, open_scene


@pytest.mark.slow
async def test_the_books_are_kept_on_the_machines_own_redis(tmp_path: Path) -> None:
    """The server on PATH is preferred to the wheel's, runs every script, and keeps its data over a restart."""
    on_path = shutil.which("redis-server")
    assert on_path is not None, ".ci/run installs it"
    assert find_server().path == Path(on_path)
    async with EmbeddedRedis(tmp_path) as server:
        store = open_datastore(f"unix://{server.socket_path}", timeout_seconds=10)
        scene = await open_scene(store, Limits(requests_per_minute=600))
        await scene.books.settle(await scene.hold("one", 100), delivered(60))
        await scene.hold("two", 100)
        await scene.books.release(scene.team.id, scene.keys[0].id, "two", Resolution("failed", charged=False))
        await store.aclose()
    async with EmbeddedRedis(tmp_path) as server:
        store = open_datastore(f"unix://{server.socket_path}", timeout_seconds=10)
        verified = await UsageReader(store).recompute(scene.team.id)
        await store.aclose()

    assert (verified.entries, verified.differences) == (2, ())
