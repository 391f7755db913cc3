"""An edit as the upstream wants it: one multipart/form-data body, streamed, its length known beforehand."""

import secrets
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Final

from app.catalog.order import InputImage

_ESCAPES: Final = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})
"""How a name is written into a header (WHATWG HTML §4.10.21.8); a client may have chosen it."""


class FormBody:
    """The words and pictures of one request as a body.

    ``files`` are pictures under the names of their fields: ``image``, ``image[]``, ``mask``. Their file names and types
    are ours, made of their first bytes.
    """

    def __init__(self, fields: Mapping[str, object], files: Sequence[tuple[str, InputImage]]) -> None:
        boundary = f"imagegate-{secrets.token_hex(16)}"
        self.content_type = f"multipart/form-data; boundary={boundary}"
        parts = list(_parts(fields, files))
        lead = f"--{boundary}\r\n"
        self._parts: list[tuple[bytes, InputImage | None]] = []
        """What stands before each picture, and the picture; at last what closes the form."""
        words = [lead]
        for disposition, value in parts:
            words.append(f"Content-Disposition: form-data; {disposition}\r\n")
            if isinstance(value, str):
                words.append(f"\r\n{value}\r\n{lead}")
            else:
                words.append(f"Content-Type: {value.content_type or 'application/octet-stream'}\r\n\r\n")
                self._parts.append(("".join(words).encode(), value))
                words = [f"\r\n{lead}"]
        self._parts.append((f"{''.join(words)[:-2]}--\r\n".encode(), None))
        self.content_length = sum(len(text) + (picture.size_bytes if picture else 0) for text, picture in self._parts)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body from its first byte, in pieces no larger than the pictures are read in."""
        for text, picture in self._parts:
            yield text
            if picture is not None:
                async for piece in picture.read():
                    yield piece


def _parts(
    fields: Mapping[str, object], files: Sequence[tuple[str, InputImage]]
) -> Iterator[tuple[str, str | InputImage]]:
    """What to write, in order: parameters of the disposition, and a text or a picture."""
    for name, value in fields.items():
        for full_name, text in _texts(name, value):
            yield f'name="{full_name.translate(_ESCAPES)}"', text
    images = 0
    for name, picture in files:
        stem = name.removesuffix("[]")
        if stem == "image":
            images += 1
            stem = f"image-{images}"
        filename = f"{stem}.{_extension(picture.content_type)}"
        yield f'name="{name}"; filename="{filename}"', picture


def _texts(name: str, value: object) -> Iterator[tuple[str, str]]:
    """A value as form strings, spelled as the SDKs do: ``true``, ``svg[model]``, ``tags[]``."""
    if isinstance(value, Mapping):
        for member, inner in value.items():
            yield from _texts(f"{name}[{member}]", inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(f"{name}[]", inner)
    elif isinstance(value, bool):
        yield name, "true" if value else "false"
    elif value is not None:
        yield name, str(value)


def _extension(content_type: str) -> str:
    """``png`` of ``image/png``, ``svg`` of ``image/svg+xml``."""
    return content_type.rpartition("/")[2].partition("+")[0] or "bin"
