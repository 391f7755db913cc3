"""The parameters of one request, each judged: sent as it is, left out, or refused by name."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from app.catalog.abilities import ParameterRule
from app.catalog.catalog import Catalog
from app.catalog.passing import check_passed
from app.catalog.policy import Policy
from app.catalog.profile import Profile
from app.catalog.wording import one_of, shown
from app.errors import InvalidRequest

Rules = Mapping[str, ParameterRule]


class Judged(Struct):
    """What became of each parameter."""

    sent: dict[str, Any] = field(default_factory=dict)
    """Checked, so of the type each rule stands for (hence Any)."""
    passed: dict[str, object] = field(default_factory=dict)
    """Sent on unchecked: nobody here knows what the model takes."""
    dropped: dict[str, Any] = field(default_factory=dict)
    """Not this model's; None where no rule has checked the value."""


def read(given: Mapping[str, object], rules: Rules) -> dict[str, object]:
    """The values that the texts of a form spell."""
    return {
        name: rules[name].read(value) if name in rules and isinstance(value, str) else value
        for name, value in given.items()
    }


def judge(given: Mapping[str, object], rules: Rules, profile: Profile, catalog: Catalog, policy: Policy) -> Judged:
    """Check every parameter against the rules of the operation.

    Raises:
        InvalidRequest: one breaks its rule, is not known, or must not be left out.

    """
    judged = Judged()
    for name, value in given.items():
        if name not in rules:
            _judge_stranger(name, value, profile, catalog, policy, judged)
    if judged.passed:
        check_passed(judged.passed)
    # In the profile's order, so that the same faulty request always names the same parameter.
    for name, rule in rules.items():
        if name in given:
            value = rule.check(name, given[name])
            if not rule.drop:
                judged.sent[name] = value
                continue
            _refuse_to_drop(name, profile, catalog, policy)
            judged.dropped[name] = value
    return judged


def check_requirements(sent: Mapping[str, object], in_force: Mapping[str, object], rules: Rules) -> None:
    """Refuse a parameter that needs another to be what it is not."""
    for name, value in sent.items():
        for requirement in rules[name].requires:
            concerned = requirement.value is None or requirement.value == value
            if concerned and in_force.get(requirement.parameter) not in requirement.one_of:
                asked = name if requirement.value is None else f"{name}={requirement.value}"
                raise InvalidRequest(
                    f"'{asked}' needs '{requirement.parameter}' to be one of {one_of(requirement.one_of)}.", param=name
                )


def unsupported_parameter(name: str, profile: Profile) -> InvalidRequest:
    """The refusal of a parameter other models take and this one does not."""
    return InvalidRequest(
        f"Unsupported parameter: '{name}' is not supported with the model `{profile.name}`.",
        param=name,
        code="unsupported_parameter",
    )


def _judge_stranger(
    name: str, value: object, profile: Profile, catalog: Catalog, policy: Policy, judged: Judged
) -> None:
    if name not in catalog.known:
        if not policy.pass_unknown_fields:
            unknown = shown(name)
            raise InvalidRequest(
                f"Unknown parameter: '{unknown}'. With unknown_fields=pass, of the virtual key or of the gateway "
                "(IMAGEGATE_UNKNOWN_FIELDS), such parameters are sent on.",
                param=unknown,
                code="unknown_parameter",
            )
        judged.passed[name] = value
    elif profile.passes_known:
        judged.passed[name] = value
    else:
        _refuse_to_drop(name, profile, catalog, policy)
        judged.dropped[name] = None


def _refuse_to_drop(name: str, profile: Profile, catalog: Catalog, policy: Policy) -> None:
    if policy.strict or name in catalog.essential:
        raise unsupported_parameter(name, profile)
