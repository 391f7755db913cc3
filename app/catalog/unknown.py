"""Models the catalog does not have, where the operator lets them pass: whose rules they take, and what they cost."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from msgspec import Struct
from msgspec.structs import replace

from app.catalog.profile import Profile, UnitPrices
from app.money import Money

MODEL_NAME = r"^[A-Za-z][A-Za-z0-9._:/-]{0,99}$"
"""Characters that need no quoting in a log line, a metric label or an HTTP header."""


class UnknownModels(Struct, frozen=True):
    """The operator's word that models the catalog does not have are sent on."""

    price_per_image: Money
    """What one of their pictures is quoted and charged at, where no family lends them a price."""


def stand_in(name: str, profiles: Iterable[Profile], unknown: UnknownModels) -> Profile | None:
    """An assumed profile for a model of this name: the closest pattern's, the last of equals; None for no model name.

    It is made anew each time: made-up names must not fill the memory.
    """
    if not re.fullmatch(MODEL_NAME, name):
        return None
    found: Profile | None = None
    for profile in profiles:
        if profile.stands_for is not None and fnmatchcase(name, profile.stands_for):
            found = profile if found is None or len(profile.stands_for) >= len(found.stands_for or "") else found
    if found is None:
        return None
    return replace(
        found,
        name=name,
        aliases=(),
        upstream_name=name,
        prices=_prices(found, unknown),
        stands_for=None,
        assumed=True,
        deprecated=None,
        retired=None,
    )


def _prices(profile: Profile, unknown: UnknownModels) -> UnitPrices:
    if profile.prices is not None:
        return replace(profile.prices, basis="assumed", source=f"those of {profile.name}: {profile.prices.source}")
    nothing = Money(0)
    return UnitPrices(
        text_input=nothing,
        image_input=nothing,
        text_output=nothing,
        image_output=nothing,
        per_image=unknown.price_per_image,
        source="IMAGEGATE_UNKNOWN_MODEL_PRICE",
        basis="assumed",
    )
