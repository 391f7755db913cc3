"""Shell completion as a shell uses it: a real bash reads the script and is asked what fits."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.process import clean_environment

ASK = """
set -eu
eval "$(imagegate completion bash)"
COMP_WORDS=({words}) COMP_CWORD={last}
_imagegate_completion imagegate
printf '%s\\n' "${{COMPREPLY[@]}}"
complete -p imagegate >&2
"""


@pytest.fixture
def command(tmp_path: Path) -> Path:
    """A folder with the command `imagegate`, as an installation makes it."""
    program = tmp_path / "imagegate"
    program.write_text(f"#!{sys.executable}\nfrom app.cli.main import main\nmain()\n", encoding="utf-8")
    program.chmod(0o755)
    return tmp_path


def run(command: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run something where `imagegate` is on the PATH."""
    given = clean_environment()
    path = os.pathsep.join((str(command), given["PATH"], str(Path(sys.executable).parent)))
    given |= {"PATH": path, "PYTHONPATH": str(Path.cwd())}
    return subprocess.run(words, env=given, capture_output=True, text=True, timeout=60, check=False)


def offered(command: Path, *words: str) -> set[str]:
    """What bash offers for the last of these words."""
    line = " ".join(f"'{word}'" for word in words)
    done = run(command, "bash", "-c", ASK.format(words=line, last=len(words) - 1))
    assert done.returncode == 0, done.stderr
    assert "complete -o nosort -F _imagegate_completion imagegate" in done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("imagegate", "te"), {"teams"}),
        (("imagegate", "ledger", ""), {"archive", "archived", "list", "show", "open", "export", "verify", "credit"}),
        (("imagegate", "image", "--out"), {"--output", "--output-format"}),
        (("imagegate", "tokens", "create", "ana", "--role", ""), {"owner", "viewer"}),
        (("imagegate", "completion", ""), {"bash", "zsh", "fish"}),
    ],
)
def test_bash_completes(command: Path, words: tuple[str, ...], found: set[str]) -> None:
    """Names of commands, of their options, and of values there is a choice of."""
    assert offered(command, *words) == found


@pytest.mark.parametrize(("shell", "sign"), [("zsh", "#compdef imagegate"), ("fish", "complete --no-files")])
def test_other_shells_have_a_script(command: Path, shell: str, sign: str) -> None:
    """The scripts for zsh and fish are printed; another shell is a mistake."""
    done = run(command, "imagegate", "completion", shell)
    assert done.returncode == 0, done.stderr
    assert sign in done.stdout
    assert run(command, "imagegate", "completion", "tcsh").returncode == 2
