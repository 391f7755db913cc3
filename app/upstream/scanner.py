"""Watches an upstream answer pass: tells the pictures from the skeleton, in constant memory.

An answer is 0.3 KB to 40 MB of JSON, nearly all of it base64 in ``data[].b64_json``. The scanner keeps the *skeleton*,
the same JSON with every picture replaced by ``""`` (a few hundred bytes), and lets the pictures go by at the speed of
``bytes.find``. It does not care whether ``usage`` comes before ``data`` or after it.

Of the bytes of a picture only those that come first are looked at (`check_beginning`): an upstream that puts a control
character or a bad escape further inside is passed on as it is, for each look at every byte would cost as much as
receiving it.
"""

import re
from enum import Enum
from typing import Any, Final

import orjson
from msgspec import Struct

from app.upstream.mask import NO_KEYS, Mask
from app.upstream.skeleton import MalformedAnswer, PictureKind, SkeletonWalker, ends_in_escape, string_end

__all__ = [
    "Answer",
    "AnswerScanner",
    "MalformedAnswer",
    "Picture",
    "PictureKind",
    "PictureStart",
    "Segment",
    "SegmentKind",
    "check_beginning",
]

MAX_SKELETON_BYTES: Final = 64 * 1024
"""Ten items with the longest revised prompt seen stay below half of it."""

MAX_PICTURES: Final = 64
"""Documented answers bring at most 10, Seedream's series 15. Each costs a parse of the skeleton so far."""

_LOOKED_AT_BYTES: Final = 256
_NOT_IN_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/=_\\:;,.-]")
"""What base64 has none of, however it is escaped and whether or not it begins as a data URI."""

_CLOSING: Final = b'"}]}'
"""A picture can only begin in a string in an item in ``data`` in the answer; this closes the four of them."""


class SegmentKind(Enum):
    """What a stretch of the answer belongs to."""

    SKELETON = "skeleton"
    PICTURE = "picture"


class Picture(Struct, frozen=True):
    """A non-empty ``b64_json`` or ``url`` that passed, or is passing."""

    index: int
    """Position of its item in ``data``; an item with both members has two pictures of one index."""
    kind: PictureKind
    length_bytes: int
    """Bytes between the quotes as they passed, so far; escapes count as written."""


class PictureStart(Struct, frozen=True):
    """What is known at the moment a picture begins."""

    index: int
    kind: PictureKind
    document: dict[str, Any]
    """All that came before, parsed as if the answer ended here; the picture is the last member of its item, ``""``."""


class Segment(Struct, frozen=True):
    """A stretch of the answer as it passed. The quotes around a picture belong to the skeleton."""

    kind: SegmentKind
    data: bytes
    start: PictureStart | None = None
    """Set on the first segment of each picture."""


class Answer(Struct, frozen=True):
    """A complete answer without its pictures."""

    document: dict[str, Any]
    """The parsed skeleton: every picture is ``""``."""
    pictures: tuple[Picture, ...]

    @property
    def delivered(self) -> int:
        """Items of ``data`` that brought a picture: the number to bill, not the number asked for."""
        return len({picture.index for picture in self.pictures})


