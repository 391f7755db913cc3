"""What the tests of pictures paid once share: a pretend CometAPI, a gateway before it, two that share everything."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.simulator.server import Simulator
from tests.support.gateway import Gateway, running_gateway


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator() as running:
        yield running


@pytest.fixture
async def gateway(redis_url: str, tmp_path: Path, simulator: Simulator) -> AsyncIterator[Gateway]:
    async with running_gateway(redis_url, tmp_path / "gateway", simulator) as running:
        yield running


@pytest.fixture
async def replicas(redis_url: str, tmp_path: Path, simulator: Simulator) -> AsyncIterator[tuple[Gateway, Gateway]]:
    """Two gateways on one Redis, each with a data folder of its own, that keep answers in one place."""
    shared: dict[str, Any] = {"result_store": str(tmp_path / "results"), "replicas": 2}
    async with (
        running_gateway(redis_url, tmp_path / "one", simulator, **shared) as one,
        running_gateway(redis_url, tmp_path / "two", simulator, **shared) as two,
    ):
        yield one, two
