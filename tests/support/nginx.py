"""A real nginx in front of gateways, in a folder of its own: the proxy that gives up on a silent answer."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.redis_server import quiet_port
from tests.support.waiting import until

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
    port = quiet_port()
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
    said = folder / "error.log"
    process = await asyncio.create_subprocess_exec(
        _program(),
        *("-p", str(folder), "-c", str(settings), "-e", str(said)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    # A killed test run must not leave a server behind: our end of this pipe closes with us, however we end.
    watchman = await asyncio.create_subprocess_exec(
        *("/bin/sh", "-c", 'read _; kill -9 "$1"', "sh", str(process.pid)),
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:

        async def ready() -> bool:
            assert process.returncode is None, f"nginx did not start:\n{said.read_text(errors='replace')}"
            return await _listens(port)

        await until(ready, seconds=20)
        yield f"http://127.0.0.1:{port}"
    finally:
        watchman.kill()  # first, so that it kills nobody by a reused pid
        await watchman.communicate()
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _in_turn(upstreams: Sequence[str]) -> str:
    servers = "".join(f"        server {urlsplit(url).netloc};\n" for url in upstreams)
    return f"    upstream gateways {{\n{servers}    }}"


def _by_try(upstreams: Sequence[str]) -> str:
    names = [urlsplit(url).netloc for url in upstreams]
    chosen = "".join(f'        "{number}" {name};\n' for number, name in enumerate(names[1:], 1))
    # Whoever is no SDK has no such header, and so comes to the first, as first tries do.
    ends = f'        default {names[-1]};\n        "" {names[0]};\n        "0" {names[0]};\n'
    return f"    map $http_x_stainless_retry_count $gateway {{\n{ends}{chosen}    }}"


def _program() -> str:
    """Debian keeps it where only root's PATH looks."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    assert found, "nginx is missing: .ci/run installs it (Debian, Ubuntu: apt install nginx)"
    return found


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
