"""Holds a link of an answer back until all of it is here: unlike a picture it is short, and what it says matters."""

import re
from collections.abc import Iterable
from typing import Final

import orjson

from app.upstream.mask import Mask
from app.upstream.scanner import MalformedAnswer, PictureStart, Segment, SegmentKind, check_beginning

MAX_LINK_BYTES: Final = 16 * 1024
"""The longest of an object store, signed with a session token, take 2 KB."""

_DATA_URI: Final = b"data:"
"""The picture itself in place of a link to it; it passes like one."""
_IS_LINK: Final = re.compile(r"https?://[!-~]+", re.IGNORECASE)
"""A URL is written in visible ASCII (RFC 3986 §2)."""


class Links:
    """Passes the segments of one answer on, each link in one piece."""

    __slots__ = ("_held", "_mask", "_start")

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._start: PictureStart | None = None  # of the link that is held
        self._held = b""

    def whole(self, segments: Iterable[Segment]) -> list[Segment]:
        """The segments that may pass now.

        Raises:
            MalformedAnswer: a link that is none, or has a key of ours in it.

        """
        passing: list[Segment] = []
        for segment in segments:
            if segment.start is not None and segment.start.kind == "url":
                self._start, self._held = segment.start, b""
            if self._start is None:
                passing.append(segment)
            elif segment.kind is SegmentKind.PICTURE:
                self._hold(segment.data, passing)
            else:
                self._check()
                passing += [self._release(), segment]
        return passing

    def _hold(self, data: bytes, passing: list[Segment]) -> None:
        self._held += data
        if self._held.startswith(_DATA_URI):
            check_beginning(self._held)
            passing.append(self._release())
        elif len(self._held) > MAX_LINK_BYTES:
            raise MalformedAnswer(f"a link of more than {MAX_LINK_BYTES} bytes")

    def _release(self) -> Segment:
        segment = Segment(SegmentKind.PICTURE, self._held, self._start)
        self._start, self._held = None, b""
        return segment

    def _check(self) -> None:
        try:
            link = str(orjson.loads(b'"%b"' % self._held))
        except orjson.JSONDecodeError:
            raise MalformedAnswer("a link that is no JSON") from None
        if not _IS_LINK.fullmatch(link):
            raise MalformedAnswer("a link that leads nowhere")
        if self._mask.hides(link):
            raise MalformedAnswer("a link with a key of ours in it")
