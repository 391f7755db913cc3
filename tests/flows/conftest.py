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


@pytest.fixture
def priced_catalog(tmp_path: Path) -> Path:
    """An operator's folder that prices models which ship without a price, and trusts links of this machine."""
    folder = tmp_path / "catalog"
    folder.mkdir()
    for model in ("qwen-image", "qwen-image-edit", "dall-e-2", "dall-e-3", "doubao-seedream-4-0-250828"):
        (folder / f"{model}.toml").write_text(
            f'extends = "{model}"\n[price]\nper_image = "0.04"\nsource = "the tests"\n'
            '[links]\nhosts = ["127.0.0.1"]\nsource = "the tests"\n'
        )
    return folder


@pytest.fixture
async def open_gateway(
    redis_url: str, tmp_path: Path, simulator: Simulator, priced_catalog: Path
) -> AsyncIterator[Gateway]:
    """A gateway with more models on offer, that may fetch from this machine, and soon says that it is still there."""
    async with running_gateway(
        redis_url,
        tmp_path,
        simulator,
        catalog_dir=priced_catalog,
        fetch_networks="127.0.0.0/8",
        image_url_hosts="127.0.0.1",
        keepalive_seconds=0.05,
    ) as running:
        yield running
