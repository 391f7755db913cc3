"""How the caller wants the pictures handed over: ``stream``, ``partial_images`` and ``response_format``.

They are the gateway's own parameters, alike for every model: what the model cannot do itself, the gateway does with
its answer.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from app.catalog.abilities import ParameterRule, clash
from app.catalog.order import Container
from app.catalog.profile import Profile
from app.catalog.rules import BooleanRule, ChoiceRule, IntegerRule
from app.catalog.wording import unsupported

_SOURCE = "OpenAI openapi.yaml @ f85dbe2, CreateImageRequest"
OWN_RULES: Mapping[str, ParameterRule] = {
    "stream": BooleanRule(type="boolean", source=_SOURCE),
    "partial_images": IntegerRule(type="integer", min=0, max=3, default=0, changes_cost=True, source=_SOURCE),
    "response_format": ChoiceRule(type="choice", values=("url", "b64_json"), source=_SOURCE),
}
"""A profile cannot change them; it only says whether its model streams, and which container it answers with."""


class Handover(Struct, frozen=True):
    """What the gateway owes the caller, and what of it is asked of the upstream."""

    stream: bool
    partial_images: int
    """Asked of the upstream; 0 where it is not asked to stream."""
    response_format: Container | None
    fields: Mapping[str, object]
    """To be sent upstream."""
    dropped: tuple[str, ...]
    """Asked for in vain: events carry nothing but base64, and only a stream has partial images."""
    emulated: bool
    """The gateway makes the events itself, of answers in one piece."""


_AS_IT_COMES = Handover(stream=False, partial_images=0, response_format=None, fields={}, dropped=(), emulated=False)
"""Nothing was asked for."""


def arrange(
    asked: Mapping[str, Any], profile: Profile, in_force: Mapping[str, object], exchanges: int, *, strict: bool
) -> Handover:
    """Decide who does what; ``asked`` holds checked values of `OWN_RULES`, ``in_force`` all other parameters.

    Several exchanges are never asked to stream: their events would come mixed up.

    Raises:
        InvalidRequest: what is asked for cannot be streamed, or, if strict, the model does not stream.

    """
    if not asked:
        return _AS_IT_COMES
    stream = asked.get("stream", False)
    if stream and profile.streaming and (found := clash(profile.streaming.not_with, in_force)):
        raise unsupported("stream", f"'stream' cannot be combined with '{found}'.")
    streaming = profile.streaming if stream and exchanges == 1 else None
    fields: dict[str, object] = {}
    dropped = []
    if streaming is not None:
        fields = {name: asked[name] for name in ("stream", "partial_images") if name in asked}
    elif stream and strict:
        several = " a request that is sent as several" if profile.streaming else ""
        raise unsupported("stream", f"The model `{profile.name}` does not stream{several}.")
    elif asked.get("partial_images"):
        dropped.append("partial_images")
    response_format: Container | None = asked.get("response_format")
    if stream and response_format:
        dropped.append("response_format")
    # Events carry base64, so that is what a model with a choice is asked for when the gateway has to make them.
    container = "b64_json" if stream else response_format
    if profile.container == "either" and container:
        fields["response_format"] = container
    return Handover(
        stream=stream,
        partial_images=asked.get("partial_images", 0) if streaming else 0,
        response_format=None if stream else response_format,
        fields=fields,
        dropped=tuple(dropped),
        emulated=stream and streaming is None,
    )
