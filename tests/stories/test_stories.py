"""The stories of docs/stories, word for word: their commands are run by bash against a demo, what they show is seen."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.house.pages import page
from tests.stories.telling import Step, played, steps
from tests.support.process import clean_environment

TOKEN = "a-secret-of-your-own"
"""As the pages have it."""


@pytest.fixture
def surroundings(tmp_path: Path) -> dict[str, str]:
    """The environment of both shells, in which `imagegate` is a command."""
    program = tmp_path / "bin" / "imagegate"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nfrom app.cli.main import main\nmain()\n", encoding="utf-8")
    program.chmod(0o755)
    clean = clean_environment("OPENAI_")
    path = f"{program.parent}{os.pathsep}{clean['PATH']}"
    return clean | {"PATH": path, "PYTHONPATH": str(Path.cwd()), "NO_PROXY": "*", "no_proxy": "*"}


@pytest.fixture
def address(surroundings: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """Where the demo of the first shell listens."""
    words = ("imagegate", "demo", "--port", "0", "--data-dir", str(tmp_path / "demo"))
    own = surroundings | {"IMAGEGATE_ADMIN_TOKEN": TOKEN}
    program = surroundings["PATH"].split(os.pathsep)[0] + "/imagegate"
    with subprocess.Popen([program, *words[1:]], stdout=subprocess.PIPE, text=True, env=own) as process:
        assert process.stdout is not None
        printed = "".join(iter(process.stdout.readline, "Ctrl-C stops it.\n"))
        found = re.search(r"base URL +(\S+)/v1", printed)
        assert found, printed
        try:
            yield found[1]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


def seen(name: str, folder: Path, address: str, surroundings: dict[str, str]) -> None:
    """Play a story in a folder of its own, and compare what is printed with what is shown."""
    text = page(f"stories/{name}").replace("http://127.0.0.1:8080", address)
    story = steps(text)
    folder.mkdir()
    printed = played(story, folder, surroundings)
    for step, lines in zip(story, printed, strict=True):
        assert step.fits(lines), f"{step.commands}prints\n{lines}and not\n{step.shown}"
    assert TOKEN in text
    assert not re.search(r"sk-ig-[0-9A-Za-z]+-[0-9A-Za-z]+-[0-9A-Za-z]", "".join(printed)), "a secret is printed"


def test_the_story_with_the_command_line(tmp_path: Path, address: str, surroundings: dict[str, str]) -> None:
    """Team, key, picture, spend, rotation, revocation, refusal: with `imagegate` alone."""
    folder = tmp_path / "story"
    seen("with-the-command-line.md", folder, address, surroundings)
    assert sorted(path.name for path in folder.iterdir()) == ["boat.png", "plane.png"]


def test_the_story_with_curl(tmp_path: Path, address: str, surroundings: dict[str, str]) -> None:
    """The same with curl alone; neither token nor key is ever an argument of a command."""
    folder = tmp_path / "story"
    seen("with-curl.md", folder, address, surroundings)
    with Image.open(folder / "boat.png") as picture:
        picture.load()
        assert picture.size == (1024, 1024)


def test_what_is_shown_is_compared() -> None:
    """A line that differs is seen; what differs each time is not."""
    shown = "Team design (…): $250.00\n…\nexit code 2\n"
    assert Step("", shown).fits("Team design (abc): $250.00\nany\nlines\nexit code 2\n")
    assert not Step("", shown).fits("Team design (abc): $25.00\nany\nlines\nexit code 2\n")
    assert not Step("", shown).fits("Team design (abc): $250.00\nany\nlines\nexit code 2\nand more\n")


def test_commands_and_what_they_show_are_found() -> None:
    """Blocks of bash are steps, a block of text behind one is what it prints; other blocks are for people."""
    text = "a\n```sh\nx\n```\n```bash\none\n```\nb\n```bash\ntwo\n```\n```text\nshown\n```\n"
    assert steps(text) == [Step("one\n", None), Step("two\n", "shown\n")]
