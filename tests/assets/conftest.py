"""Both kinds of store, so that every test of pictures runs over a folder and over a real S3 server."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.assets.hosted import HostedImages
from app.assets.links import LinkSigner
from app.assets.store import AssetStore, open_store
from tests.support.s3_server import BUCKET, S3Server

NOW = 1_800_000_000.0


@dataclass
class Clock:
    """A clock that a test sets."""

    now: float = NOW

    def __call__(self) -> float:
        """The time, in Unix seconds."""
        return self.now


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """The server that all tests of one worker share; each test has a prefix of its own."""
    with S3Server() as server:
        yield server


@pytest.fixture
def s3_address(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty place on the server, which the environment leads to."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return f"s3://{BUCKET}/tests/{uuid.uuid4().hex}"


@pytest.fixture(params=["folder", "s3"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty place of each kind."""
    return str(tmp_path / "images") if request.param == "folder" else str(request.getfixturevalue("s3_address"))


@pytest.fixture
def store(address: str) -> AssetStore:
    return open_store(address)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def images(store: AssetStore, clock: Clock) -> HostedImages:
    """Pictures kept for an hour."""
    return HostedImages(store, LinkSigner(b"k" * 32, "http://gateway.test"), 3600, clock)
