"""What the tests of faults share: a pretend CometAPI."""

from collections.abc import AsyncIterator

import pytest

from app.simulator.server import Simulator


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator() as running:
        yield running
