"""The programs in README.md and docs/sdks.md, word for word, run against a demo; what they show is seen."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from tests.contract.environments import node_program
from tests.docs.blocks import Block, blocks, run, shell_environment
from tests.house.pages import page
from tests.house.tree import ROOT
from tests.stories.telling import Step

MARK = "---- the next program ----"
LANGUAGES = {"python": ("python", "py"), "node": ("js", "mjs"), "shell": ("bash", "sh")}
"""How a page marks the programs of a language, and how their files are called; README's curl is marked `sh`."""

_PYTHON_DRIVER = f"""\
import sys
for path in sys.argv[1:]:
    exec(compile(open(path).read(), path, "exec"), {{"__name__": "__main__"}})
    print({MARK!r}, flush=True)
"""
_NODE_DRIVER = f"""\
for (const path of process.argv.slice(2)) {{
  await import(path);
  console.log({MARK!r});
}}
"""


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo as a teammate knows it."""

    base_url: str
    key: str
    environment: Mapping[str, str]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """`imagegate demo` as a process of its own."""
    folder = tmp_path_factory.mktemp("demo")
    given = shell_environment(folder)
    words = (str(folder / "bin" / "imagegate"), "demo", "--port", "0", "--data-dir", str(folder / "data"))
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=given) as process:
        assert process.stdout is not None
        printed = "".join(iter(process.stdout.readline, "Ctrl-C stops it.\n"))
        address, key = (re.search(pattern, printed) for pattern in (r"base URL +(\S+)", r"(sk-ig-\w+-\w+-\w+)"))
        try:
            assert address, printed
            assert key, printed
            known = {"OPENAI_BASE_URL": address[1], "OPENAI_API_KEY": key[1]}
            yield Demo(address[1], key[1], given | known)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


def programs(text: str, language: str) -> list[Step]:
    """The programs of a language on a page, with what they print; None where the page does not say."""
    marks = (language, "sh") if language == "bash" and "```bash" not in text else (language,)
    following = [*pairwise(blocks(text)), (blocks(text)[-1], Block("", "", ""))]
    return [
        Step(block.text, behind.text if behind.language == "text" else None)
        for block, behind in following
        if block.language in marks
    ]


def seen(steps: Sequence[Step], printed: str) -> None:
    """What each program printed is what the page shows."""
    parts = printed.split(f"{MARK}\n")
    assert len(parts) == len(steps) + 1, f"program {len(parts)} did not come to its end:\n{parts[-1]}"
    for step, lines in zip(steps, parts, strict=False):
        assert step.fits(lines), f"{step.commands}prints\n{lines}and not\n{step.shown}"


def played(command: Sequence[str], steps: Sequence[Step], ending: str, folder: Path, demo: Demo) -> str:
    """What the programs print that a driver runs one after another, each in a file of its own."""
    files = []
    for number, step in enumerate(steps, 1):
        files.append(folder / f"program-{number}.{ending}")
        own = step.commands.replace("http://127.0.0.1:8080/v1", demo.base_url).replace("sk-ig-…", demo.key)
        files[-1].write_text(own, encoding="utf-8")
    words = [*command, *map(str, files)]
    given = dict(demo.environment)
    done = subprocess.run(words, check=False, cwd=folder, env=given, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def text_of(name: str) -> str:
    """A page of docs/, or README.md."""
    return (ROOT / name).read_text(encoding="utf-8") if name == "README.md" else page(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["README.md", "sdks.md"])
def test_programs_for_python_do_what_the_page_says(name: str, tmp_path: Path, demo: Demo) -> None:
    """With the openai package of the development environment."""
    steps = programs(text_of(name), "python")
    (tmp_path / "driver.py").write_text(_PYTHON_DRIVER, encoding="utf-8")
    seen(steps, played([sys.executable, str(tmp_path / "driver.py")], steps, "py", tmp_path, demo))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["README.md", "sdks.md"])
def test_programs_for_node_do_what_the_page_says(name: str, tmp_path: Path, demo: Demo) -> None:
    """With the openai package that the tests of the SDKs lock."""
    steps = programs(text_of(name), "js")
    node, modules = node_program()
    (tmp_path / "node_modules").symlink_to(modules)
    (tmp_path / "driver.mjs").write_text(_NODE_DRIVER, encoding="utf-8")
    seen(steps, played([str(node), str(tmp_path / "driver.mjs")], steps, "mjs", tmp_path, demo))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["README.md", "sdks.md"])
def test_lines_for_curl_do_what_the_page_says(name: str, tmp_path: Path, demo: Demo) -> None:
    """In one bash, so that a later block finds the files of an earlier one."""
    steps = programs(text_of(name), "bash")
    path = f"{Path(sys.executable).parent}{os.pathsep}{demo.environment['PATH']}"
    script = "".join(f"{step.commands}\necho '{MARK}'\n" for step in steps)
    seen(steps, run(script, tmp_path, {**demo.environment, "PATH": path}))


@pytest.mark.parametrize(("name", "least"), [("README.md", (2, 1, 1)), ("sdks.md", (10, 5, 3))])
def test_no_program_of_a_page_is_left_out(name: str, least: tuple[int, int, int]) -> None:
    """Every fenced block of the page is a program that is run, or what one prints."""
    text = text_of(name)
    found = [len(programs(text, language)) for language, _ in LANGUAGES.values()]
    assert all(number >= wanted for number, wanted in zip(found, least, strict=True)), found
    assert sum(found) == len([block for block in blocks(text) if block.language != "text"])
