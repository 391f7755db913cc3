"""Fenced blocks of the pages as tests see them, and the shell in which they are run."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.house.tree import ROOT
from tests.support.process import clean_environment

_BLOCK = re.compile(r"^```([a-z]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
LONGEST_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between two fences: its language, its text, and the heading above it."""

    language: str
    text: str
    heading: str


def blocks(text: str) -> list[Block]:
    """Every fenced block of a page, in order."""
    found = []
    for block in _BLOCK.finditer(text):
        headings = _HEADING.findall(_BLOCK.sub("", text[: block.start()]))
        found.append(Block(block[1], block[2], headings[-1] if headings else ""))
    return found


def shell_environment(folder: Path) -> dict[str, str]:
    """An environment without anything of ours, in which `imagegate` is a command; ``folder`` is for the program."""
    program = folder / "bin" / "imagegate"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!{sys.executable}\nfrom app.cli.main import main\nmain()\n", encoding="utf-8")
    program.chmod(0o755)
    clean = clean_environment("OPENAI_")
    path = f"{program.parent}{os.pathsep}{clean['PATH']}"
    return clean | {"PATH": path, "PYTHONPATH": str(ROOT), "NO_PROXY": "*", "no_proxy": "*"}


def run(script: str, folder: Path, environment: Mapping[str, str]) -> str:
    """What bash prints for a script, which must succeed."""
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", f"exec 2>&1\n{script}"],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{script}\nends with {done.returncode}:\n{done.stdout}"
    return done.stdout
