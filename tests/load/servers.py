"""The servers of a measurement: the canned upstream, the bare nginx in front of it, and imagegate.

Whatever is measured has a core of its own, and only one server is measured at a time. The upstream, Redis and whoever
asks share another core. All of it listens on loopback, and is gone when the block ends.
"""

import os
import resource
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.load.answers import MODEL, PATH, STANDARD, Menu
from tests.load.nginx_files import CERTIFICATES, proxy_words, upstream_words
from tests.load.process import Process, started
from tests.support.ports import free_port
from tests.support.process import clean_environment
from tests.support.redis_server import RedisServer

ROOT = Path(__file__).parents[2]
PROXY_KEY = "sk-of-the-proxy"
_ADMIN_TOKEN = "operator-of-the-measurement"
_BUDGET_DOLLARS = "9000000"
"""More than any measurement spends; that it is a number at all has the books look at it."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Where who runs. On a machine with one core both are the same, and the figures say little."""

    measured: int
    others: int


@dataclass(frozen=True, slots=True)
class Upstream:
    """A canned upstream that listens."""

    port: int
    tls_port: int
    menu: Menu
    process: Process

    def base_url(self, *, tls: bool = False) -> str:
        """What an OpenAI client would be given."""
        return f"https://localhost:{self.tls_port}/v1" if tls else f"http://127.0.0.1:{self.port}/v1"


@dataclass(frozen=True, slots=True)
class Server:
    """One that is measured, and how it is asked."""

    name: str
    port: int
    key: str
    process: Process
    model: str = MODEL
    headers: Mapping[str, str] = field(default_factory=dict)
    """What it wants beside the key."""
    redis: Process | None = None

    def all_headers(self) -> dict[str, str]:
        """The headers of a request."""
        return {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", **self.headers}


def settle_in() -> Cores:
    """Choose the cores, move this process to that of the others, and let it open as many files as it may."""
    own = sorted(os.sched_getaffinity(0))
    cores = Cores(measured=own[0], others=own[-1])
    os.sched_setaffinity(0, {cores.others})
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return cores


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder in memory, where the machine has one there: answers and logs should cost nobody a disk."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="ig-load-", dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@contextmanager
def canned_upstream(folder: Path, cores: Cores, menu: Menu = STANDARD) -> Iterator[Upstream]:
    """An nginx that gives the answers of a menu, over plain TCP and over TLS."""
    port, tls_port, waits_port = free_port(), free_port(), free_port()
    place = folder / "upstream"
    words = upstream_words(place, menu, port=port, tls_port=tls_port, waits_port=waits_port)
    waits = (sys.executable, "-m", "tests.load.waits", str(waits_port))
    with ExitStack() as stack:
        begin = stack.enter_context
        begin(started(waits, place / "waits.log", lambda: _listens(waits_port), core=cores.others, folder=ROOT))
        process = begin(started(words, place / "log", lambda: _listens(port), core=cores.others))
        yield Upstream(port, tls_port, menu, process)


@contextmanager
def bare_nginx(folder: Path, cores: Cores, upstream: Upstream) -> Iterator[tuple[Server, Server]]:
    """An nginx that passes on and checks one key: its door to the upstream, and that to the upstream over TLS."""
    port, tls_port = free_port(), free_port()
    place = folder / "nginx"
    words = proxy_words(
        place,
        key=PROXY_KEY,
        port=port,
        tls_port=tls_port,
        upstream_port=upstream.port,
        tls_upstream=upstream.tls_port,
    )
    with started(words, place / "log", lambda: _listens(port), core=cores.measured) as process:
        yield Server("nginx", port, PROXY_KEY, process), Server("nginx, TLS", tls_port, PROXY_KEY, process)


@contextmanager
def imagegate(
    folder: Path,
    cores: Cores,
    base_url: str,
    *,
    name: str = "imagegate",
    settings: Mapping[str, str] | None = None,
    checkout: Path = ROOT,
) -> Iterator[Server]:
    """`imagegate serve` with a Redis of its own, and the key of a team that has a budget.

    ``settings`` add to or override what is set here, where answers are not kept. ``checkout`` is where the code is.
    """
    place = folder / f"imagegate-{name.replace(' ', '-').replace(',', '')}"
    place.mkdir()
    port = free_port()
    with ExitStack() as stack:
        # On disk, where the machine has its temporary files: what is written there is part of what is measured.
        data = stack.enter_context(tempfile.TemporaryDirectory(prefix="ig-load-"))
        redis = stack.enter_context(RedisServer())
        given = clean_environment() | {
            "PYTHONPATH": str(checkout),
            "COMETAPI_KEY": "sk-of-the-upstream",
            "COMETAPI_BASE_URL": base_url,
            "IMAGEGATE_CA_BUNDLE": str(CERTIFICATES / "authority.pem"),
            "IMAGEGATE_DATA_DIR": data,
            "IMAGEGATE_PORT": str(port),
            "IMAGEGATE_ADMIN_TOKEN": _ADMIN_TOKEN,
            "IMAGEGATE_REDIS_URL": redis.url,
            "IMAGEGATE_REPLICAS": "1",
            "IMAGEGATE_RESULT_SECONDS": "0",
            "IMAGEGATE_LOG_FORMAT": "json",
            **(settings or {}),
        }
        words = (sys.executable, "-m", "app", "serve")
        log = place / "log"
        process = stack.enter_context(
            started(words, log, lambda: _is_ready(port), core=cores.measured, environment=given, folder=checkout)
        )
        _made(port, "/teams", {"name": "load", "limits": {"budget": {"limit": _BUDGET_DOLLARS}}})
        yield Server(name, port, new_key(port, "load"), process, redis=Process(redis.pid))


def ask_once(server: Server, body: bytes) -> httpx.Response:
    """One request, to see that it is answered at all.

    Raises:
        RuntimeError: it is not answered with a 200.

    """
    url = f"http://127.0.0.1:{server.port}{PATH}"
    answer = httpx.post(url, content=body, headers=server.all_headers(), timeout=60, trust_env=False)
    if answer.status_code != 200:
        raise RuntimeError(f"{server.name} answered {answer.status_code}: {answer.text[:500]}")
    return answer


def new_key(port: int, alias: str) -> str:
    """A further key of the team that may spend a lot."""
    return str(_made(port, "/teams/load/keys", {"alias": alias})["key"])


def _made(port: int, path: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an operator made."""
    url, headers = f"http://127.0.0.1:{port}/admin/v1{path}", {"Authorization": f"Bearer {_ADMIN_TOKEN}"}
    answer = httpx.post(url, json=fields, headers=headers, timeout=30, trust_env=False).raise_for_status()
    made: Mapping[str, Any] = answer.json()
    return made


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
