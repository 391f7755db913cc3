"""How the caller wants the pictures handed over: ``stream``, ``partial_images`` and ``response_format``.

They are the gateway's own parameters, alike for every model: what the model cannot do itself, the gateway does with
its answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from app.catalog.abilities import ParameterRule, clash
from app.catalog.profile import Profile
from app.catalog.rules import BooleanRule, ChoiceRule, IntegerRule
from app.catalog.wording import unsupported

_SOURCE = "OpenAI openapi.yaml @ f85dbe2, CreateImageRequest"
OWN_RULES: Mapping[str, ParameterRule] = {
    "stream": BooleanRule(type="boolean", source=_SOURCE),
    "partial_images": IntegerRule(type="integer", min=0, max=3, default=0, source=_SOURCE),
    "response_format": ChoiceRule(type="choice", values=("url", "b64_json"), source=_SOURCE),
}
"""A profile cannot change them; it only says whether its model streams, and which container it answers with."""

ResponseFormat = Literal["url", "b64_json"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the gateway owes the caller, and what of it is asked of the upstream."""

    stream: bool
    partial_images: int
    """Asked of the upstream; 0 where it does not stream."""
    response_format: ResponseFormat | None
    fields: Mapping[str, object]
    """To be sent upstream."""
    dropped: tuple[str, ...]
    """Asked for in vain: events carry nothing but base64, and only a stream has partial images."""
    emulated: bool
    """The gateway makes the events itself, of an answer in one piece."""


def arrange(asked: Mapping[str, Any], profile: Profile, in_force: Mapping[str, object], *, strict: bool) -> Delivery:
    """Decide who does what; ``asked`` holds checked values of `OWN_RULES`, ``in_force`` all other parameters.

    Raises:
        InvalidRequest: what is asked for cannot be streamed, or, if strict, the model does not stream.

    """
    stream = asked.get("stream", False)
    streaming = profile.streaming if stream else None
    fields: dict[str, object] = {}
    dropped = []
    if streaming is not None:
        if found := clash(streaming.not_with, in_force):
            raise unsupported("stream", f"'stream' cannot be combined with '{found}'.")
        fields = {name: asked[name] for name in ("stream", "partial_images") if name in asked}
    elif stream and strict:
        raise unsupported("stream", f"The model `{profile.name}` does not stream.")
    elif asked.get("partial_images"):
        dropped.append("partial_images")
    response_format: ResponseFormat | None = asked.get("response_format")
    if stream and response_format:
        dropped.append("response_format")
    # Events carry base64, so that is what a model with a choice is asked for when the gateway has to make them.
    container = "b64_json" if stream else response_format
    if profile.container == "either" and container:
        fields["response_format"] = container
    return Delivery(
        stream=stream,
        partial_images=asked.get("partial_images", 0) if streaming else 0,
        response_format=None if stream else response_format,
        fields=fields,
        dropped=tuple(dropped),
        emulated=stream and streaming is None,
    )
