"""Catalogs the tests of this room share: the shipped one, one with a price for all, one with a price for qwen-image."""

from pathlib import Path

import pytest

from app.catalog.catalog import Catalog, load_catalog
from tests.catalog.asking import on_sale

QWEN_PRICED = """
extends = "qwen-image"
[price]
per_image = "0.04"
source = "this test"
"""


@pytest.fixture(scope="session")
def shipped() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="session")
def priced(shipped: Catalog) -> Catalog:
    return on_sale(shipped)


@pytest.fixture
def qwen_priced(tmp_path: Path) -> Catalog:
    (tmp_path / "qwen.toml").write_text(QWEN_PRICED)
    return load_catalog(tmp_path)
