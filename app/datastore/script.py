"""A Lua script: its text, and the SHA-1 by which Redis knows it."""

from dataclasses import dataclass, field
from hashlib import sha1


@dataclass(frozen=True, slots=True)
class Script:
    """One script, run by SHA with the text as fallback when the server does not know it (yet, or any more)."""

    name: str
    source: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        # SHA-1 is the name EVALSHA wants, not a protection.
        object.__setattr__(self, "sha", sha1(self.source.encode(), usedforsecurity=False).hexdigest())
