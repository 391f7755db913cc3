"""An upstream, and what the gateway logs as machines read it."""

import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from app.logs import JsonFormatter
from app.simulator.server import Simulator


@dataclass(frozen=True, slots=True)
class Logged:
    """Everything that was logged, level by level down to ``debug``."""

    stream: io.StringIO = field(default_factory=io.StringIO)

    @property
    def text(self) -> str:
        """As it stands in the log."""
        return self.stream.getvalue()

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The lines of requests, in the order of their ends."""
        lines = [json.loads(line) for line in self.text.splitlines()]
        return [line for line in lines if line["logger"] == "imagegate.request"]


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator() as running:
        yield running


@pytest.fixture
def logged() -> Iterator[Logged]:
    found = Logged()
    handler = logging.StreamHandler(found.stream)
    handler.setFormatter(JsonFormatter())
    loggers = [logging.getLogger(name) for name in ("app", "imagegate", "uvicorn", "opentelemetry")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
    yield found
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(handler)
        logger.setLevel(level)
