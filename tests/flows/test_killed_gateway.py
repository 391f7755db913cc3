"""A gateway killed in mid-request: its hold is resolved, its data is all there."""

import asyncio
import json
import time
from pathlib import Path

import httpx
import pytest

from app.simulator.scenario import Scenario
from app.simulator.server import Simulator
from tests.support.process import command, environment, serving
from tests.support.waiting import until

BOAT = {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x1024", "quality": "low"}
WITHIN_SECONDS = 60
"""What is promised; the lease of a hold and a round of the sweeper fit in."""


@pytest.mark.slow
async def test_a_kill_in_mid_request_is_resolved_within_a_minute(tmp_path: Path) -> None:
    """A kill -9 after dispatch, a restart: charged once at the quote as unknown, all data there, the books add up."""
    async with Simulator() as simulator:
        given = environment(tmp_path / "data", simulator)
        await command(given, "teams", "create", "design", "--budget", "10")
        made = json.loads(await command(given, "keys", "create", "--team", "design", "--alias", "ana", "--json"))
        client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{given['IMAGEGATE_PORT']}", headers={"Authorization": f"Bearer {made['key']}"}
        )
        async with client:
            async with serving(given) as first:
                paid = await client.post("/v1/images/generations", json=BOAT, timeout=30)
                simulator.default = Scenario(withhold=True)
                waiting = asyncio.create_task(client.post("/v1/images/generations", json=BOAT, timeout=30))
                await simulator.waiting(1)
                first.kill()
                with pytest.raises(httpx.TransportError):
                    await waiting
            simulator.default = Scenario()
            simulator.release()
            async with serving(given):
                restarted = time.monotonic()

                async def resolved() -> bool:
                    told = json.loads(await command(given, "teams", "standing", "design", "--json"))
                    used = json.loads(await command(given, "usage", "--team", "design", "--json"))
                    return bool(told["standings"][0]["held"] == "0.00" and used["rows"][0]["unknown"] == 1)

                await until(resolved, seconds=WITHIN_SECONDS)
                print(f"resolved {time.monotonic() - restarted:.1f} s after the restart")
                again = await client.post("/v1/images/generations", json=BOAT, timeout=30)
                verified = await command(given, "ledger", "verify")

    assert (paid.status_code, again.status_code) == (200, 200)
    assert "design: 3 entries, 0 differences" in verified
