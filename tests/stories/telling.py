"""Stories in docs/stories as tests see them: the commands of a page, and what the page says they print."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

_BLOCK = re.compile(r"^```(bash|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = "---- the next step of the story ----"
_ANYTHING = "…"


@dataclass(frozen=True, slots=True)
class Step:
    """Commands that stand together, and what they print; None where the page does not say."""

    commands: str
    shown: str | None

    def fits(self, printed: str) -> bool:
        """Whether that is what the page shows: `…` stands for anything, and how wide a table is does not matter."""
        if self.shown is None:
            return True
        parts = [re.escape(part) for part in _narrow(self.shown).split(_ANYTHING)]
        return re.fullmatch(".*".join(parts), _narrow(printed), re.DOTALL) is not None


def _narrow(text: str) -> str:
    return re.sub(" +", " ", text.strip())


def steps(text: str) -> list[Step]:
    """The steps of a page, from the first to the last."""
    blocks = [(found[1], found[2]) for found in _BLOCK.finditer(text)]
    assert blocks, "the page has no commands"
    kinds = [kind for kind, _ in blocks]
    assert ("text", "text") not in pairwise(kinds), "what a block of text shows is printed by the commands before it"
    following = [*blocks[1:], ("bash", "")]
    return [
        Step(commands, shown if kind_behind == "text" else None)
        for (kind, commands), (kind_behind, shown) in zip(blocks, following, strict=True)
        if kind == "bash"
    ]


def played(story: Sequence[Step], folder: Path, environment: Mapping[str, str]) -> list[str]:
    """What each step prints when bash runs all of them, one after another in one shell, that stops at a failure."""
    script = f"\necho '{_MARK}'\n".join(step.commands for step in story)
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", f"exec 2>&1\n{script}"],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    printed = done.stdout.split(f"{_MARK}\n")
    assert done.returncode == 0, f"the story ends at step {len(printed)}:\n{printed[-1]}"
    return printed
