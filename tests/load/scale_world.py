"""The servers of these measurements: a Redis that can be filled first, gateways on it, nginx before several."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import httpx

from tests.load.process import started
from tests.load.scale_fill import text_of
from tests.load.scale_points import Setting
from tests.load.servers import ROOT, Server
from tests.support.ports import free_port
from tests.support.process import clean_environment
from tests.support.programs import program
from tests.support.redis_server import RedisServer

_NGINX = """\
daemon off;
master_process off;
pid nginx.pid;
error_log error.log error;
worker_rlimit_nofile 20000;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path temp/body;
    proxy_temp_path temp/proxy;
    fastcgi_temp_path temp/fastcgi;
    uwsgi_temp_path temp/uwsgi;
    scgi_temp_path temp/scgi;
    upstream gateways {{
        least_conn;
{gateways}
        keepalive 1024;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        keepalive_requests 100000000;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_request_buffering off;
        proxy_buffering off;
        location / {{ proxy_pass http://gateways; }}
    }}
}}
"""
"""What matters here of the one that is shipped (deploy/nginx): without TLS, whose cost is not the gateways'."""


@contextmanager
def filled_redis() -> Iterator[RedisServer]:
    """A Redis that throws nothing away; how it is filled is for whoever asks for it."""
    with RedisServer({"maxmemory-policy": "noeviction"}) as server:
        yield server


@contextmanager
def gateway(
    setting: Setting, redis_url: str, name: str, key: tuple[str, str], *, core: int | None = None
) -> Iterator[Server]:
    """`imagegate serve` on that Redis, asked with the key of these ids; answers are not kept."""
    place, port = setting.folder / name, free_port()
    core = setting.cores.measured if core is None else core
    place.mkdir()
    given = clean_environment() | {
        "COMETAPI_KEY": "sk-of-the-upstream",
        "COMETAPI_BASE_URL": setting.upstream.base_url(),
        "IMAGEGATE_DATA_DIR": str(place),
        "IMAGEGATE_PORT": str(port),
        "IMAGEGATE_REDIS_URL": redis_url,
        "IMAGEGATE_RESULT_SECONDS": "0",
        "IMAGEGATE_LOG_FORMAT": "json",
        "IMAGEGATE_REPLICAS": "2",  # and so none of them takes what it was filled with to an archive
    }
    words = (sys.executable, "-m", "app", "serve")
    ready = partial(_is_ready, port)
    with started(words, place / "log", ready, core=core, environment=given, folder=ROOT) as process:
        yield Server(name, port, text_of(*key), process)


@contextmanager
def balanced(setting: Setting, servers: Sequence[Server]) -> Iterator[Server]:
    """One nginx before these gateways; it stands for the first of them, whose key is good at all."""
    place, port = setting.folder / f"nginx-{len(servers)}", free_port()
    (place / "temp").mkdir(parents=True)
    lines = "\n".join(f"        server 127.0.0.1:{server.port} max_fails=0;" for server in servers)
    (place / "nginx.conf").write_text(_NGINX.format(gateways=lines, port=port), encoding="utf-8")
    words = [str(program("nginx", "nginx")), "-p", str(place), "-c", str(place / "nginx.conf")]
    words += ["-e", str(place / "error.log")]
    with started(words, place / "log", partial(_is_ready, port), core=setting.cores.others) as process:
        yield Server(f"nginx before {len(servers)}", port, servers[0].key, process)


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
