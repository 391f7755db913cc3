"""A gateway as a process of its own, as operators run it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from app.simulator.server import Simulator
from tests.support.ports import free_port
from tests.support.waiting import until


def clean_environment(*further: str) -> dict[str, str]:
    """The machine's environment without any setting of ours, and without names that begin with one of these."""
    ours = ("IMAGEGATE_", "COMETAPI_", *further)
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def environment(folder: Path, simulator: Simulator, **given: str) -> dict[str, str]:
    """The environment of such a process; ``given`` are further settings."""
    return clean_environment() | {
        "COMETAPI_KEY": "sk-upstream-of-the-tests",
        "COMETAPI_BASE_URL": simulator.url,
        "IMAGEGATE_DATA_DIR": str(folder),
        "IMAGEGATE_PORT": str(free_port()),
        "IMAGEGATE_REDIS_TIMEOUT_SECONDS": "10",  # a busy machine is no reason to refuse
        **given,
    }


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
