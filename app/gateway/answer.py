"""Answers put together from collected ones: as one JSON object, or as the events of a stream."""

from collections.abc import AsyncIterator, Sequence
from functools import reduce
from typing import Any

from msgspec import Struct

from app.catalog.order import Operation
from app.gateway.conversion import Shown
from app.upstream.canonical import canonical_created, canonical_fields, canonical_item, members
from app.upstream.event_form import add_usage, canonical_event
from app.upstream.events import Piece

_COMPLETED = {
    "generations": "image_generation.completed",
    "edits": "image_edit.completed",
    "variations": "image_generation.completed",  # OpenAI streams none
}


class Item(Struct, frozen=True):
    """One picture of the answer and what stands beside it."""

    shown: Shown
    document: dict[str, Any]
    """The upstream's object around it."""


def merged(documents: Sequence[dict[str, Any]], *, created: int) -> dict[str, Any]:
    """The small fields of several answers as those of one: the first's words, every usage summed."""
    fields = canonical_fields(documents[0])
    usages = [usage for document in documents if (usage := canonical_fields(document).get("usage"))]
    if usages:
        fields["usage"] = reduce(add_usage, usages)
    return {"created": canonical_created(documents[0]) or created} | fields


async def as_json(items: Sequence[Item], fields: dict[str, Any]) -> AsyncIterator[bytes]:
    """The body of an ordinary answer, in pieces."""
    before = b'{"data":['
    for item in items:
        yield before + b'{"%b":"' % item.shown.kind.encode()
        async for piece in item.shown.text():
            yield piece
        yield b'"' + members(canonical_item(item.document)) + b"}"
        before = b","
    yield b"]" + members(fields) + b"}"


async def as_events(items: Sequence[Item], fields: dict[str, Any], operation: Operation) -> AsyncIterator[Piece]:
    """A completed event for every picture, in pieces; the usages of all make the whole."""
    kind = _COMPLETED[operation]
    usages = split_usage(fields.get("usage", {}), len(items))
    for item, usage in zip(items, usages, strict=True):
        lead = f'event: {kind}\ndata: {{"type":"{kind}","{item.shown.kind}":"'
        yield Piece(lead.encode())
        async for piece in item.shown.text():
            yield Piece(piece)
        told = canonical_event(kind, fields | {"usage": usage}, created=fields["created"])
        yield Piece(b'"' + members(told) + b"}\n")
        yield Piece(b"\n", ends_completed=True)


def split_usage(usage: dict[str, Any], shares: int) -> list[dict[str, Any]]:
    """The counts in equal shares, the last with what is left over, so that they add up to the whole again."""
    parts: list[dict[str, Any]] = [{} for _ in range(shares)]
    for name, value in usage.items():
        if isinstance(value, dict):
            split: list[Any] = list(split_usage(value, shares))
        else:
            split = [value // shares] * (shares - 1)
            split.append(value - sum(split))
        for part, share in zip(parts, split, strict=True):
            part[name] = share
    return parts
