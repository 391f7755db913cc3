"""CometAPI's public price list against the catalog's prices: what differs, and what of it can be taken over; pure.

The list is shorter than a bill: one price of input and one of output tokens, or one of a request. What it leaves open
is taken at its dearest, because a quote must be enough: a token of a picture sent along costs as many times a token of
text as in the shipped profile and never less than there, and every picture of a request costs a whole request.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from msgspec import Struct

from app.catalog.profile import Profile, UnitPrices
from app.money import TOKENS_PER_PRICE, ZERO, Money, format_dollars

MOST_TIMES = 10
"""A price that changed by more than this is taken for a fault of the list, or for another unit, and never written."""


class ListedPrice(Struct, frozen=True):
    """A model's price in the list: per token of input and output, or per request; a ``fault`` says why it has none."""

    input: Money = ZERO
    output: Money = ZERO
    per_request: Money = ZERO
    fault: str = ""


class Change(Struct, frozen=True):
    """One figure that differs; a price of zero is none."""

    what: str
    """``text_input`` and so on, as in a profile's ``[price]``; or ``basis``."""
    ours: str
    theirs: str
    percent: str


class Difference(Struct, frozen=True):
    """A model whose price in the list is another, or is of no use."""

    model: str
    ours: UnitPrices | None
    theirs: UnitPrices | None
    obstacle: str
    """Why it cannot be taken over; empty when it can."""

    def changes(self) -> Iterator[Change]:
        """Every figure that differs."""
        if self.theirs is None:
            return
        for what in FIGURES:
            ours, theirs = (_figure(prices, what) for prices in (self.ours, self.theirs))
            if ours != theirs:
                yield Change(what, _shown(what, ours), _shown(what, theirs), _percent(ours, theirs))
        ours_basis = self.ours.basis if self.ours else "unpriced"
        if ours_basis not in (self.theirs.basis, "operator"):  # a price by hand is never taken over
            yield Change("basis", ours_basis, self.theirs.basis, "")


FIGURES = ("text_input", "image_input", "text_output", "image_output", "per_image")
"""The prices a model may have, by the names of a profile's ``[price]``."""


def compare(
    profiles: Iterable[Profile], shipped: Mapping[str, Profile], listed: Mapping[str, ListedPrice], today: date
) -> list[Difference]:
    """The models whose prices differ; those the list does not have are left out.

    ``shipped`` are the profiles without the operator's files: what the list leaves open is derived from them, so that
    the same list always leads to the same prices, however often it was taken over before.
    """
    found = []
    for profile in profiles:
        price = find_price(profile, listed)
        if price is None:
            continue
        if price.fault:
            found.append(Difference(profile.name, profile.prices, None, price.fault))
            continue
        kin = shipped.get(profile.name) or shipped.get(profile.upstream_name)
        theirs = _prices(price, kin.prices if kin else None, today)
        difference = Difference(profile.name, profile.prices, theirs, _obstacle(profile, theirs))
        if any(difference.changes()):
            found.append(difference)
    return found


def find_price(profile: Profile, listed: Mapping[str, ListedPrice]) -> ListedPrice | None:
    """The price of a model under the name it is asked for upstream, or any other it has here."""
    names = (profile.upstream_name, profile.name, *profile.aliases)
    return next((listed[name] for name in names if name in listed), None)


def _prices(listed: ListedPrice, shipped: UnitPrices | None, today: date) -> UnitPrices:
    """The listed price as a profile has it, the open ends at their dearest."""
    source = f"CometAPI /api/models, {today:%Y-%m-%d}"
    if listed.per_request:
        source += ": per_request, taken for each picture"
        return UnitPrices(ZERO, ZERO, ZERO, ZERO, per_image=listed.per_request, source=source)
    if shipped and shipped.text_input:
        scaled = -(-shipped.image_input * listed.input // shipped.text_input)
        image_input = Money(max(scaled, shipped.image_input, listed.input))
        source += "; image_input is not listed: as many times text_input as in the shipped profile, at least that price"
    else:
        image_input = Money(max(listed.input, listed.output))
        source += "; image_input is not listed: the dearer of input and output"
    return UnitPrices(
        text_input=listed.input,
        image_input=image_input,
        text_output=listed.output,
        image_output=listed.output,
        per_image=ZERO,
        source=source,
    )


def _obstacle(profile: Profile, theirs: UnitPrices) -> str:
    if theirs.by_tokens and profile.quote is None:
        return "listed by tokens, and its profile has no [quote] that says how many"
    if profile.prices and profile.prices.by_tokens != theirs.by_tokens:
        return "listed by tokens and ours is by picture, or the other way round; write it by hand if it is true"
    for what in FIGURES:
        ours, listed = _figure(profile.prices, what), _figure(theirs, what)
        if ours and listed and max(ours, listed) > MOST_TIMES * min(ours, listed):
            return f"{what} differs by more than {MOST_TIMES} times; write it by hand if it is true"
    return ""


def _figure(prices: UnitPrices | None, what: str) -> int:
    return int(getattr(prices, what)) if prices else 0


def as_listed(what: str, figure: int) -> int:
    """The figure as lists and profile files have it: nano-dollars per picture, or per million tokens."""
    return figure if what == "per_image" else figure * TOKENS_PER_PRICE


def _shown(what: str, figure: int) -> str:
    return format_dollars(as_listed(what, figure)) if figure else "-"


def _percent(ours: int, theirs: int) -> str:
    return f"{100 * (theirs - ours) / ours:+.1f} %" if ours and theirs else ""
