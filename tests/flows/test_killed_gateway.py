"""A gateway killed in mid-request: its hold is resolved, its data is all there."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from app.simulator.scenario import Scenario
from app.simulator.server import Simulator
from tests.support.waiting import until

BOAT = {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x1024", "quality": "low"}
WITHIN_SECONDS = 60
"""What is promised; the lease of a hold and a round of the sweeper fit in."""


def environment(folder: Path, simulator: Simulator, port: int) -> dict[str, str]:
    """Settings of a gateway process of this test."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("IMAGEGATE_", "COMETAPI_"))}
    return clean | {
        "COMETAPI_KEY": "sk-upstream-of-the-tests",
        "COMETAPI_BASE_URL": simulator.url,
        "IMAGEGATE_DATA_DIR": str(folder),
        "IMAGEGATE_PORT": str(port),
    }


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@asynccontextmanager
async def serving(given: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """`imagegate serve` as a process, until the block ends."""
    words = (sys.executable, "-m", "app", "serve")
    process = await asyncio.create_subprocess_exec(*words, env=given, stderr=subprocess.DEVNULL)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{given['IMAGEGATE_PORT']}") as client:

            async def ready() -> bool:
                try:
                    return (await client.get("/readyz")).status_code == 200
                except httpx.TransportError:
                    return False

            await until(ready, seconds=30)
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 30)


async def command(given: dict[str, str], *words: str) -> str:
    """An imagegate command beside it."""
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "app", *words], env=given, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


@pytest.mark.slow
async def test_a_kill_in_mid_request_is_resolved_within_a_minute(tmp_path: Path) -> None:
    """A kill -9 after dispatch, a restart: charged once at the quote as unknown, all data there, the books add up."""
    async with Simulator() as simulator:
        given = environment(tmp_path / "data", simulator, free_port())
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
                    report = json.loads(await command(given, "usage", "--team", "design", "--json"))
                    return bool(report["held"] == "0.00" and report["rows"][0]["unknown"] == 1)

                await until(resolved, seconds=WITHIN_SECONDS)
                print(f"resolved {time.monotonic() - restarted:.1f} s after the restart")
                again = await client.post("/v1/images/generations", json=BOAT, timeout=30)
                verified = await command(given, "ledger", "verify")

    assert (paid.status_code, again.status_code) == (200, 200)
    assert "design: 3 entries, 0 differences" in verified
