"""Reads an answer as its client would: JSON, or events; decodes every picture in it."""

import base64
import binascii
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image, UnidentifiedImageError

_SMALL = (128, 128)
"""Pictures are decoded at an eighth of their size: all of a JPEG's data is read for it, at a fraction of the work."""


class UnreadableError(Exception):
    """An answer that is not what it says it is; the message says how."""


@dataclass(frozen=True, slots=True)
class Received:
    """What an answer brought."""

    inline: tuple[str, ...] = ()
    """The pictures that are in it, as base64."""
    links: tuple[str, ...] = ()
    has_error: bool = False
    """Whether a stream ends in an error event."""

    @property
    def number(self) -> int:
        """How many pictures, of either kind."""
        return len(self.inline) + len(self.links)


def read_document(body: bytes) -> Received:
    """A whole JSON answer.

    Raises:
        UnreadableError: it is none.

    """
    try:
        data = json.loads(body)["data"]
        return _sorted(data)
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableError(f"not an answer with pictures: {error!r}") from None


def read_events(body: bytes) -> Received:
    """The completed events of a stream, as far as it goes; one counts when its blank line is there.

    Raises:
        UnreadableError: an event is not what it says it is.

    """
    completed, has_error = [], False
    for name, text in _events(body):
        if name == "error":
            has_error = True
        elif name.endswith(".completed"):
            try:
                completed.append(json.loads(text))
            except ValueError as error:
                raise UnreadableError(f"an event is no JSON: {error}") from None
    found = _sorted(completed)
    return Received(found.inline, found.links, has_error)


def decode(inline: str, size: tuple[int, int] | None) -> None:
    """Decode a picture out of an answer.

    Raises:
        UnreadableError: it is no picture, or not of the size that was asked for.

    """
    try:
        raw = base64.b64decode(inline, validate=True)
    except binascii.Error as error:
        raise UnreadableError(f"not base64: {error}") from None
    decode_file(raw, size)


def decode_file(raw: bytes, size: tuple[int, int] | None) -> None:
    """Decode a picture.

    Raises:
        UnreadableError: as `decode`.

    """
    try:
        with Image.open(io.BytesIO(raw)) as picture:
            if size is not None and picture.size != size:
                raise UnreadableError(f"a picture of {picture.size} instead of {size}")
            picture.draft("RGB", _SMALL)
            picture.load()
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise UnreadableError(f"a picture cannot be decoded: {error}") from None


def _sorted(pictures: list[Mapping[str, Any]]) -> Received:
    inline = tuple(str(one["b64_json"]) for one in pictures if one.get("b64_json"))
    links = tuple(str(one["url"]) for one in pictures if one.get("url") and not one.get("b64_json"))
    if len(inline) + len(links) < len(pictures):
        raise UnreadableError("a picture that is neither base64 nor a link")
    return Received(inline, links)


def _events(body: bytes) -> Iterator[tuple[str, str]]:
    """Name and data of each whole event."""
    whole, _, _ = body.replace(b"\r\n", b"\n").rpartition(b"\n\n")
    for event in whole.decode("utf-8", "replace").split("\n\n"):
        lines = event.split("\n")
        name = next((line[6:].strip() for line in lines if line.startswith("event:")), "")
        yield name, "\n".join(line[5:].strip() for line in lines if line.startswith("data:"))
