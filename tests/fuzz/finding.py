"""What fuzzing found: something that must not happen, and how to see it again."""

from dataclasses import dataclass

from typing_extensions import override


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that broke."""

    where: str
    """The test, the operation or the kind of bytes."""
    what: str
    again: str
    """A command, or bytes, that show it again."""

    @override
    def __str__(self) -> str:
        return f"{self.where}\n{_indented(self.what)}\n  Again: {self.again}"


def _indented(text: str) -> str:
    return "\n".join(f"  | {line}" for line in text.strip().splitlines())
