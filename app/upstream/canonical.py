"""The small fields of an answer in OpenAI's form: documented members only, nothing empty.

The upstream is a relay of relays: it writes ``""`` for what is absent and adds counters of its own (facts §4.3).
"""

import re
from typing import Any, Final

import orjson

from app.catalog.pricing import MOST_TOKENS

ANSWER_FIELDS: Final = ("background", "output_format", "size", "quality", "safety_identifier")
"""The documented scalars beside ``created``, ``data``, ``usage`` and ``svg_usage`` (facts §1.6, §2.1)."""

_WORD: Final = re.compile(r"[\w.*-]{1,64}", re.ASCII)

USAGE_COUNTS: Final = ("input_tokens", "output_tokens", "total_tokens")
SVG_USAGE_COUNTS: Final = ("input_tokens", "output_tokens", "reasoning_tokens", "total_tokens")
MODALITIES: Final = ("text_tokens", "image_tokens")


def canonical_created(document: dict[str, Any]) -> int | None:
    """The upstream's own Unix time, if it gave a usable one."""
    created = document.get("created")
    return created if type(created) is int and created > 0 else None


def canonical_item(item: dict[str, Any]) -> dict[str, Any]:
    """What stands beside the picture in its object: the revised prompt."""
    prompt = item.get("revised_prompt")
    return {"revised_prompt": prompt} if prompt and isinstance(prompt, str) else {}


def canonical_fields(document: dict[str, Any]) -> dict[str, Any]:
    """What stands beside ``created`` and ``data`` in the answer."""
    fields = {name: value for name in ANSWER_FIELDS if _is_word(value := document.get(name))}
    if usage := canonical_usage(document.get("usage")):
        fields["usage"] = usage
    if svg_usage := _canonical_svg_usage(document.get("svg_usage")):
        fields["svg_usage"] = svg_usage
    return fields


def members(fields: dict[str, Any]) -> bytes:
    """The fields in JSON as they follow other members of an object: each behind a comma."""
    return b"," + orjson.dumps(fields)[1:-1] if fields else b""


def _is_word(value: object) -> bool:
    """Whether a scalar looks like what OpenAI documents: one short word, and no place for anything else."""
    return isinstance(value, str) and _WORD.fullmatch(value) is not None


def canonical_usage(usage: object) -> dict[str, Any]:
    """The documented counters of ``usage``, {} without any.

    ``output_tokens_details`` is often left out; an image model's output is then all image tokens (facts §2.1).
    """
    if not isinstance(usage, dict):
        return {}
    counted: dict[str, Any] = _counts(usage, USAGE_COUNTS)
    if input_details := _counts(usage.get("input_tokens_details"), MODALITIES):
        counted["input_tokens_details"] = input_details
    if output_details := _counts(usage.get("output_tokens_details"), MODALITIES):
        counted["output_tokens_details"] = output_details
    elif "output_tokens" in counted:
        counted["output_tokens_details"] = {"text_tokens": 0, "image_tokens": counted["output_tokens"]}
    return counted


def _canonical_svg_usage(usage: object) -> dict[str, Any]:
    """The authoring model's tokens behind an SVG, billed apart from ``usage``."""
    counted: dict[str, Any] = _counts(usage, SVG_USAGE_COUNTS)
    if counted and isinstance(usage, dict) and _is_word(model := usage.get("model")):
        counted["model"] = model
    return counted


def _counts(source: object, names: tuple[str, ...]) -> dict[str, int]:
    """The members of ``source`` that somebody may have counted; whether they are true others judge."""
    if not isinstance(source, dict):
        return {}
    return {name: source[name] for name in names if type(source.get(name)) is int and 0 <= source[name] <= MOST_TOKENS}
