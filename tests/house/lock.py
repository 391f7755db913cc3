"""Reading the locked requirements: each distribution with its version, its marker and its hashes."""

import re
from dataclasses import dataclass

from tests.house.tree import ROOT

LINE = re.compile(r"(?m)^(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>[^ ;\\\n]+)(?: ; (?P<marker>[^\\\n]+?))?(?= \\|$)")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Locked:
    """One distribution of a lock."""

    name: str
    version: str
    marker: str | None
    """Where it is installed (PEP 508); None is everywhere."""
    hashes: tuple[str, ...]
    """SHA-256 of each file an index may answer with: one per platform's wheel, and the source."""


def read_lock(text: str) -> list[Locked]:
    """The distributions of a requirements file, in its order."""
    starts = [*LINE.finditer(text)]
    ends = [*(start.start() for start in starts[1:]), len(text)]
    return [
        Locked(start["name"], start["version"], start["marker"], tuple(HASH.findall(text[start.start() : end])))
        for start, end in zip(starts, ends, strict=True)
    ]


def lock(name: str) -> list[Locked]:
    """What ``requirements/<name>.txt`` holds."""
    return read_lock((ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8"))
