"""The locked requirements name exact versions with their hashes, and no index."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.lock import lock, read_lock
from tests.house.tree import ROOT, TESTS

LOCKS = sorted([*(ROOT / "requirements").glob("*.txt"), *TESTS.rglob("requirements-*.txt")])
"""What imagegate is installed from, and the SDKs and tools that tests install for themselves."""


def pins(name: str) -> dict[str, str]:
    """Each package of one of our requirements and its version."""
    return {locked.name: locked.version for locked in lock(name)}


def lock_faults(text: str) -> Iterator[str]:
    """Lines of a requirements file that do not belong in it."""
    for block in re.split(r"\n(?! )", text.strip()):
        if not re.match(r"[a-z0-9][a-z0-9._-]*==\S+", block):
            yield f"no exact version: {block.splitlines()[0]}"
        elif "--hash=sha256:" not in block:
            yield f"no hash: {block.splitlines()[0]}"
    if "://" in text:
        yield "an address"


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_locks_hold_exact_versions_and_hashes_only(path: Path) -> None:
    """Nothing is installed that was not looked at, and from wherever the machine's pip is told to."""
    text = path.read_text(encoding="utf-8")
    assert list(lock_faults(text)) == []
    assert sum(len(locked.hashes) for locked in read_lock(text)) == text.count("--hash=sha256:")


def test_dev_has_the_versions_of_runtime() -> None:
    """What is tested is what runs."""
    assert pins("runtime").items() <= pins("traces").items() <= pins("dev").items()


def test_every_direct_dependency_is_locked() -> None:
    """A dependency added to pyproject.toml and not locked is noticed here, not on a fresh machine."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = {re.split(r"[\s\[;<>=]", line)[0] for line in project["project"]["dependencies"]}
    assert wanted <= pins("runtime").keys()


@pytest.mark.parametrize(
    "text",
    [
        "a>=1 \\\n    --hash=sha256:00",
        "a==1",
        "--find-links x",
        "a @ https://example.org/a.whl \\\n    --hash=sha256:00",
    ],
)
def test_inspector_sees_a_loose_lock(text: str) -> None:
    """Ranges, missing hashes, options and addresses are found."""
    assert list(lock_faults(text))
