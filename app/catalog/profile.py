"""A model profile: everything the gateway knows about one model, as frozen values read from its file."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from msgspec import Struct, field
from msgspec.structs import force_setattr

from app.catalog.abilities import InputRule, ParameterRule, Streaming
from app.catalog.lifecycle import Deprecated, Retired
from app.catalog.order import Container, Operation
from app.catalog.quote_rules import QuoteRule
from app.catalog.rules import IntegerRule
from app.money import Money

PriceBasis = Literal["cometapi", "list", "operator", "assumed"]
"""Whose price stands in a profile: what CometAPI asks, the maker's own list price where CometAPI's is not public, what
the operator has written by hand, or what the settings assume for models the catalog does not have."""


class UnitPrices(Struct, frozen=True):
    """What the upstream bills, in nano-dollars: per token of each kind, or per delivered picture, or both."""

    text_input: Money
    image_input: Money
    text_output: Money
    image_output: Money
    per_image: Money
    source: str
    basis: PriceBasis = "cometapi"

    def document(self) -> dict[str, Any]:
        """As a ledger entry keeps it."""
        return {
            "text_input": self.text_input,
            "image_input": self.image_input,
            "text_output": self.text_output,
            "image_output": self.image_output,
            "per_image": self.per_image,
            "source": self.source,
            "basis": self.basis,
        }

    @property
    def by_tokens(self) -> bool:
        """Whether the bill depends on the answer's ``usage``; without one, such a request cannot be priced."""
        return any((self.text_input, self.image_input, self.text_output, self.image_output))


class Profile(Struct, frozen=True, kw_only=True):
    """One model: its names, what may be asked of it, how it answers, and what it costs."""

    name: str
    aliases: tuple[str, ...]
    upstream_name: str
    owned_by: str
    created: int
    """Unix seconds, for ``/v1/models``."""
    container: Container | Literal["either"]
    """What the upstream answers with; either: as ``response_format`` asks."""
    operations: Mapping[Operation, Mapping[str, ParameterRule]]
    """What it can do, and the parameters each takes."""
    prices: UnitPrices | None
    """None: unpriced, and every request for it is refused."""
    quote: QuoteRule | None
    """Present whenever the model is billed by tokens."""
    inputs: Mapping[Operation, InputRule]
    """The pictures edits and variations start from."""
    streaming: Streaming | None = None
    """None: it answers with one JSON document, whatever is asked."""
    url_hosts: tuple[str, ...] = ()
    """The hosts its links point to, ``*.example.com`` included: nothing else is fetched for it."""
    fan_out: bool = False
    """A request for several pictures is sent as several, if it makes one at a time."""
    passes_known: bool = False
    """Parameters of other models are sent on to it, not left out: nobody knows what it takes."""
    stands_for: str | None = None
    """A pattern (``gpt-image-*``): unknown models of such a name are taken for one like this."""
    assumed: bool = False
    """The catalog does not have this model: its rules and prices are those of another, or a guess."""
    deprecated: Deprecated | None = None
    retired: Retired | None = None
    defaults: Mapping[Operation, dict[str, Any]] = field(default_factory=dict)
    """What silence means, for the parameters each operation takes, of the type each rule stands for (Any); what is
    given here is overwritten."""

    def __post_init__(self) -> None:
        """Look the defaults up once, for all the requests to come."""
        force_setattr(self, "defaults", {name: _defaults(rules) for name, rules in self.operations.items()})

    @property
    def deprecation(self) -> date | None:
        """The day the end of the model was announced; the day it ended where no announcement is known."""
        if self.deprecated is not None:
            return self.deprecated.since
        return self.retired.since if self.retired else None

    @property
    def sunset(self) -> date | None:
        """The day it ends or ended."""
        if self.retired is not None:
            return self.retired.since
        return self.deprecated.ends if self.deprecated else None

    def max_n_of(self, operation: Operation) -> int:
        """The most pictures the model makes at a time in one of its operations."""
        rule = self.operations[operation]["n"]
        return rule.max if isinstance(rule, IntegerRule) else 1


def _defaults(rules: Mapping[str, ParameterRule]) -> dict[str, Any]:
    found = {name: getattr(rule, "default", None) for name, rule in rules.items() if not rule.drop}
    return {name: default for name, default in found.items() if default is not None}
