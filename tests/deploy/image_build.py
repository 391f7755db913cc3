"""Images without a container engine: debootstrap makes the base and buildah builds, in a folder of the tests' own."""

import contextlib
import json
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import certifi

from tests.support.programs import watchman

SYSTEM_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
"""What this machine trusts, its own authorities included; where it is missing, certifi's are as good."""


def run(*words: str | Path, **given: Any) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; its output is part of the failure."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, **given)
    assert done.returncode == 0, f"{' '.join(map(str, words))}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done


@contextlib.contextmanager
def in_memory(folder: Path) -> Iterator[Path]:
    """Keep what is in a folder in memory until the block ends: 1.5 GB of small files, gone at once.

    On the disk of a busy machine writing and removing them takes minutes.
    """
    run("mount", "-t", "tmpfs", "-o", "size=3g,mode=755", "tmpfs", folder)
    guard = watchman('umount --lazy "$1"', folder)
    try:
        yield folder
    finally:
        guard.communicate()


def debian_with_python(folder: Path) -> None:
    """Debian (or Ubuntu) of this machine's release with nothing but Python and its venv module, by debootstrap."""
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    listed = run("apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages").stdout
    mirror = next(line.split()[1] for line in listed.splitlines() if line.split()[0] == release)
    settings = folder / "etc" / "dpkg" / "dpkg.cfg.d"
    settings.mkdir(parents=True)
    (settings / "unsafe").write_text("force-unsafe-io\n")  # it need not survive a power cut
    run("debootstrap", "--variant=minbase", "--include=python3-venv", release, folder, mirror)
    for left in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale"):
        shutil.rmtree(folder / left)


def size_bytes(folder: Path) -> int:
    """How much all files under a folder hold together; one with several names counts once."""
    found = (path.lstat() for path in folder.rglob("*"))
    return sum({(status.st_dev, status.st_ino): status.st_size for status in found}.values())


@dataclass(frozen=True, slots=True)
class Image:
    """An image: its configuration, and its files in a folder."""

    config: Mapping[str, Any]
    files: Path


class Buildah:
    """Buildah with a storage and settings of its own: no image, policy or registry of this machine plays a part."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True)
        (folder / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        (folder / "registries.conf").write_text("")

    def __call__(self, *words: str | Path) -> str:
        """Run one of its commands; gives what it prints."""
        places = ("--root", self._folder / "storage", "--runroot", self._folder / "run", "--storage-driver", "vfs")
        registries = ("--registries-conf", self._folder / "registries.conf")
        return run("buildah", *places, *registries, *words).stdout.strip()

    def import_folder(self, folder: Path, name: str) -> None:
        """Make an image of a folder."""
        container = self("from", "scratch")
        self("add", "--quiet", container, folder, "/")
        self("commit", "--quiet", "--rm", "--signature-policy", self._policy, container, name)

    def build(self, context: Path, name: str, base_image: str) -> None:
        """Build a Dockerfile, with this machine's way to its package index."""
        given = ("--build-arg", f"BASE_IMAGE={base_image}", "--pull=false", "--signature-policy", self._policy)
        secrets = ("--secret", f"id=pip.conf,src={self._pip_conf()}", "--secret", f"id=ca.pem,src={_authorities()}")
        # Without isolation of its own, so that it works inside a container; `docker` is the format with HEALTHCHECK.
        how = ("--isolation", "chroot", "--network", "host", "--format", "docker")
        self("bud", *how, *given, *secrets, "--tag", name, context)

    def open(self, name: str) -> Image:
        """An image's files, as a container would have them, and its configuration."""
        container = self("from", "--pull=never", "--signature-policy", self._policy, name)
        told = json.loads(self("inspect", "--type", "image", name))
        return Image(told["Docker"]["config"], Path(self("mount", container)))

    @property
    def _policy(self) -> Path:
        return self._folder / "policy.json"

    def _pip_conf(self) -> Path:
        """What pip is told on this machine about indexes, with its authorities where the Dockerfile has them."""
        told = run(sys.executable, "-m", "pip", "config", "list").stdout
        # The environment, which pip lists first, wins.
        known = dict(
            reversed(re.findall(r"^\S+\.(index-url|extra-index-url|trusted-host|proxy)='(.*)'$", told, re.MULTILINE))
        )
        lines = [f"{name} = {value}" for name, value in known.items()]
        file = self._folder / "pip.conf"
        file.write_text("\n".join(["[global]", "cert = /run/secrets/ca.pem", *lines, ""]), encoding="utf-8")
        return file


def _authorities() -> Path:
    return SYSTEM_AUTHORITIES if SYSTEM_AUTHORITIES.exists() else Path(certifi.where())