class AnswerScanner:
    """Reads one answer; chunks may be cut anywhere, even inside an escape."""

    __slots__ = (
        "_after_backslash",
        "_fault",
        "_length_bytes",
        "_mask",
        "_max_skeleton_bytes",
        "_pictures",
        "_skeleton",
        "_start",
        "_walker",
        "committed",
    )

    def __init__(self, *, max_skeleton_bytes: int = MAX_SKELETON_BYTES, mask: Mask = NO_KEYS) -> None:
        """Take a cap, and what is masked in all that is told of the answer; pictures are none of that."""
        self._mask = mask
        self.committed = False
        """The first picture has begun: from here on the client is getting a 200."""
        self._max_skeleton_bytes = max_skeleton_bytes
        self._walker = SkeletonWalker()
        self._skeleton = bytearray()
        self._pictures: list[Picture] = []
        self._start: PictureStart | None = None  # of the picture in progress
        self._length_bytes = 0
        self._after_backslash = False
        self._fault = ""

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Every picture that has begun; the last may still be growing."""
        return (*self._pictures, *self._in_progress())

    def feed(self, chunk: bytes) -> list[Segment]:
        """Cut the chunk into segments that joined are the chunk again; a chunk wholly inside a picture is not copied.

        Raises:
            MalformedAnswer: the answer cannot become a good one any more; all further calls say so too.

        """
        if self._fault:
            raise MalformedAnswer(self._fault)
        segments: list[Segment] = []
        position, end = 0, len(chunk)
        try:
            while position < end:
                if self._walker.picture is None:
                    position = self._pass_skeleton(chunk, position, position, segments)
                else:
                    position = self._pass_picture(chunk, position, segments)
        except MalformedAnswer as fault:
            self._fault = str(fault)
            raise
        return segments

    def finish(self) -> Answer:
        """The answer, once the upstream's body has ended.

        Raises:
            MalformedAnswer: incomplete, not JSON, not UTF-8, or a fault already raised by ``feed``.

        """
        if self._fault:
            raise MalformedAnswer(self._fault)
        if not self._walker.complete:
            raise MalformedAnswer("ends before its JSON does")
        return Answer(document=self._parse(bytes(self._skeleton)), pictures=self.pictures)

    def _pass_skeleton(self, chunk: bytes, start: int, walk_from: int, segments: list[Segment]) -> int:
        """Keep the skeleton from ``start`` up to the next picture; the walker has no business before ``walk_from``."""
        room_bytes = self._max_skeleton_bytes - len(self._skeleton)
        stop = self._walker.walk(chunk, walk_from, min(len(chunk), start + room_bytes + 1))
        if stop - start > room_bytes:
            raise MalformedAnswer(f"more than {self._max_skeleton_bytes} bytes beside the pictures")
        piece = chunk[start:stop]
        self._skeleton += piece
        segments.append(Segment(SegmentKind.SKELETON, piece))
        return stop

    def _pass_picture(self, chunk: bytes, position: int, segments: list[Segment]) -> int:
        """Let the picture's value pass, and the skeleton that follows its closing quote."""
        quote = string_end(chunk, position, after_backslash=self._after_backslash)
        stop = quote if quote >= 0 else len(chunk)
        if stop > position:  # an empty value is no picture
            start = self._begin() if self._start is None else None
            self._length_bytes += stop - position
            segments.append(Segment(SegmentKind.PICTURE, chunk[position:stop], start))
        if quote < 0:
            self._after_backslash = ends_in_escape(chunk, position + self._after_backslash, stop)
            return stop
        self._end()
        return self._pass_skeleton(chunk, quote, quote + 1, segments)

    def _begin(self) -> PictureStart:
        """The first byte of a picture: what came before must be good JSON, as it can not be taken back afterwards."""
        kind = self._walker.picture
        if kind is None:
            raise AssertionError("a picture begins only where the walker stopped at one")
        if len(self._pictures) == MAX_PICTURES:
            raise MalformedAnswer(f"more than {MAX_PICTURES} pictures")
        document = self._parse(bytes(self._skeleton) + _CLOSING)
        self._start = PictureStart(self._walker.item_index, kind, document)
        self.committed = True
        return self._start

    def _parse(self, skeleton: bytes) -> dict[str, Any]:
        """Parse a skeleton, which the walker has seen begin with a brace."""
        try:
            document: dict[str, Any] = orjson.loads(skeleton)
        except orjson.JSONDecodeError as error:
            raise MalformedAnswer(f"not JSON: {error.msg}") from None
        return self._mask.document(document) if self._mask.may_be_in(skeleton) else document

    def _end(self) -> None:
        self._pictures.extend(self._in_progress())
        self._start = None
        self._length_bytes = 0
        self._after_backslash = False

    def _in_progress(self) -> tuple[Picture, ...]:
        """The picture passing now, if there is one."""
        if self._start is None:
            return ()
        return (Picture(self._start.index, self._start.kind, self._length_bytes),)


def check_beginning(data: bytes) -> None:
    """Look at what came first of a picture in base64, before anything is promised.

    Raises:
        MalformedAnswer: it is none, but bytes nobody encoded, base64 in lines, a page or a sentence.

    """
    if _NOT_IN_BASE64.search(data, 0, _LOOKED_AT_BYTES):
        raise MalformedAnswer("a picture that is none")
