"""Base64 in pieces: the same bytes wherever it is cut, and the same refusals."""

import base64
import binascii
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.gateway.base64_stream import decode, encode


async def pieces(text: bytes, cuts: list[int]) -> AsyncIterator[bytes]:
    """The text, cut at these places."""
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    for start, end in pairwise(places):
        yield text[start:end]


async def decoded(text: bytes, cuts: list[int]) -> bytes | None:
    """What becomes of it; None when it is refused."""
    try:
        return b"".join([piece async for piece in decode(pieces(text, cuts))])
    except ValueError:
        return None


def expected(text: bytes) -> bytes | None:
    """The same by the standard library, all at once; it forgives padding that is not needed, and we do not."""
    if len(text) % 4 or text.endswith(b"==="):
        return None
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return None


@given(data=st.binary(max_size=200), cuts=st.lists(st.integers(min_value=0, max_value=400), max_size=8))
async def test_what_is_encoded_is_decoded_wherever_it_is_cut(data: bytes, cuts: list[int]) -> None:
    """Slashes escaped or not, a data URI's prefix or none: the bytes come back."""
    text = b"".join([piece async for piece in encode(pieces(data, cuts))])

    assert text == base64.b64encode(data)
    assert await decoded(text, cuts) == data
    assert await decoded(text.replace(b"/", b"\\/"), cuts) == data
    assert await decoded(b"data:image/png;base64," + text, cuts) == data


@given(
    text=st.text("QUE=/+ \\x", max_size=24).map(str.encode),
    cuts=st.lists(st.integers(min_value=0, max_value=40), max_size=6),
)
async def test_what_is_no_base64_is_refused_wherever_it_is_cut(text: bytes, cuts: list[int]) -> None:
    """Padding in the middle, odd lengths, strange characters: refused as a whole, however it comes."""
    plain = text.replace(b"\\/", b"/")
    assert await decoded(text, cuts) == expected(plain)


@pytest.mark.parametrize("text", [b"QUE=QUE=", b"QUE", b"Q===", b"QU E=", b"QUE=\\n"])
async def test_these_are_refused(text: bytes) -> None:
    """A few that decoders are known to forgive."""
    assert await decoded(text, [4]) is None
