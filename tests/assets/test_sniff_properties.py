"""What some bytes are is decided by how they begin, by nothing behind that, and quickly."""

import time

from hypothesis import given
from hypothesis import strategies as st

from app.assets.sniff import content_type, extension
from app.assets.spool import HEAD_BYTES

BEGINNINGS = st.sampled_from(
    [
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"GIF89a",
        b"RIFF\x00\x00\x00\x00WEBPVP",
        b"II*\x00",
        b"BM\x00\x00\x00\x00\x00\x00\x00\x00",
        b"\x00\x00\x00\x18ftypavif",
        b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00miafavif",
        b"<svg ",
    ]
)
MARKS = (
    b"<?xml ",
    b"?>",
    b"<!--",
    b"-->",
    b"<!DOCTYPE svg",
    b">",
    b"[",
    b"<svg",
    b" ",
    b"\n",
    b"\xef\xbb\xbf",
    b"<",
    b"-",
)
MARKUP = st.lists(st.sampled_from(MARKS), max_size=300).map(b"".join)
SLOWEST_SECONDS = 1.0
"""A thousand times what it takes: whoever needs so long for one head has run wild."""


@given(st.binary(max_size=40) | MARKUP | st.builds(bytes.__add__, BEGINNINGS, st.binary(max_size=40)))
def test_any_head_is_a_kind_with_an_ending_or_nothing(head: bytes) -> None:
    """Nothing else is ever said, and no name of a file ends in something that is no kind of picture."""
    found = content_type(head)

    assert (found == "") == (extension(found) == "bin")
    assert found == "" or found.startswith("image/")


@given(BEGINNINGS, st.binary(max_size=60))
def test_what_follows_changes_nothing(beginning: bytes, rest: bytes) -> None:
    """A picture with a page or a program behind its beginning is still told to browsers as the picture it begins as."""
    assert content_type(beginning + rest) == content_type(beginning) != ""


@given(MARKUP, st.integers(1, 40))
def test_no_markup_runs_wild(markup: bytes, times: int) -> None:
    """Whatever stands before an element that never comes, however often."""
    head = (markup * times)[:HEAD_BYTES]
    began = time.process_time()
    content_type(head)

    assert time.process_time() - began < SLOWEST_SECONDS
