"""The nginx that is shipped, in a folder of its own: only what a site is meant to change is changed."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.house.tree import ROOT
from tests.support.redis_server import quiet_port
from tests.support.waiting import until

SHIPPED = ROOT / "deploy" / "nginx"
CERTIFICATES = ROOT / "tests" / "support" / "certificates"
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running nginx: where it listens, and what it wrote."""

    https: str
    http: str
    folder: Path

    @property
    def access_log(self) -> str:
        """One JSON line for each request that is over."""
        return (self.folder / "access.log").read_text()

    @property
    def error_log(self) -> str:
        """What it complained about."""
        return (self.folder / "error.log").read_text()


def lay_out(
    folder: Path, upstreams: Sequence[str], *, operators: str | None = None, read_timeout_seconds: int | None = None
) -> tuple[int, int]:
    """Copy what is shipped and change what a site changes (site/, tls/); gives the ports of HTTPS and of HTTP."""
    shutil.copytree(SHIPPED, folder)
    https, http = quiet_port(), quiet_port()
    site = {
        "gateways": "".join(f"server {urlsplit(url).netloc};\n" for url in upstreams),
        "https": f"listen 127.0.0.1:{https} ssl;\nserver_name localhost;\n",
        "http": f'listen 127.0.0.1:{http};\nserver_name localhost;\nset $port_of_https ":{https}";\n',
        "files": f"access_log {folder}/access.log imagegate;\nerror_log {folder}/error.log warn;\n"
        + "".join(f"{name}_temp_path {folder}/temp_{name};\n" for name in _TEMPORARY),
    }
    if operators is not None:
        site["operators"] = operators
    for name, text in site.items():
        (folder / "site" / f"{name}.conf").write_text(text)
    if read_timeout_seconds is not None:
        settings = folder / "nginx.conf"
        patience = "proxy_read_timeout 960s"
        assert patience in settings.read_text()
        settings.write_text(settings.read_text().replace(patience, f"proxy_read_timeout {read_timeout_seconds}s"))
    (folder / "tls").mkdir()
    for name in ("fullchain.pem", "privkey.pem"):
        shutil.copy(CERTIFICATES / "localhost.pem", folder / "tls" / name)  # it holds both
    return https, http


def call(folder: Path, *words: str) -> list[str]:
    """The command that runs nginx on such a folder, in one process and in the foreground."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    assert found, "nginx is missing: .ci/run installs it (Debian, Ubuntu: apt install nginx)"
    here = f"daemon off; master_process off; pid {folder}/nginx.pid;"
    return [found, "-p", f"{folder}/", "-c", f"{folder}/nginx.conf", "-e", f"{folder}/error.log", "-g", here, *words]


@asynccontextmanager
async def shipped_nginx(
    folder: Path, upstreams: Sequence[str], *, operators: str | None = None, read_timeout_seconds: int | None = None
) -> AsyncIterator[Proxy]:
    """Serve before these gateways until the block ends."""
    https, http = lay_out(folder, upstreams, operators=operators, read_timeout_seconds=read_timeout_seconds)
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*call(folder), stdin=quiet, stdout=quiet, stderr=quiet)
    # A killed test run must not leave a server behind: our end of this pipe closes with us, however we end.
    watchman = await asyncio.create_subprocess_exec(
        *("/bin/sh", "-c", 'read _; kill -9 "$1"', "sh", str(process.pid)),
        stdin=asyncio.subprocess.PIPE,
        stderr=quiet,
    )
    proxy = Proxy(f"https://localhost:{https}", f"http://localhost:{http}", folder)
    try:

        async def ready() -> bool:
            assert process.returncode is None, f"nginx did not start:\n{proxy.error_log}"
            return await _listens(https)

        await until(ready, seconds=20)
        yield proxy
    finally:
        watchman.kill()  # first, so that it kills nobody by a reused pid
        await watchman.communicate()
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
