"""A model profile: everything the gateway knows about one model, as frozen values read from its file."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from typing import Literal, TypeVar

from app.catalog.abilities import InputRule, ParameterRule, Streaming
from app.catalog.lifecycle import Deprecated, Retired
from app.catalog.order import Operation
from app.catalog.quote_rules import QuoteRule
from app.catalog.rules import ChoiceRule, IntegerRule, Rule, StringRule
from app.catalog.sizes import SizeRule
from app.money import Money

PriceBasis = Literal["cometapi", "list", "assumed"]
"""Whose price stands in a profile: what CometAPI asks, the maker's own list price where CometAPI's is not public, or
what the operator's settings assume for models the catalog does not have."""
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

    @property
    def parameters(self) -> Mapping[str, ParameterRule]:
        """The parameters of generations, or of edits for a model that only edits."""
        return self.operations.get("generations") or self.operations["edits"]

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

    @property
    def max_n(self) -> int:
        """The most pictures one request may ask for."""
        rule = self.rule("n", IntegerRule)
        return rule.max if rule else 1

    def max_n_of(self, operation: Operation) -> int:
        """The most pictures the model makes at a time in one of its operations."""
        rule = self.operations[operation]["n"]
        return rule.max if isinstance(rule, IntegerRule) else 1

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


def lifecycle_headers(profile: Profile) -> list[tuple[bytes, bytes]]:
    """What an answer says of the model's end: ``Deprecation`` (RFC 9745) and ``Sunset`` (RFC 8594), midnight UTC."""
    headers = []
    if profile.deprecation is not None:
        headers.append((b"deprecation", b"@%d" % _midnight(profile.deprecation).timestamp()))
    if profile.sunset is not None:
        headers.append((b"sunset", format_datetime(_midnight(profile.sunset), usegmt=True).encode("ascii")))
    return headers


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
