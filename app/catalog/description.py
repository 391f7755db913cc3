"""A model in plain JSON values, as programs and forms want it: what it can do, within which bounds, at what price."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from app.catalog.abilities import InputRule, ParameterRule
from app.catalog.handover import OWN_RULES
from app.catalog.profile import Profile, UnitPrices
from app.money import TOKENS_PER_PRICE, dollars

_OF_THE_HOUSE: Final = frozenset({"source", "drop"})
_BY_TOKEN: Final = ("text_input", "image_input", "text_output", "image_output")


def describe(profile: Profile) -> dict[str, Any]:
    """The model; prices in dollars, per million tokens or per delivered picture."""
    end = profile.retired or profile.deprecated
    return {
        "name": profile.name,
        "aliases": list(profile.aliases),
        "owned_by": profile.owned_by,
        "state": _state(profile),
        "ends": profile.sunset.isoformat() if profile.sunset else None,
        "replacement": end.replacement if end else None,
        "container": profile.container,
        "streams": profile.streaming is not None,
        "fan_out": profile.fan_out,
        "prices": _prices(profile.prices) if profile.prices else None,
        "operations": {
            operation: {
                "parameters": _parameters(profile, rules),
                "pictures": _pictures(profile.inputs.get(operation)),
            }
            for operation, rules in profile.operations.items()
        },
    }


def _state(profile: Profile) -> str:
    if profile.prices is None:
        return "unpriced"
    if profile.retired is not None:
        return "retired"
    return "deprecated" if profile.deprecated is not None else "offered"


def _parameters(profile: Profile, rules: Mapping[str, ParameterRule]) -> dict[str, dict[str, Any]]:
    """What reaches the model, and what the gateway does itself for each."""
    own = {name: rule for name, rule in OWN_RULES.items() if name != "partial_images" or profile.streaming}
    return {name: _rule(rule) for name, rule in {**rules, **own}.items() if not rule.drop}


def _rule(rule: ParameterRule) -> dict[str, Any]:
    """What a form needs of it: what says nothing is left out."""
    told = {name: value for name, value in asdict(rule).items() if name not in _OF_THE_HOUSE}
    return {name: value for name, value in told.items() if value is not None and value != () and value is not False}


def _pictures(rule: InputRule | None) -> dict[str, Any] | None:
    if rule is None:
        return None
    return {
        "max_images": rule.max_images,
        "max_image_bytes": rule.max_image_bytes,
        "content_types": list(rule.content_types),
        "mask": rule.max_mask_bytes is not None,
        "markup": rule.markup,
    }


def _prices(prices: UnitPrices) -> dict[str, Any]:
    tokens = {name: dollars(getattr(prices, name) * TOKENS_PER_PRICE) for name in _BY_TOKEN}
    return {**tokens, "per_image": dollars(prices.per_image), "basis": prices.basis, "source": prices.source}
