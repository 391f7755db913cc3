"""The console's scripts and styles as ESLint and Prettier want them, at the versions that are locked here."""

import os
import subprocess
from pathlib import Path

import pytest

from app.console import files
from tests.contract.environments import node_program, npm_packages

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent / "node"
STATIC = Path(files.__file__).parent / "static"


def run(folder: Path, script: str, *words: str) -> str:
    """Run a tool over the files of a folder; what it complains of."""
    node, _ = node_program()
    packages = npm_packages("console", HERE)
    done = subprocess.run(
        [node, packages / script, *words],
        check=False,
        cwd=folder,
        env={**os.environ, "NODE_PACKAGES": str(packages)},
        capture_output=True,
        text=True,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


ESLINT = ("eslint/bin/eslint.js", "--no-config-lookup", "--config", str(HERE / "eslint.config.mjs"), ".")


def test_eslint_finds_nothing() -> None:
    """No name that is not there, no variable that is not used, no function longer than 60 lines."""
    assert run(STATIC, *ESLINT) == ""


def test_eslint_would_find_something(tmp_path: Path) -> None:
    """The same rules see a slip where there is one, and a line too many."""
    (tmp_path / "slip.js").write_text("let known = 1;\nunknown();\n", encoding="utf-8")
    assert {"no-undef", "no-unused-vars"} <= set(run(tmp_path, *ESLINT).split())
    for lines, complaints in ((60, set()), (61, {"max-lines-per-function"})):
        text = "\n".join(["export function long() {", *["  // A line."] * (lines - 2), "}", ""])
        (tmp_path / "slip.js").write_text(text, encoding="utf-8")
        assert {"max-lines-per-function"} & set(run(tmp_path, *ESLINT).split()) == complaints


def test_prettier_would_change_nothing() -> None:
    """Nobody argues about layout: `npx prettier --print-width 120 --write` has the last word."""
    assert run(STATIC, "prettier/bin/prettier.cjs", "--print-width", "120", "--check", "--log-level", "warn", ".") == ""
