"""A model profile: everything the gateway knows about one model, as frozen values read from its file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import ClassVar, Literal, TypeVar

from pydantic import ConfigDict, NonNegativeInt, PositiveInt

from app.catalog.rules import AnyRule, BooleanRule, ChoiceRule, IntegerRule, NumberRule, Rule, StringRule
from app.catalog.sizes import SizeRule
from app.money import Money

ParameterRule = AnyRule | BooleanRule | ChoiceRule | IntegerRule | NumberRule | StringRule | SizeRule
PriceBasis = Literal["cometapi", "list"]
"""Whose price stands in a profile: what CometAPI asks, or the maker's own list price where CometAPI's is not public."""
Container = Literal["b64_json", "url", "either"]
"""How the upstream hands a picture over: inside the answer, as a link, or as ``response_format`` asks."""

_R = TypeVar("_R", bound=Rule)


@dataclass(frozen=True, slots=True)
class UnitPrices:
    """What the upstream bills, in nano-dollars: per token of each kind, or per delivered picture, or both."""

    text_input: Money
    image_input: Money
    text_output: Money
    image_output: Money
    per_image: Money
    source: str
    basis: PriceBasis = "cometapi"

    @property
    def by_tokens(self) -> bool:
        """Whether the bill depends on the answer's ``usage``; without one, such a request cannot be priced."""
        return any((self.text_input, self.image_input, self.text_output, self.image_output))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Retired:
    """The provider no longer makes pictures with this model; it is still found and sent on, and said to be gone."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", str_min_length=1)

    since: date
    replacement: str
    """The model to ask for instead."""
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deprecated:
    """The provider has announced the end of this model, and makes pictures with it until then."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", str_min_length=1)

    since: date
    """The day of the announcement."""
    ends: date
    replacement: str
    """The model to ask for instead."""
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One model: its names, what may be asked of it, how it answers, and what it costs."""

    name: str
    aliases: tuple[str, ...]
    family: str
    upstream_name: str
    owned_by: str
    created: int
    """Unix seconds, for ``/v1/models``."""
    container: Container
    parameters: Mapping[str, ParameterRule]
    prices: UnitPrices | None
    """None: unpriced, and every request for it is refused."""
    quote: QuoteRule | None
    """Present whenever the model is billed by tokens."""
    deprecated: Deprecated | None = None
    retired: Retired | None = None

    @property
    def max_n(self) -> int:
        """The most pictures one request may ask for."""
        rule = self.rule("n", IntegerRule)
        return rule.max if rule else 1

    @property
    def prompt_max_chars(self) -> int | None:
        """The longest prompt, in characters; None where nobody gives a limit."""
        rule = self.rule("prompt", StringRule)
        return rule.max_chars if rule else None

    @property
    def sizes(self) -> SizeRule | None:
        """The rule of ``size``."""
        return self.rule("size", SizeRule)

    @property
    def qualities(self) -> tuple[str, ...]:
        """The words of ``quality``; empty where the model has none."""
        return self._words("quality")

    @property
    def output_formats(self) -> tuple[str, ...]:
        """The words of ``output_format``; empty where the model has none."""
        return self._words("output_format")

    def rule(self, name: str, kind: type[_R]) -> _R | None:
        """The rule of a parameter the model takes, if it is of this kind."""
        rule = self.parameters.get(name)
        return rule if isinstance(rule, kind) and not rule.drop else None

    def _words(self, name: str) -> tuple[str, ...]:
        rule = self.rule(name, ChoiceRule)
        return rule.values if rule else ()


def describe(profile: Profile) -> dict[str, object]:
    """The profile as an entry of ``GET /v1/models``, in OpenAI's form."""
    return {"id": profile.name, "object": "model", "created": profile.created, "owned_by": profile.owned_by}
