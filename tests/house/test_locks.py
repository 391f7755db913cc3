"""The locked requirements name exact versions with their hashes, and no index."""

import re
import tomllib
from collections.abc import Iterator

import pytest

from tests.house.tree import ROOT


def pins(text: str) -> dict[str, str]:
    """Each package of a requirements file and its version."""
    return dict(re.findall(r"(?m)^([a-z0-9][a-z0-9._-]*)==([^ ;\\]+)", text))


def lock_faults(text: str) -> Iterator[str]:
    """Lines of a requirements file that do not belong in it."""
    for block in re.split(r"\n(?! )", text.strip()):
        if not re.match(r"[a-z0-9][a-z0-9._-]*==\S+", block):
            yield f"no exact version: {block.splitlines()[0]}"
        elif "--hash=sha256:" not in block:
            yield f"no hash: {block.splitlines()[0]}"
    if "://" in text:
        yield "an address"


@pytest.fixture(params=["runtime", "traces", "dev"])
def lock(request: pytest.FixtureRequest) -> str:
    """The text of one of the files."""
    return (ROOT / "requirements" / f"{request.param}.txt").read_text(encoding="utf-8")


def test_locks_hold_exact_versions_and_hashes_only(lock: str) -> None:
    """Nothing is installed that was not looked at, and from wherever the machine's pip is told to."""
    assert list(lock_faults(lock)) == []


def test_dev_has_the_versions_of_runtime() -> None:
    """What is tested is what runs."""
    runtime, traces, dev = (
        pins((ROOT / "requirements" / f"{name}.txt").read_text()) for name in ("runtime", "traces", "dev")
    )
    assert runtime.items() <= traces.items() <= dev.items()


def test_every_direct_dependency_is_locked() -> None:
    """A dependency added to pyproject.toml and not locked is noticed here, not on a fresh machine."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = {re.split(r"[\s\[;<>=]", line)[0] for line in project["project"]["dependencies"]}
    assert wanted <= pins((ROOT / "requirements" / "runtime.txt").read_text()).keys()


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
