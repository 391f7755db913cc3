"""How many tokens a picture can cost at most: one rule per way in which providers tell it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pydantic import ConfigDict, NonNegativeInt, PositiveInt


@dataclass(frozen=True, slots=True, kw_only=True)
class FormulaQuote:
    """Output tokens by OpenAI's formula for gpt-image-2; ``pricing.gpt_image_2_tokens`` is the formula itself."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", str_min_length=1)

    rule: Literal["gpt-image-2"]
    factors: Mapping[str, PositiveInt]
    """The formula's constant of each quality."""
    sizes: Mapping[str, tuple[str, ...]]
    """What each word for a size may become; the dearest is quoted."""
    qualities: Mapping[str, tuple[str, ...]]
    """What each word for a quality (``auto``) may become."""
    text_overhead_tokens: NonNegativeInt
    """Input tokens billed beyond the prompt's own."""
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableQuote:
    """Output tokens by a published table, for models that know only a few sizes."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", str_min_length=1)

    rule: Literal["table"]
    tokens: Mapping[str, Mapping[str, PositiveInt]]
    """The image tokens of one picture, by quality and size."""
    sizes: Mapping[str, tuple[str, ...]]
    """What each word for a size may become; the dearest is quoted."""
    qualities: Mapping[str, tuple[str, ...]]
    """What each word for a quality may become."""
    text_overhead_tokens: NonNegativeInt
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CapQuote:
    """A flat bound, for models that bill by tokens and publish no formula."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", str_min_length=1)

    rule: Literal["cap"]
    image_tokens: PositiveInt
    """The most output tokens one picture costs."""
    formats: Mapping[str, PositiveInt] = field(default_factory=dict)
    """The same for output formats that cost more: a moving picture is many."""
    text_overhead_tokens: NonNegativeInt
    source: str


QuoteRule = FormulaQuote | TableQuote | CapQuote
