"""What every test may ask for: a real Redis, empty at the start of each test that uses it."""

import os
import signal
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from app.datastore.datastore import Datastore
from app.datastore.opening import open_datastore
from tests.support.redis_server import RedisServer

# A busy machine is no failure, so nothing is timed. In CI the examples are the same each time; at a desk they differ,
# so that every run looks a little further.
settings.register_profile("desk", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("desk"), max_examples=100, derandomize=True, print_blob=True)
fuzz_examples = int(os.environ.get("FUZZ_EXAMPLES", "1000"))
settings.register_profile("fuzz", settings.get_profile("desk"), max_examples=fuzz_examples, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "desk")

# A run that a shell has put into the background ignores Ctrl-C, and so would every process it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """The server all tests of one worker share; ask for `redis_url` instead, and hurt only an `own_redis`."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The address of an empty Redis."""
    assert redis_server.command("FLUSHALL") == b"+OK"
    return redis_server.url


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A server of the test's own, to be killed, frozen or stopped; it forgets everything when it ends."""
    with RedisServer() as server:
        yield server


@pytest.fixture
async def datastore(redis_url: str) -> AsyncIterator[Datastore]:
    """The datastore room over an empty Redis, connected as `app.wiring` does it, with time for a busy machine."""
    opened = open_datastore(redis_url, timeout_seconds=10)
    yield opened
    await opened.aclose()
