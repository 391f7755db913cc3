"""The layout of a profile file, checked by pydantic; what leaves this module is a plain ``Profile``."""

from datetime import UTC, date, datetime, time
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from app.catalog.abilities import InputRule, ParameterName, ParameterRule, Streaming, TypedRule
from app.catalog.handover import OWN_RULES
from app.catalog.lifecycle import Deprecated, Retired
from app.catalog.order import Container, Operation
from app.catalog.price_table import PriceTable, Text
from app.catalog.profile import Profile
from app.catalog.quote_rules import FormulaQuote, QuoteRule, TableQuote
from app.catalog.rules import ChoiceRule, IntegerRule, StringRule
from app.catalog.sizes import SizeRule, parse_size
from app.catalog.unknown import MODEL_NAME

ModelName = Annotated[str, StringConstraints(pattern=MODEL_NAME)]
Host = Annotated[str, StringConstraints(pattern=r"^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+$")]
Absent = BeforeValidator(lambda value: None if value is False else value)
"""``edits = false``: how a file takes away what the one it extends has."""

_OF_THE_GATEWAY = frozenset({"model", *OWN_RULES})
"""Parameters the gateway itself decides on, alike for every model."""
_KINDS: dict[str, tuple[type, ...]] = {"prompt": (StringRule,), "n": (IntegerRule,), "size": (SizeRule, StringRule)}
"""Parameters the gateway reads, and so must understand."""


class LinksTable(BaseModel):
    """``[links]``: where the links in the model's answers point to, and so what may be fetched for it."""

    model_config = ConfigDict(extra="forbid")

    hosts: tuple[Host, ...]
    source: Text


class ProfileFile(BaseModel):
    """A whole profile file, after ``extends`` has been followed."""

    model_config = ConfigDict(extra="forbid")

    name: ModelName
    aliases: tuple[ModelName, ...] = ()
    upstream_name: ModelName | None = None
    owned_by: Text
    created: date
    container: Container | Literal["either"]
    generations: bool = True
    fan_out: bool = False
    passes_known: bool = False
    stands_for: Text | None = None
    price: PriceTable
    quote: Annotated[QuoteRule, Field(discriminator="rule")] | None = None
    deprecated: Deprecated | None = None
    retired: Retired | None = None
    links: LinksTable | None = None
    streaming: Annotated[Streaming | None, Absent] = None
    edits: Annotated[InputRule | None, Absent] = None
    variations: Annotated[InputRule | None, Absent] = None
    parameters: dict[ParameterName, TypedRule]

    @model_validator(mode="after")
    def _readable_by_the_gateway(self) -> Self:
        if not self.operations():
            raise ValueError("generations: a model that neither makes nor edits pictures is none")
        for operation, rules in self.operations().items():
            place = "parameters" if operation == "generations" else f"{operation}.parameters"
            _check_parameters(place, rules, prompted=operation != "variations")
        return self

    @model_validator(mode="after")
    def _quotable(self) -> Self:
        if self.price.image_output is None:
            return self
        if self.quote is None:
            raise ValueError("quote: a model billed by tokens needs one")
        for operation, rule in self.inputs().items():
            if rule.image_tokens is None:
                raise ValueError(f"{operation}.image_tokens: a model billed by tokens needs it")
        if isinstance(self.quote, FormulaQuote | TableQuote):
            for rules in self.operations().values():
                _check_rule(self.quote, rules.get("size"), rules.get("quality"))
        return self

    def inputs(self) -> dict[Operation, InputRule]:
        """The rules of the operations that start from pictures."""
        found: dict[Operation, InputRule | None] = {"edits": self.edits, "variations": self.variations}
        return {operation: rule for operation, rule in found.items() if rule is not None}

    def operations(self) -> dict[Operation, dict[str, ParameterRule]]:
        """The parameters of each operation."""
        own: dict[Operation, dict[str, ParameterRule]] = {"generations": self.parameters} if self.generations else {}
        return own | {operation: {**self.parameters, **rule.parameters} for operation, rule in self.inputs().items()}

    def to_profile(self) -> Profile:
        """The values the rest of the gateway works with."""
        return Profile(
            name=self.name,
            aliases=self.aliases,
            upstream_name=self.upstream_name or self.name,
            owned_by=self.owned_by,
            created=int(datetime.combine(self.created, time(), UTC).timestamp()),
            container=self.container,
            operations=self.operations(),
            prices=self.price.to_prices(),
            quote=self.quote,
            inputs=self.inputs(),
            streaming=self.streaming,
            url_hosts=self.links.hosts if self.links else (),
            fan_out=self.fan_out,
            passes_known=self.passes_known,
            stands_for=self.stands_for,
            deprecated=self.deprecated,
            retired=self.retired,
        )


def _check_parameters(place: str, rules: dict[str, ParameterRule], *, prompted: bool) -> None:
    if claimed := _OF_THE_GATEWAY & rules.keys():
        raise ValueError(f"{place}.{min(claimed)}: the gateway decides on it, not a profile")
    for name, needed in (("prompt", prompted), ("n", True)):
        if name not in rules or (needed and rules[name].drop):
            raise ValueError(f"{place}.{name}: must be there{' and not dropped' if needed else ''}")
    for name, kinds in _KINDS.items():
        if name in rules and not rules[name].drop and not isinstance(rules[name], kinds):
            raise ValueError(f"{place}.{name}: must be a {' or a '.join(kind.__name__ for kind in kinds)}")
    for name, rule in rules.items():
        for requirement in rule.requires:
            if requirement.parameter not in rules:
                raise ValueError(f"{place}.{name}.requires: no parameter {requirement.parameter!r}")


def _check_rule(quote: FormulaQuote | TableQuote, size: ParameterRule | None, quality: ParameterRule | None) -> None:
    """Every size and quality a caller may ask for, or leave open, must lead the rule to a number."""
    # ValueErrors, wrong types too: that is what pydantic gathers.
    if not isinstance(size, SizeRule) or not isinstance(quality, ChoiceRule):
        raise ValueError(f"quote: the rule {quote.rule} needs the parameters size and quality")  # noqa: TRY004  see above
    if size.default is None or quality.default is None:
        raise ValueError(f"quote: the rule {quote.rule} needs a default for size and quality")
    if isinstance(quote, TableQuote) and size.free is not None:
        raise ValueError("quote: a table has no tokens for free sizes")
    if () in {*quote.sizes.values(), *quote.qualities.values()}:
        raise ValueError("quote: sizes and qualities name at least one thing each word may become")
    named = {*size.words, *size.listed, size.default}
    sizes = {one for word in named for one in quote.sizes.get(word, (word,))}
    qualities = {one for word in {*quality.values, quality.default} for one in quote.qualities.get(word, (word,))}
    for one in sorted(sizes):
        if parse_size(one) is None:
            raise ValueError(f"quote.sizes: says not what {one!r} may become, in pixels")
    for one in sorted(qualities):
        if isinstance(quote, FormulaQuote) and one not in quote.factors:
            raise ValueError(f"quote.factors: none for {one!r}, which a quality may be or become")
        if isinstance(quote, TableQuote) and (missing := sizes - quote.tokens.get(one, {}).keys()):
            raise ValueError(f"quote.tokens: none for {one!r} at {min(missing)}")
