"""A gateway whose disk takes nothing more: pictures are delivered and settled all the same, and only not kept."""

import asyncio
import resource
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from app.accounts.models import KeyOptions
from app.simulator.scenario import Scenario
from app.simulator.server import Simulator
from tests.faults.accounting import BOAT, GENERATIONS, accounting, priced_catalog, replica
from tests.paid_once.pickup import recent
from tests.paid_once.processes import expect_in_books, sharing
from tests.support.redis_server import RedisServer

FULL_BYTES = 4096
"""No file of the process may grow beyond: a write that goes further fails, as one on a full disk does."""
PADDING_BYTES = 2 * 1024 * 1024
"""Pictures of a realistic size: more than memory holds of each."""

KINDS: dict[str, Mapping[str, Any]] = {
    "passed-through": BOAT,
    "stream": BOAT | {"stream": True},
    "link": BOAT | {"response_format": "url"},
    "fan-out": {"model": "qwen-image", "prompt": "a paper boat", "n": 2},
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
async def test_a_full_disk_takes_no_picture_from_anybody(
    own_redis: RedisServer, simulator: Simulator, tmp_path: Path, kind: str
) -> None:
    """Whatever way the answer takes through the gateway, the client has its picture, and it is settled as delivered."""
    simulator.default = Scenario(padding_bytes=PADDING_BYTES)
    more = {
        "IMAGEGATE_CATALOG_DIR": str(priced_catalog(tmp_path / "catalog")),
        "IMAGEGATE_FETCH_NETWORKS": "127.0.0.0/8",
        "IMAGEGATE_IMAGE_URL_HOSTS": "127.0.0.1",
    }
    (given,) = sharing(tmp_path, simulator, own_redis.url, "one", **more)
    async with accounting(own_redis.url) as books, replica(given) as (process, client):
        team = await books.new_team()
        client.headers.update(await books.new_key(team, options=KeyOptions(fan_out=True)))
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (FULL_BYTES, FULL_BYTES))
        answers = await asyncio.gather(*(client.post(GENERATIONS, json=KINDS[kind]) for _ in range(5)))
        assert [answer.status_code for answer in answers] == [200] * 5, answers[0].text[:500]
        await expect_in_books(books, team, ["delivered"] * 5)
        listed = await recent(client)

    for answer in answers:
        assert len(answer.content) > PADDING_BYTES
        if kind != "stream":
            assert len(answer.json()["data"]) == KINDS[kind].get("n", 1)
    assert [request["status"] for request in listed] == ["delivered"] * 5
