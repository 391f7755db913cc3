"""A reader of orders for every test of the web room."""

import pytest

from app.web.order_reader import OrderReader
from tests.web.scene import open_reader


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> OrderReader:
    """Keeps nothing between requests, so all tests of a module share it."""
    return open_reader(tmp_path_factory.mktemp("spool"))
