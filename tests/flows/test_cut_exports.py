"""An export that cannot be finished is cut off: half a ledger never looks whole."""

from pathlib import Path

import httpx
import pytest

from app.simulator.server import Simulator
from tests.ledger.long_ledger import write_ledger
from tests.ledger.scene import open_scene
from tests.support.gateway import ADMIN_TOKEN, running_gateway
from tests.support.redis_server import RedisServer


async def test_a_lost_redis_cuts_the_file(own_redis: RedisServer, tmp_path: Path, simulator: Simulator) -> None:
    """Its reader gets an error instead of an end."""
    async with running_gateway(own_redis.url, tmp_path, simulator, background=False) as gateway:
        scene = await open_scene(gateway.services.datastore)
        await write_ledger(scene, 40_000)
        query = {"team": scene.team.name}
        async with (
            gateway.http(ADMIN_TOKEN) as client,
            client.stream("GET", "/admin/v1/ledger/export", params=query) as answer,
        ):
            assert answer.status_code == 200
            chunks = answer.aiter_bytes()
            await anext(chunks)
            own_redis.kill()
            with pytest.raises(httpx.RemoteProtocolError):
                async for _ in chunks:
                    pass
