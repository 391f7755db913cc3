"""The pretend CometAPI that these tests buy from."""

from collections.abc import AsyncIterator

import pytest

from app.simulator.server import Simulator


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """A simulator of the test's own."""
    async with Simulator() as running:
        yield running
