"""Turn an order into an image request fit to be sent upstream, or a refusal naming the parameter."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from msgspec import Struct

from app.catalog.catalog import Catalog
from app.catalog.handover import OWN_RULES, Handover, arrange
from app.catalog.order import Container, InputImage, Operation, Order
from app.catalog.parameters import Judged, Rules, check_requirements, judge, read, unsupported_parameter
from app.catalog.pictures import check_pictures
from app.catalog.policy import Policy
from app.catalog.profile import Profile
from app.catalog.rules import IntegerRule
from app.catalog.wording import missing, not_priced, one_of, unsupported, wrong_type
from app.errors import InvalidRequest

_MOST_EXCHANGES = 10
"""What ``n`` may be where one request is sent as several: OpenAI's own bound of ``n``."""


class ImageRequest(Struct, frozen=True):
    """A valid request in canonical form."""

    profile: Profile
    operation: Operation
    model: str
    """The name the caller used, or that of the model a request without one gets."""
    prompt: str
    """"" where the operation takes none."""
    n: int
    exchanges: int
    """How many times it is to be sent: 1, or ``n`` where the model makes one picture at a time."""
    size: str
    """As sent upstream; when the caller gave none, what silence means at the provider, or "" where nobody says."""
    quality: str
    """Likewise."""
    output_format: str
    """Likewise."""
    user: str | None
    stream: bool
    """The caller wants events, whoever makes them."""
    partial_images: int
    """As asked of the upstream."""
    response_format: Container | None
    """What the caller asked for; None: nothing, or events, which carry base64."""
    fields: Mapping[str, object]
    """What to send with each exchange, under the upstream's own names, and nothing the caller left open."""
    images: tuple[InputImage, ...]
    mask: InputImage | None
    markup: InputImage | None
    normalized: tuple[str, ...]
    """What differs from what the caller sent: ``style;dropped``, ``size;to="1664*928"``. Members of an RFC 9651 List;
    only parameter names and values of the catalog, never a caller's text."""


def normalise(order: Order, catalog: Catalog, policy: Policy) -> ImageRequest:
    """Check every parameter and picture against the profile of the model.

    What cannot be bought at all is said first: whoever mends a parameter must not find the price missing behind it.

    Raises:
        InvalidRequest: the model does not serve the operation or has no price, or a parameter or picture breaks a rule.
        ModelNotFound: the catalog has no such model.

    """
    given = dict(order.fields)
    named = given.pop("model", None)
    profile = _profile(named, order.operation, catalog)
    rules = _rules(order.operation, profile, catalog, policy)
    if order.from_form:
        given = read(given, {**rules, **OWN_RULES})
    asked = {name: given.pop(name) for name in OWN_RULES if name in given}
    judged = judge(given, rules, profile, catalog, policy)
    if "prompt" not in given and not rules["prompt"].drop:
        raise missing("prompt")
    in_force = profile.defaults[order.operation] | judged.sent
    check_requirements(judged.sent, in_force, rules)
    if inputs := profile.inputs.get(order.operation):
        check_pictures(order, inputs, in_force)
    n = in_force.get("n", 1)
    exchanges = n if n > profile.max_n_of(order.operation) else 1
    handover = _handover(asked, profile, in_force, exchanges, policy)
    sent = judged.sent
    if exchanges > 1:
        sent = {name: value for name, value in sent.items() if name != "n"}
    return ImageRequest(
        profile=profile,
        operation=order.operation,
        model=named if isinstance(named, str) else profile.name,
        prompt=in_force.get("prompt", ""),
        n=n,
        exchanges=exchanges,
        size=in_force.get("size", ""),
        quality=in_force.get("quality", ""),
        output_format=in_force.get("output_format", ""),
        user=(judged.sent | judged.dropped).get("user"),
        stream=handover.stream,
        partial_images=handover.partial_images,
        response_format=handover.response_format,
        fields={"model": profile.upstream_name} | sent | judged.passed | dict(handover.fields),
        images=order.images,
        mask=order.mask,
        markup=order.markup,
        normalized=tuple(_changes(named, given, judged, handover, profile, fanned_out=exchanges > 1)),
    )


def _profile(named: object, operation: Operation, catalog: Catalog) -> Profile:
    """The model that is named, or that a request without a name gets."""
    if named is None:
        return catalog.unnamed(operation)
    if not isinstance(named, str):
        raise wrong_type("model", "a string", named)
    return catalog.find(named)


def _rules(operation: Operation, profile: Profile, catalog: Catalog, policy: Policy) -> Rules:
    """The rules in force, one request for many pictures allowed where it may be sent as many."""
    rules = profile.operations.get(operation)
    if rules is None:
        raise _not_served(operation, profile, catalog)
    if profile.prices is None:
        raise not_priced(profile.name)
    n = rules.get("n")
    if (policy.fan_out or profile.fan_out) and isinstance(n, IntegerRule) and n.max == 1:
        return {**rules, "n": replace(n, max=_MOST_EXCHANGES)}
    return rules


def _not_served(operation: Operation, profile: Profile, catalog: Catalog) -> InvalidRequest:
    able = catalog.able(operation)
    others = one_of(other.name for other in able) or "none"
    if able and able[0].prices is None:
        others += ", none of which has a price here"
    return unsupported(
        "model", f"The model `{profile.name}` does not serve /v1/images/{operation}; models that do: {others}."
    )


def _handover(
    asked: Mapping[str, object], profile: Profile, in_force: Mapping[str, Any], exchanges: int, policy: Policy
) -> Handover:
    checked = {name: OWN_RULES[name].check(name, value) for name, value in asked.items()}
    handover = arrange(checked, profile, in_force, exchanges, strict=policy.strict)
    if policy.strict and handover.dropped:
        raise unsupported_parameter(handover.dropped[0], profile)
    return handover


def _changes(
    named: object,
    given: Mapping[str, object],
    judged: Judged,
    handover: Handover,
    profile: Profile,
    *,
    fanned_out: bool,
) -> Iterable[str]:
    if named != profile.name:
        yield f'model;to="{profile.name}"'
    changes = dict.fromkeys((*judged.dropped, *handover.dropped), "dropped")
    changes |= {name: f'to="{value}"' for name, value in judged.sent.items() if value != given[name]}
    if fanned_out:
        changes["n"] = "fanned-out"
    if handover.emulated:
        changes["stream"] = "emulated"
    for name in sorted(changes):
        yield f"{name};{changes[name]}"
