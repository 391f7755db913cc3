"""A real nginx in front of gateways, in a folder of its own: the proxy that gives up on a silent answer."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.ports import free_port
from tests.support.programs import program, running

_CONFIGURATION = """\
daemon off;
master_process off;
pid nginx.pid;
error_log error.log notice;
events {{ worker_connections 1024; }}
http {{
    access_log access.log;
    client_body_temp_path temp/body;
    proxy_temp_path temp/proxy;
    fastcgi_temp_path temp/fastcgi;
    uwsgi_temp_path temp/uwsgi;
    scgi_temp_path temp/scgi;
    client_max_body_size 64m;
    proxy_read_timeout {read_timeout_seconds:g}s;
{further}
{upstreams}
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://{passed_to}; }}
    }}
}}
"""
"""One process, which one pid ends. What is not said here is nginx's default, HTTP/1.0 to the gateways included."""


@asynccontextmanager
async def running_nginx(
    folder: Path,
    upstreams: Sequence[str],
    *,
    read_timeout_seconds: float = 5,
    by_try: bool = False,
    next_upstream: bool = False,
) -> AsyncIterator[str]:
    """Pass requests on to gateways (``http://host:port``) until the block ends; gives nginx's own address.

    Several take turns. With ``by_try`` the first try of an OpenAI SDK goes to the first gateway, its first retry to the
    second and any further to the last. With ``next_upstream`` nginx itself may ask another, as it does by default.
    """
    folder = folder / "nginx"
    (folder / "temp").mkdir(parents=True)
    port = free_port()
    settings = folder / "nginx.conf"
    further = "" if next_upstream else "    proxy_next_upstream off;"
    settings.write_text(
        _CONFIGURATION.format(
            port=port,
            read_timeout_seconds=read_timeout_seconds,
            further=further,
            upstreams=_by_try(upstreams) if by_try else _in_turn(upstreams),
            passed_to="$gateway" if by_try else "gateways",
        )
    )
    words = (program("nginx", "nginx"), "-p", str(folder), "-c", str(settings), "-e", str(folder / "error.log"))
    async with serving_nginx(words, folder / "error.log", port):
        yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def serving_nginx(words: Sequence[str | Path], log: Path, port: int) -> AsyncIterator[None]:
    """Run nginx until the block ends, which begins when it listens at this port of loopback."""

    async def listens() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return True

    async with running(words, log, listens):
        yield


def _in_turn(upstreams: Sequence[str]) -> str:
    servers = "".join(f"        server {urlsplit(url).netloc};\n" for url in upstreams)
    return f"    upstream gateways {{\n{servers}    }}"


def _by_try(upstreams: Sequence[str]) -> str:
    names = [urlsplit(url).netloc for url in upstreams]
    chosen = "".join(f'        "{number}" {name};\n' for number, name in enumerate(names[1:], 1))
    # Whoever is no SDK has no such header, and so comes to the first, as first tries do.
    ends = f'        default {names[-1]};\n        "" {names[0]};\n        "0" {names[0]};\n'
    return f"    map $http_x_stainless_retry_count $gateway {{\n{ends}{chosen}    }}"
