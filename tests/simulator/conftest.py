"""A started simulator and a client with a key for it."""

from collections.abc import AsyncIterator

import httpx
import pytest

from app.simulator.server import Simulator


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """A simulator on a free port."""
    async with Simulator() as started:
        yield started


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    """A client that bears an accepted key and keeps its connections."""
    async with httpx.AsyncClient(
        base_url=simulator.origin, headers={"Authorization": "Bearer sk-test"}, timeout=10
    ) as opened:
        yield opened
