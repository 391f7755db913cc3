"""Base64 as it passes: pictures decoded and encoded in pieces, in constant memory."""

import binascii
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

_SLASH: Final = b"\\/"
"""JSON lets a slash be escaped, and PHP's encoder does it; base64 has no other character that needs an escape."""


async def decode(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """The bytes behind base64 that stands in a JSON string.

    Raises:
        ValueError: it is no base64, or cut short.

    """
    rest = b""
    async for chunk in chunks:
        text = rest + chunk
        cut = text.endswith(b"\\")
        text, rest = (text[:-1], b"\\") if cut else (text, b"")
        text = text.replace(_SLASH, b"/")
        whole = len(text) - len(text) % 4
        text, rest = text[:whole], text[whole:] + rest
        if text:
            yield _decoded(text)
    if rest:
        yield _decoded(rest)


async def encode(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """Base64 without line breaks, as OpenAI writes it."""
    rest = b""
    async for chunk in chunks:
        data = rest + chunk
        whole = len(data) - len(data) % 3
        rest = data[whole:]
        if whole:
            yield binascii.b2a_base64(data[:whole], newline=False)
    if rest:
        yield binascii.b2a_base64(rest, newline=False)


def _decoded(text: bytes) -> bytes:
    return binascii.a2b_base64(text, strict_mode=True)
