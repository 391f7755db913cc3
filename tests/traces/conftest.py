"""An upstream, and a collector that the process's environment names."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.simulator.server import Simulator
from tests.support.trace_collector import TraceCollector


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator() as running:
        yield running


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[TraceCollector]:
    with TraceCollector() as running:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.url)
        yield running


@pytest.fixture
def priced_catalog(tmp_path: Path) -> Path:
    """An operator's folder that prices a model which makes one picture at a time."""
    folder = tmp_path / "catalog"
    folder.mkdir()
    text = 'extends = "qwen-image"\n[price]\nper_image = "0.04"\nsource = "the tests"\n'
    (folder / "qwen-image.toml").write_text(text)
    return folder
