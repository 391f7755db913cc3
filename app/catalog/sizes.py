"""Which picture sizes a model makes: words, a list, or a rule for any width and height."""

import re
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import ConfigDict, PositiveInt

from app.catalog.rules import Rule
from app.catalog.wording import one_of, shown, wrong_type
from app.errors import InvalidRequest

_PIXELS = re.compile(r"([1-9][0-9]{0,4})[x*]([1-9][0-9]{0,4})")
"""Either spelling is read; a profile's ``separator`` says which one its upstream is sent."""


def parse_size(size: str) -> tuple[int, int] | None:
    """Width and height of ``1536x1024`` or ``1664*928``; None for a word or anything else."""
    match = _PIXELS.fullmatch(size)
    return (int(match[1]), int(match[2])) if match else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeSizes:
    """The rule for models that make any size: every bound is inclusive, in pixels."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    multiple_of: PositiveInt = 1
    min_edge: PositiveInt = 1
    max_edge: PositiveInt
    max_aspect: PositiveInt
    """Longer edge divided by the shorter."""
    min_pixels: PositiveInt = 1
    max_pixels: PositiveInt

    def broken_by(self, width: int, height: int) -> str | None:
        """The first rule this size breaks, as a sentence for the caller; None when it keeps them all."""
        long, short = max(width, height), min(width, height)
        if width % self.multiple_of or height % self.multiple_of:
            return f"Width and height must both be divisible by {self.multiple_of}."
        if long > self.max_edge:
            return f"Width and height must be at most {self.max_edge}."
        if short < self.min_edge:
            return f"Width and height must be at least {self.min_edge}."
        if long > self.max_aspect * short:
            return f"The aspect ratio must be between 1:{self.max_aspect} and {self.max_aspect}:1."
        if not self.min_pixels <= width * height <= self.max_pixels:
            return f"Width times height must be between {self.min_pixels} and {self.max_pixels} pixels."
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeRule(Rule):
    """The sizes of one model: a word (``auto``, ``2K``), one of a list, or any that keeps the rule of ``free``."""

    type: Literal["size"]
    words: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    free: FreeSizes | None = None
    separator: Literal["x", "*"] = "x"
    default: str | None = None
    """What silence means at the provider; None where nobody says."""

    def __post_init__(self) -> None:
        """Refuse sizes that could never match."""
        for size in self.listed:
            if parse_size(size) is None or self.separator not in size:
                raise ValueError(f"listed: {size!r} is not WIDTH{self.separator}HEIGHT")
        if self.default is not None and self.default not in self.words + self.listed:
            raise ValueError(f"default {self.default!r} is neither among the words nor listed")
        if not (self.words or self.listed or self.free):
            raise ValueError("a size needs words, listed or free")

    def check(self, name: str, value: object) -> str:
        """The size in the upstream's spelling; nothing is snapped to a neighbour the caller did not ask for."""
        if not isinstance(value, str):
            raise wrong_type(name, "a string", value)
        if value in self.words:
            return value
        edges = parse_size(value)
        if edges is None:
            raise self._refusal(name, value, self._forms())
        spelled = f"{edges[0]}{self.separator}{edges[1]}"
        if spelled in self.listed:
            return spelled
        broken = self._forms() if self.free is None else self.free.broken_by(*edges)
        if broken is not None:
            raise self._refusal(name, value, broken)
        return spelled

    def _refusal(self, name: str, value: str, rule: str) -> InvalidRequest:
        return InvalidRequest(f"Invalid {name} '{shown(value)}'. {rule}", param=name)

    def _forms(self) -> str:
        named = self.words + self.listed
        if self.free is None:
            return f"Supported sizes are {one_of(named)}."
        form = f"Expected WIDTH{self.separator}HEIGHT in pixels, such as '1024{self.separator}1024'"
        return f"{form}, or one of {one_of(named)}." if named else f"{form}."
