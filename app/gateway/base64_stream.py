"""Base64 as it passes: pictures decoded and encoded in pieces, in constant memory."""

import binascii
import re
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

_SLASH: Final = b"\\/"
"""JSON lets a slash be escaped, and PHP's encoder does it; base64 has no other character that needs an escape."""

_DATA_URI: Final = re.compile(rb"data:[\w.+/\\-]{1,100};base64,")
"""What some relays put in front, although OpenAI does not."""
_HEAD_BYTES: Final = 128


async def decode(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """The bytes behind base64 that stands in a JSON string.

    Raises:
        ValueError: it is no base64, or cut short.

    """
    rest, is_over = b"", False
    async for chunk in _bare(chunks):
        text = rest + chunk
        text, escape = (text[:-1], b"\\") if text.endswith(b"\\") else (text, b"")
        text = text.replace(_SLASH, b"/")
        whole = len(text) - len(text) % 4
        text, rest = text[:whole], text[whole:] + escape
        if (text and is_over) or text.endswith(b"==="):
            raise ValueError("base64 goes on behind its end")
        if text:
            is_over = text.endswith(b"=")
            yield binascii.a2b_base64(text, strict_mode=True)
    if rest:
        raise ValueError("base64 is cut short")


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


async def _bare(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The text without what a data URI has in front."""
    head: bytes | None = b""
    async for chunk in chunks:
        if head is None:
            yield chunk
            continue
        head += chunk
        if len(head) >= _HEAD_BYTES:
            yield _DATA_URI.sub(b"", head, count=1) if head.startswith(b"data:") else head
            head = None
    if head:
        yield _DATA_URI.sub(b"", head, count=1) if head.startswith(b"data:") else head
