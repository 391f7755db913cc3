"""What one event of an image stream says, in OpenAI's form: its type, its small fields, its error. Pure."""

from typing import Any, Final

from app.upstream.canonical import canonical_fields

COMPLETED_TYPES: Final = frozenset({"image_generation.completed", "image_edit.completed"})
"""Each brings a finished picture and the usage to bill (facts §2.2)."""

EVENT_TYPES: Final = COMPLETED_TYPES | {"image_generation.partial_image", "image_edit.partial_image"}
"""The documented events."""

_WORDS = ("size", "quality", "background", "output_format")


def event_type(name: str, document: dict[str, Any]) -> str:
    """The type inside the data, else the one of the ``event`` line; "" without either."""
    inside = document.get("type")
    return inside if inside and isinstance(inside, str) else name


def event_error(name: str, document: dict[str, Any]) -> dict[str, Any] | None:
    """The upstream's error object, if this event is an error in any of the forms seen (facts §2.2, §4.6)."""
    if error := document.get("error"):
        return error if isinstance(error, dict) else {"message": str(error)}
    kind = event_type(name, document)
    is_bare = kind not in EVENT_TYPES and "message" in document and "code" in document
    return document if is_bare or "error" in (name, kind) else None


def canonical_event(kind: str, document: dict[str, Any], *, created: int) -> dict[str, Any]:
    """What stands behind the picture in an event of this type; ``created`` (Unix seconds) where the upstream has none.

    Only a completed event has usage, and only a partial image an index.
    """
    created_at = document.get("created_at")
    fields: dict[str, Any] = {"created_at": created_at if type(created_at) is int and created_at > 0 else created}
    wanted = (*_WORDS, "usage") if kind in COMPLETED_TYPES else _WORDS
    fields |= canonical_fields({word: document.get(word) for word in wanted})
    index = document.get("partial_image_index")
    if kind not in COMPLETED_TYPES and type(index) is int and index >= 0:
        fields["partial_image_index"] = index
    return fields


def add_usage(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    """The counters of both, each summed; those of the details too."""
    total = dict(left)
    for name, value in right.items():
        total[name] = add_usage(total.get(name, {}), value) if isinstance(value, dict) else total.get(name, 0) + value
    return total
