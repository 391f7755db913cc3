"""One state of the sources makes one wheel and one sdist, byte for byte, whoever builds them and wherever."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.house.tree import ROOT

BUILD = """
import os, pathlib, sys
from flit_core.buildapi import build_sdist, build_wheel
os.umask(int(sys.argv[2], 8))
pathlib.Path(sys.argv[1]).mkdir()
build_wheel(sys.argv[1])
build_sdist(sys.argv[1])
"""
EPOCH = "1767225600"


@dataclass(frozen=True, slots=True)
class Builder:
    """Somebody's machine: what of it could get into a package."""

    home: str
    umask: str
    mtime: int
    backwards: bool
    """Its files were written in the opposite order, which is how some file systems list them."""
    surroundings: dict[str, str] = field(default_factory=dict)

    def build(self, folder: Path, epoch: str | None = EPOCH) -> dict[str, bytes]:
        """The files built here from a copy of the sources, by name."""
        tree = folder / self.home
        self._copy(tree)
        kept = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
        wanted = {"SOURCE_DATE_EPOCH": epoch} if epoch else {}
        command = [sys.executable, "-P", "-c", BUILD, "dist", self.umask]
        subprocess.run(command, check=True, cwd=tree, env={**kept, **self.surroundings, **wanted})
        return {path.name: path.read_bytes() for path in (tree / "dist").iterdir()}

    def _copy(self, tree: Path) -> None:
        packed = [path for path in (ROOT / "app").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        sources = [ROOT / "pyproject.toml", ROOT / "README.md", ROOT / "LICENSE", *packed]
        for path in sorted(sources, reverse=self.backwards):
            copy = tree / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            copy.chmod(0o666 & ~int(self.umask, 8))
            os.utime(copy, (self.mtime, self.mtime))


ONE = Builder(
    "one", "022", 1_700_000_000, backwards=False, surroundings={"TZ": "UTC", "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"}
)
ANOTHER = Builder(
    "another/place",
    "077",
    1_500_000_001,
    backwards=True,
    surroundings={"TZ": "Asia/Kolkata", "PYTHONHASHSEED": "4242", "LC_ALL": "C", "HOME": "/nowhere"},
)


def test_two_machines_build_the_same_bytes(tmp_path: Path) -> None:
    """Neither folder, order, owner's rights, times of files, time zone, locale nor hash seed gets in."""
    one = ONE.build(tmp_path)
    assert {Path(name).suffix for name in one} == {".whl", ".gz"}
    assert ANOTHER.build(tmp_path) == one


def test_times_of_files_get_in_without_an_epoch(tmp_path: Path) -> None:
    """Why `make wheel` sets SOURCE_DATE_EPOCH: without it two checkouts differ. So the test above could fail."""
    one, another = ONE.build(tmp_path, epoch=None), ANOTHER.build(tmp_path, epoch=None)
    assert all(one[name] != another[name] for name in one)


def test_make_wheel_takes_the_time_of_the_commit() -> None:
    """What the documentation calls reproducible is what `make wheel` does."""
    recipe = re.search(r"(?m)^wheel:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert recipe
    assert "SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)}" in recipe[1]
