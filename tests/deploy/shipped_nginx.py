"""The nginx that is shipped, in a folder of its own: only what a site is meant to change is changed."""

import re
import shutil
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.house.tree import ROOT
from tests.support.nginx import serving_nginx
from tests.support.ports import free_port
from tests.support.programs import program

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


def trust() -> ssl.SSLContext:
    """Of clients: it trusts the certificate."""
    return ssl.create_default_context(cafile=CERTIFICATES / "authority.pem")


def lay_out(
    folder: Path, upstreams: Sequence[str], *, operators: str | None = None, read_timeout_seconds: int | None = None
) -> tuple[int, int]:
    """Copy what is shipped and change what a site changes (site/, tls/); gives the ports of HTTPS and of HTTP."""
    shutil.copytree(SHIPPED, folder)
    https, http = free_port(), free_port()
    site = {
        "gateways": _lines(upstreams),
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
    here = f"daemon off; master_process off; pid {folder}/nginx.pid;"
    files = ["-p", f"{folder}/", "-c", f"{folder}/nginx.conf", "-e", f"{folder}/error.log"]
    return [str(program("nginx", "nginx")), *files, "-g", here, *words]


@asynccontextmanager
async def shipped_nginx(
    folder: Path, upstreams: Sequence[str], *, operators: str | None = None, read_timeout_seconds: int | None = None
) -> AsyncIterator[Proxy]:
    """Serve before these gateways until the block ends."""
    https, http = lay_out(folder, upstreams, operators=operators, read_timeout_seconds=read_timeout_seconds)
    async with serving_nginx(call(folder), folder / "error.log", https):
        yield Proxy(f"https://localhost:{https}", f"http://localhost:{http}", folder)


def _lines(upstreams: Sequence[str]) -> str:
    """The shipped lines of gateways with the names of these: what else is said in them, is said here too."""
    shipped = (SHIPPED / "site" / "gateways.conf").read_text(encoding="utf-8")
    (rest,) = set(re.findall(r"^server \S+?(\b(?: .*)?;)$", shipped, re.MULTILINE))
    return "".join(f"server {urlsplit(url).netloc}{rest}\n" for url in upstreams)
