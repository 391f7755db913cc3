"""What is wrong with a profile file, in words of profile files: each fault with its field, and what may stand there."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

_STRANGERS = frozenset({"extra_forbidden", "unexpected_keyword_argument"})
"""What pydantic calls a field nobody declared: of a model, and of a dataclass."""
_ALIKE = 0.5
"""How near a name must be to be meant: ``per_picture`` is to ``per_image``."""

Schema = Mapping[str, Any]


def faults(error: ValidationError, layout: type[BaseModel]) -> Iterator[str]:
    """Each fault as ``field: what is wrong``; a field that does not exist is told with those that do."""
    whole = layout.model_json_schema()
    for fault in error.errors():
        place = fault["loc"]
        words = fault["msg"].removeprefix("Value error, ")
        if fault["type"] in _STRANGERS:
            words = _no_such_field(str(place[-1]), _fields(whole, place[:-1]), _fields(whole, ()))
        yield f"{'.'.join(map(str, place))}: {words}".lstrip(": ")


def _no_such_field(name: str, fields: Sequence[str], top: Sequence[str]) -> str:
    near = get_close_matches(name, fields, n=1, cutoff=_ALIKE)
    if name in top:
        hint = "; it belongs above the first [table] of the file."
    elif near:
        hint = f"; did you mean {near[0]}?"
    else:
        hint = "."
    return f"no such field{hint} There are {', '.join(fields)}"


def _fields(whole: Schema, place: Sequence[int | str]) -> list[str]:
    """The fields of the table at a place, as the JSON schema of the layout has them."""
    node = _resolved(whole, whole)
    for step in place:
        node = _resolved(_inside(node, step), whole)
    return list(node.get("properties", ()))


def _inside(node: Schema, step: int | str) -> Schema:
    """What is under a field, an item of a list, or, where a table has several kinds, the kind of this name."""
    if "discriminator" in node:
        return {"$ref": node["discriminator"]["mapping"][step]}
    if step in node.get("properties", ()):
        found: Schema = node["properties"][step]
    else:
        found = next(iter(node.get("patternProperties", {}).values()), node.get("items", {}))
    return found


def _resolved(node: Schema, whole: Schema) -> Schema:
    """The node itself in place of a reference to it, or of a choice between it and nothing."""
    if "anyOf" in node:
        node = node["anyOf"][0]
    if "$ref" in node:
        node = whole["$defs"][node["$ref"].rpartition("/")[2]]
    return node
