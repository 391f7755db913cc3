"""Turn the body of a request into an image request fit to be sent upstream, or a refusal naming the parameter."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from app.catalog.catalog import Catalog
from app.catalog.profile import Profile
from app.catalog.rules import IntegerRule, kind_of, one_of, shown, wrong_type
from app.errors import InvalidRequest

_PARTIAL_IMAGES = IntegerRule(type="integer", min=0, max=3, source="OpenAI openapi.yaml @ f85dbe2")


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """A valid request in canonical form."""

    profile: Profile
    model: str
    """The name the caller used, or the default model's."""
    prompt: str
    n: int
    size: str
    """As sent upstream; when the caller gave none, what silence means at the provider, or "" where nobody says."""
    quality: str
    """Likewise."""
    output_format: str
    """Likewise."""
    user: str | None
    stream: bool
    body: bytes
    """The JSON to send: the upstream's model name, keys sorted, nothing added that the caller left open."""
    normalized: tuple[str, ...]
    """What differs from what the caller sent: ``model=gpt-image-2``, ``style;dropped``, ``size="1664*928"``. Only
    parameter names and catalog values, never a caller's text; joined by commas they are an RFC 9651 Dictionary."""


def normalise(body: bytes, catalog: Catalog) -> ImageRequest:
    """Check every parameter against the profile of the model; a null is an absent parameter.

    Raises:
        InvalidRequest: the body or a parameter breaks a rule.
        ModelNotFound: the catalog has no such model.

    """
    given = {name: value for name, value in _parse(body).items() if value is not None}
    named = given.pop("model", None)
    model = catalog.default_model if named is None else named
    if not isinstance(model, str):
        raise wrong_type("model", "a string", model)
    profile = catalog.find(model)
    _refuse_streaming(given.pop("stream", False), given.pop("partial_images", 0))
    checked = _check(given, profile)
    sent = {name: value for name, value in checked.items() if not profile.parameters[name].drop}
    in_force = _defaults(profile) | sent
    _check_requirements(sent, in_force, profile)
    return ImageRequest(
        profile=profile,
        model=model,
        prompt=sent["prompt"],
        n=in_force.get("n", 1),
        size=in_force.get("size", ""),
        quality=in_force.get("quality", ""),
        output_format=in_force.get("output_format", ""),
        user=checked.get("user"),
        stream=False,
        body=orjson.dumps(sent | {"model": profile.upstream_name}, option=orjson.OPT_SORT_KEYS),
        normalized=_changes(named, given, sent, profile),
    )


def _parse(body: bytes) -> dict[str, object]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(
            "We could not parse the JSON body of your request "
            f"(line {error.lineno}, column {error.colno}). The body must be one JSON object in UTF-8.",
            code="invalid_json",
        ) from None
    if not isinstance(document, dict):
        raise InvalidRequest(
            f"Invalid body: expected a JSON object, but got {kind_of(document)} instead.", code="invalid_type"
        )
    return document


def _refuse_streaming(stream: object, partial_images: object) -> None:
    """Streaming is the gateway's own matter, alike for every model: not offered yet, so only its absence is valid."""
    if not isinstance(stream, bool):
        raise wrong_type("stream", "a boolean", stream)
    for name, asked in (
        ("stream", stream),
        ("partial_images", _PARTIAL_IMAGES.check("partial_images", partial_images)),
    ):
        if asked:
            raise InvalidRequest(f"'{name}' is not supported yet.", param=name, code="unsupported_value")


def _check(given: Mapping[str, object], profile: Profile) -> dict[str, Any]:
    """The values as their rules give them back: of the type each rule stands for (hence Any)."""
    for name in given:
        if name not in profile.parameters:
            unknown = shown(name)
            raise InvalidRequest(f"Unknown parameter: '{unknown}'.", param=unknown, code="unknown_parameter")
    if "prompt" not in given:
        raise InvalidRequest("Missing required parameter: 'prompt'.", param="prompt", code="missing_required_parameter")
    # In the profile's order, so that the same faulty request always names the same parameter.
    return {name: rule.check(name, given[name]) for name, rule in profile.parameters.items() if name in given}


def _defaults(profile: Profile) -> dict[str, Any]:
    """What silence means, for the parameters the model takes."""
    defaults = {name: getattr(rule, "default", None) for name, rule in profile.parameters.items() if not rule.drop}
    return {name: default for name, default in defaults.items() if default is not None}


def _check_requirements(sent: Mapping[str, object], in_force: Mapping[str, object], profile: Profile) -> None:
    for name, value in sent.items():
        for requirement in profile.parameters[name].requires:
            concerned = requirement.value is None or requirement.value == value
            if concerned and in_force.get(requirement.parameter) not in requirement.one_of:
                asked = name if requirement.value is None else f"{name}={requirement.value}"
                raise InvalidRequest(
                    f"'{asked}' needs '{requirement.parameter}' to be one of {one_of(requirement.one_of)}.", param=name
                )


def _changes(
    named: object, given: Mapping[str, object], sent: Mapping[str, object], profile: Profile
) -> tuple[str, ...]:
    changes = [] if named == profile.name else [f"model={profile.name}"]
    for name in sorted(given):
        if name not in sent:
            changes.append(f"{name};dropped")
        elif sent[name] != given[name]:
            changes.append(f'{name}="{sent[name]}"')
    return tuple(changes)
