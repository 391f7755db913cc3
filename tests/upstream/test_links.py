"""Links of an answer pass in one piece, and only if they are links."""

import pytest

from app.upstream.links import MAX_LINK_BYTES, Links
from app.upstream.mask import Mask
from app.upstream.scanner import AnswerScanner, MalformedAnswer, Segment, SegmentKind

KEY = "sk-4hTqYw7ZkP2nVb9XrC5mLs8dGfJ1aE6u"
LINK = b"https://cdn.example/a%20b.png?x=1&y=(2)"


def passed(value: bytes, *, kind: bytes = b"url", chunk_bytes: int = 7) -> list[Segment]:
    """What passes of an answer with this picture, which comes in small chunks."""
    body = b'{"data":[{"%b":"%b"},{"b64_json":"iVBORw0K"}]}' % (kind, value)
    scanner, links = AnswerScanner(), Links(Mask([KEY]))
    return [
        segment
        for at in range(0, len(body), chunk_bytes)
        for segment in links.whole(scanner.feed(body[at : at + chunk_bytes]))
    ]


def pictures(segments: list[Segment]) -> list[bytes]:
    """The stretches of pictures."""
    return [segment.data for segment in segments if segment.kind is SegmentKind.PICTURE]


@pytest.mark.parametrize("chunk_bytes", [1, 7, 1000])
def test_a_link_passes_in_one_piece(chunk_bytes: int) -> None:
    """However it was cut; not a byte is lost or out of order, and a picture behind it passes as it comes."""
    segments = passed(LINK, chunk_bytes=chunk_bytes)

    assert pictures(segments)[0] == LINK
    assert b"".join(segment.data for segment in segments) == b'{"data":[{"url":"%b"},{"b64_json":"iVBORw0K"}]}' % LINK
    assert [segment.start.kind for segment in segments if segment.start] == ["url", "b64_json"]


def test_a_data_uri_passes_as_it_comes() -> None:
    """It is the picture itself, of any length."""
    found = pictures(passed(b"data:image/png;base64," + b"A" * 100_000, chunk_bytes=1000))
    assert len(found) > 50
    assert len(b"".join(found)) > 100_000


@pytest.mark.parametrize(
    "value",
    [
        b"javascript:alert(1)",
        b"file:///etc/passwd",
        b"//cdn.example/a.png",
        b"https://",
        b"https://cdn.example/a b",
        b"https://cdn.example/\\n",
        b"https://cdn.example/\xff",
        b"https://cdn.example/\n",
        b"https://cdn.example/\\ud800",
        b"https://cdn.example/" + b"a" * MAX_LINK_BYTES,
        b"https://cdn.example/?key=" + KEY.encode(),
        b"https://cdn.example/?key=\\u0073k-" + KEY.removeprefix("sk-").encode(),
    ],
    ids=lambda value: value[:40].decode("latin-1"),
)
def test_what_is_no_link_does_not_pass(value: bytes) -> None:
    """Another scheme, no host, what no URL is written with, too long, or our own key in it."""
    with pytest.raises(MalformedAnswer):
        passed(value)


def test_an_escaped_link_is_a_link() -> None:
    """PHP escapes slashes; it passes as it was written."""
    assert pictures(passed(rb"https:\/\/cdn.example\/a.png"))[0] == rb"https:\/\/cdn.example\/a.png"
