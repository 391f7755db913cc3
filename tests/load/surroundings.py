"""What a measurement was made with: the machine, the versions, the commit."""

import importlib.metadata
import os
import platform
import re
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from app.embedded.find import bundled_server
from tests.load.other_gateways import installed_versions
from tests.load.servers import ROOT
from tests.support.programs import program


def today() -> str:
    """The date, by this machine's clock."""
    return time.strftime("%Y-%m-%d")


def describe(against: Path | None = None, others: Sequence[str] = ()) -> str:
    """Machine, versions and commits; ``others`` are the other gateways that took part."""
    versions = {
        "Python": platform.python_version(),
        "uvloop": importlib.metadata.version("uvloop"),
        "nginx": _said(["nginx", "-v"], r"nginx/(\S+)"),
        "wrk": _said(["wrk", "-v"], r"wrk (\S+)"),
        "Valkey": _said([str(found.path) if (found := bundled_server()) else "redis-server", "-v"], r"v=(\S+)"),
        **{name: version for name, version in installed_versions().items() if name in others},
    }
    machine = f"{_processor()}, {os.cpu_count()} cores, {_memory_gigabytes():.0f} GB"
    lines = [
        f"{machine}; {platform.system()} {'.'.join(platform.release().split('.')[:2])}, {_system()}.",
        ", ".join(f"{name} {version}" for name, version in versions.items()) + ".",
        f"imagegate at {_commit(ROOT)}" + (f"; before: {_commit(against)}" if against else "") + ".",
    ]
    return "\n".join(lines)


def _commit(checkout: Path) -> str:
    try:
        commit = _run(["git", "-C", str(checkout), "rev-parse", "--short", "HEAD"]).strip()
        changed = _run(["git", "-C", str(checkout), "status", "--porcelain", "--untracked-files=no"]).strip()
    except (OSError, subprocess.CalledProcessError):
        return "an unknown commit"
    return f"{commit} with changes" if changed else commit


def _processor() -> str:
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    found = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def _memory_gigabytes() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return "of no name"


def _said(words: Sequence[str], pattern: str) -> str:
    """A version out of what a program says of itself; some say it where errors go, and with a status of failure."""
    path = words[0] if words[0].startswith("/") else str(program(words[0], words[0]))
    done = subprocess.run([path, *words[1:]], capture_output=True, text=True, check=False)
    found = re.search(pattern, done.stdout + done.stderr)
    return found[1] if found else "of an unknown version"


def _run(words: Sequence[str]) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout
