"""A gateway and its simulator for every flow."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.simulator.server import Simulator
from tests.support.gateway import Gateway, running_gateway


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator() as running:
        yield running


@pytest.fixture
async def gateway(redis_url: str, tmp_path: Path, simulator: Simulator) -> AsyncIterator[Gateway]:
    async with running_gateway(redis_url, tmp_path, simulator) as running:
        yield running


@pytest.fixture
async def gateway_in_haste(redis_url: str, tmp_path: Path, simulator: Simulator) -> AsyncIterator[Gateway]:
    """A gateway that gives up on a silent upstream after half a second."""
    async with running_gateway(redis_url, tmp_path, simulator, upstream_read_seconds=0.5) as running:
        yield running
