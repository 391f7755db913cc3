"""What a model can do beside making pictures of a prompt: send them as events, and start from pictures it is given."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, NonNegativeInt, PositiveInt, StringConstraints

from app.catalog.references import ReferencesRule
from app.catalog.rules import AnyRule, BooleanRule, ChoiceRule, IntegerRule, NumberRule, StringRule
from app.catalog.sizes import SizeRule

ParameterRule = AnyRule | BooleanRule | ChoiceRule | IntegerRule | NumberRule | ReferencesRule | StringRule | SizeRule

TypedRule = Annotated[ParameterRule, Field(discriminator="type")]
ParameterName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Words = Mapping[str, tuple[str, ...]]
"""Values by the parameter they are values of."""


def clash(words: Words, in_force: Mapping[str, object]) -> str | None:
    """The first parameter whose value in force is among the words, as ``name=value``; None when there is none."""
    found = (f"{name}={in_force[name]}" for name, values in words.items() if in_force.get(name) in values)
    return next(found, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Streaming:
    """The model sends its pictures as server-sent events when ``stream`` asks for them."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", str_min_length=1)

    not_with: Words = field(default_factory=dict)
    """What cannot be streamed: ``output_format`` gif."""
    partial_image_tokens: NonNegativeInt
    """The most output tokens one partial image costs beside its picture."""
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InputRule:
    """Which pictures an operation starts from, and what else about it differs from generating."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", str_min_length=1)

    max_images: PositiveInt
    max_image_bytes: PositiveInt
    content_types: tuple[str, ...]
    """What the first bytes of a picture may say it is."""
    max_mask_bytes: PositiveInt | None = None
    """None: it takes no mask. A mask is always a PNG, since only its transparency counts."""
    mask_not_with: Words = field(default_factory=dict)
    """What no mask can be combined with."""
    markup: bool = False
    """Whether it takes a transparent PNG laid over the first picture, in place of a mask."""
    image_tokens: PositiveInt | None = None
    """The most input tokens one picture is billed at; there must be a figure where tokens are billed."""
    parameters: Mapping[ParameterName, TypedRule] = field(default_factory=dict)
    """The parameters that differ, laid over those of the profile."""
    source: str

    def __post_init__(self) -> None:
        """Refuse a rule that no picture passes."""
        if not self.content_types:
            raise ValueError("content_types: name at least one")
