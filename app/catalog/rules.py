"""What a parameter may hold: one small rule per kind of value, each able to check a value or refuse it by name.

The rules are data of the profile files (``[parameters.<name>]``). A form has only text: ``read`` makes of it the value
it spells, and leaves what spells none as it is, so that ``check`` refuses it in the same words as in JSON.
"""

import re
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import ConfigDict
from typing_extensions import override

from app.catalog.wording import one_of, shown, wrong_type
from app.errors import InvalidRequest

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")
_ONE_AT_A_TIME = (
    " This model makes one picture at a time; a key with fan_out, or fan_out = true in its profile, "
    "sends several requests."
)
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """What a parameter demands of another: transparency needs a format that has it."""

    parameter: str
    one_of: tuple[str, ...]
    value: str | None = None
    """Only this value demands it; None: any value does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What all rules share; each adds ``check``: the value to send, or InvalidRequest naming the parameter."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", str_min_length=1)

    source: str
    """The public source of the figures beside it; a rule without one does not load."""
    drop: bool = False
    """The upstream model does not take it: it is checked, then left out, and the caller is told."""
    requires: tuple[Requirement, ...] = ()
    essential: bool = False
    """Without it the request is another order, so a model that does not take it refuses it and never leaves it out."""
    changes_cost: bool = False
    """What is charged depends on its value, whether or not the quote can tell how much."""

    def read(self, text: str) -> object:
        """The value a form's text spells; the text itself when it spells none of this kind."""
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyRule(Rule):
    """Any value: for parameters that are dropped, of which this model knows no rule."""

    type: Literal["any"]

    def __post_init__(self) -> None:
        """Refuse to send upstream what nobody checked."""
        if not self.drop:
            raise ValueError("a parameter of any value must be dropped")

    def check(self, name: str, value: object) -> object:  # noqa: ARG002  every rule is called alike
        """The value as it came."""
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class BooleanRule(Rule):
    """True or false."""

    type: Literal["boolean"]

    @override
    def read(self, text: str) -> object:
        return _BOOLEANS.get(text, text)

    def check(self, name: str, value: object) -> bool:
        """The value, or ``invalid_type``."""
        if not isinstance(value, bool):
            raise wrong_type(name, "a boolean", value)
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceRule(Rule):
    """One word of a list."""

    type: Literal["choice"]
    values: tuple[str, ...]
    default: str | None = None
    """What silence means at the provider; known here to judge other parameters and to quote, never sent."""

    def __post_init__(self) -> None:
        """Refuse a default the model does not take."""
        if self.default is not None and self.default not in self.values:
            raise ValueError(f"default {self.default!r} is not one of the values")

    def check(self, name: str, value: object) -> str:
        """The value, or ``invalid_value`` with the words there are."""
        if not isinstance(value, str):
            raise wrong_type(name, "a string", value)
        if value not in self.values:
            raise InvalidRequest(
                f"Invalid value: '{shown(value)}'. Supported values are: {one_of(self.values)}.", param=name
            )
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegerRule(Rule):
    """A whole number between two bounds, both allowed; neither ``true`` nor ``1.0`` is one."""

    type: Literal["integer"]
    min: int
    max: int
    default: int | None = None

    @override
    def read(self, text: str) -> object:
        return int(text) if _INTEGER.fullmatch(text) else text

    def check(self, name: str, value: object) -> int:
        """The value, or the bound it breaks."""
        if not isinstance(value, int) or isinstance(value, bool):
            raise wrong_type(name, "an integer", value)
        if value > self.max:
            way_out = _ONE_AT_A_TIME if (name, self.max) == ("n", 1) else ""
            raise InvalidRequest(
                f"Invalid '{name}': integer above maximum value. "
                f"Expected a value <= {self.max}, but got {value} instead.{way_out}",
                param=name,
                code="integer_above_max_value",
            )
        if value < self.min:
            raise InvalidRequest(
                f"Invalid '{name}': integer below minimum value. "
                f"Expected a value >= {self.min}, but got {value} instead.",
                param=name,
                code="integer_below_min_value",
            )
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRule(Rule):
    """A number, whole or not, between two bounds, both allowed."""

    type: Literal["number"]
    min: float
    max: float

    @override
    def read(self, text: str) -> object:
        return float(text) if _NUMBER.fullmatch(text) else text

    def check(self, name: str, value: object) -> float:
        """The value, or the bounds it breaks."""
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise wrong_type(name, "a number", value)
        if not self.min <= value <= self.max:
            raise InvalidRequest(
                f"Invalid '{name}': expected a number between {self.min:g} and {self.max:g}.", param=name
            )
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class StringRule(Rule):
    """A text of bounded length, counted in characters (Unicode code points). The text itself is never repeated."""

    type: Literal["string"]
    min_chars: int = 0
    max_chars: int | None = None

    def check(self, name: str, value: object) -> str:
        """The value, or the length it breaks."""
        if not isinstance(value, str):
            raise wrong_type(name, "a string", value)
        if len(value) < self.min_chars:
            raise InvalidRequest(
                f"Invalid '{name}': string too short. Expected a string with minimum length {self.min_chars}, "
                f"but got a string with length {len(value)} instead.",
                param=name,
                code="string_below_min_length",
            )
        if self.max_chars is not None and len(value) > self.max_chars:
            raise InvalidRequest(
                f"Invalid '{name}': string too long. Expected a string with maximum length {self.max_chars}, "
                f"but got a string with length {len(value)} instead.",
                param=name,
                code="string_above_max_length",
            )
        return value
