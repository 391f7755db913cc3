"""The form of a profile file, checked by pydantic; what leaves this module is a plain ``Profile``."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from app.catalog.profile import (
    Container,
    Deprecated,
    FormulaQuote,
    ParameterRule,
    PriceBasis,
    Profile,
    QuoteRule,
    Retired,
    TableQuote,
    UnitPrices,
)
from app.catalog.rules import ChoiceRule, IntegerRule, StringRule
from app.catalog.sizes import SizeRule, parse_size
from app.money import Money, parse_dollars, token_price

ModelName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9._:/-]{0,99}$")]
"""Characters that need no quoting in a log line, a metric label or an HTTP header."""
ParameterName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Text = Annotated[str, StringConstraints(min_length=1)]

_OF_THE_GATEWAY = frozenset({"model", "stream", "partial_images"})
"""Parameters the gateway itself decides on, alike for every model."""
_KINDS: dict[str, type] = {"prompt": StringRule, "n": IntegerRule, "size": SizeRule}
"""Parameters the gateway reads, and so must understand."""


class PriceFile(BaseModel):
    """``[price]``: US dollars, per million tokens or per picture; zero is no price, and no price means refused."""

    model_config = ConfigDict(extra="forbid")

    unpriced: bool = False
    text_input: Decimal | None = None
    image_input: Decimal | None = None
    text_output: Decimal | None = None
    image_output: Decimal | None = None
    per_image: Decimal | None = None
    basis: PriceBasis = "cometapi"
    source: Text

    @model_validator(mode="after")
    def _priced_or_not(self) -> Self:
        tokens = (self.text_input, self.image_input, self.text_output, self.image_output)
        given = [price for price in (*tokens, self.per_image) if price is not None]
        if self.unpriced == bool(given):
            raise ValueError("give prices, or unpriced = true, and not both")
        if any(price <= 0 for price in given):
            raise ValueError("a price is above zero; a model without a known price is unpriced = true")
        if any(tokens) and not all(tokens):
            raise ValueError("token prices come as four: text_input, image_input, text_output, image_output")
        self.to_prices()
        return self

    def to_prices(self) -> UnitPrices | None:
        """Exact nano-dollars, or None for an unpriced model; ValueError for a price finer than one."""
        if self.unpriced:
            return None
        return UnitPrices(
            text_input=_per_token(self.text_input),
            image_input=_per_token(self.image_input),
            text_output=_per_token(self.text_output),
            image_output=_per_token(self.image_output),
            per_image=parse_dollars(f"{self.per_image or Decimal(0):f}"),
            source=self.source,
            basis=self.basis,
        )


class ProfileFile(BaseModel):
    """A whole profile file, after ``extends`` has been followed."""

    model_config = ConfigDict(extra="forbid")

    name: ModelName
    aliases: tuple[ModelName, ...] = ()
    family: Text
    upstream_name: ModelName | None = None
    owned_by: Text
    created: date
    container: Container
    price: PriceFile
    quote: Annotated[QuoteRule, Field(discriminator="rule")] | None = None
    deprecated: Deprecated | None = None
    retired: Retired | None = None
    parameters: dict[ParameterName, Annotated[ParameterRule, Field(discriminator="type")]]

    @model_validator(mode="after")
    def _readable_by_the_gateway(self) -> Self:
        if claimed := _OF_THE_GATEWAY & self.parameters.keys():
            raise ValueError(f"parameters.{min(claimed)}: the gateway decides on it, not a profile")
        for name, kind in _KINDS.items():
            rule = self.parameters.get(name)
            if rule is None or rule.drop or not isinstance(rule, kind):
                raise ValueError(f"parameters.{name}: must be a {kind.__name__} and not dropped")
        for name, rule in self.parameters.items():
            for requirement in rule.requires:
                if requirement.parameter not in self.parameters:
                    raise ValueError(f"parameters.{name}.requires: no parameter {requirement.parameter!r}")
        return self

    @model_validator(mode="after")
    def _quotable(self) -> Self:
        if self.price.image_output is not None and self.quote is None:
            raise ValueError("quote: a model billed by tokens needs one")
        if isinstance(self.quote, FormulaQuote | TableQuote):
            _check_rule(self.quote, self.parameters["size"], self.parameters.get("quality"))
        return self

    def to_profile(self) -> Profile:
        """The values the rest of the gateway works with."""
        return Profile(
            name=self.name,
            aliases=self.aliases,
            family=self.family,
            upstream_name=self.upstream_name or self.name,
            owned_by=self.owned_by,
            created=int(datetime.combine(self.created, time(), UTC).timestamp()),
            container=self.container,
            parameters=self.parameters,
            prices=self.price.to_prices(),
            quote=self.quote,
            deprecated=self.deprecated,
            retired=self.retired,
        )


def _per_token(dollars_per_million: Decimal | None) -> Money:
    return token_price(f"{dollars_per_million or Decimal(0):f}")


def _check_rule(quote: FormulaQuote | TableQuote, size: ParameterRule, quality: ParameterRule | None) -> None:
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
