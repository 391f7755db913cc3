"""Writes a passing image stream anew in OpenAI's form, around pictures that go straight through.

An event is an ``event`` line, one ``data`` line and a blank one. Only events with a picture are written, so nothing
goes out before the first picture begins; comments, ``[DONE]``, unknown fields and the upstream's errors stay here.
Where the upstream tells an event's type only behind its picture, the ``event`` line follows the ``data`` line: the
standard leaves the order of the two free, and the picture cannot be held back.
"""

from typing import Any, Final

import orjson
from msgspec import Struct

from app.upstream.event_form import COMPLETED_TYPES, EVENT_TYPES, canonical_event, event_error, event_type
from app.upstream.event_lines import EventLines, EventName, Mark, Token
from app.upstream.mask import NO_KEYS, Mask
from app.upstream.scanner import (
    MAX_SKELETON_BYTES,
    AnswerScanner,
    MalformedAnswer,
    PictureStart,
    Segment,
    SegmentKind,
    check_beginning,
)

MAX_PICTURE_EVENTS: Final = 64
"""Ten pictures with three partial images each are 40."""

_BEFORE, _BEHIND = b'{"data":[', b"]}"
"""Around an event's data they make an answer of one item, which is what the scanner reads."""

_DONE = b"[DONE]"
_MAX_MARKER_BYTES = 64
_WHITE = b" \t\r\n"


class Piece(Struct, frozen=True):
    """Bytes for the client, in the order in which they are to go out."""

    data: bytes
    ends_completed: bool = False
    """This is the blank line that ends a completed event. It, and all behind it, may wait for the settlement."""


class EventWriter:
    """Rewrites one stream. Holds the skeleton of one event, never a picture."""

    __slots__ = (
        "_created",
        "_fault",
        "_has_data",
        "_lines",
        "_marker",
        "_mask",
        "_max_skeleton_bytes",
        "_name",
        "_passing",
        "_picture_events",
        "_scanner",
        "_written_type",
        "committed",
        "completed",
        "error",
        "usages",
    )

    def __init__(self, *, created: int, max_skeleton_bytes: int = MAX_SKELETON_BYTES, mask: Mask = NO_KEYS) -> None:
        """Take ``created`` (Unix seconds) for events without a time; the cap is for each event."""
        self._mask = mask
        self.committed = False
        """The first picture has begun: from here on the client is getting a 200."""
        self.completed = 0
        """Completed events that brought a picture: the number to bill."""
        self.usages: list[object] = []
        """What each completed event told of its tokens, as it told it; a picture without any is None among them."""
        self.error: dict[str, Any] | None = None
        """The first error object the upstream sent as an event, in its own words."""
        self._created = created
        self._max_skeleton_bytes = max_skeleton_bytes + len(_BEFORE) + len(_BEHIND)
        self._lines = EventLines()
        self._picture_events = 0
        self._fault = ""
        self._clear_event()

    @property
    def at_boundary(self) -> bool:
        """Whether all pieces given so far make whole events, so that a comment or an event of ours may follow them."""
        return self._written_type is None

    def feed(self, chunk: bytes) -> list[Piece]:
        """The bytes to send now: none until the first picture begins.

        Raises:
            MalformedAnswer: the stream cannot become a good one any more; all further calls say so too. Where the chunk
                ends a completed event before its fault, that picture is still given, and the next call raises.

        """
        if self._fault:
            raise MalformedAnswer(self._fault)
        pieces: list[Piece] = []
        try:
            for token in self._lines.feed(chunk):
                self._take(token, pieces)
        except MalformedAnswer as fault:
            self._fault = str(fault)
            if not any(piece.ends_completed for piece in pieces):
                raise
        return pieces

    def finish(self) -> None:
        """The upstream's body has ended.

        Raises:
            MalformedAnswer: inside an event, or a fault already raised by ``feed``.

        """
        if self._fault:
            raise MalformedAnswer(self._fault)
        if bytes(self._marker).strip() == _DONE:
            return  # nothing is missing, though its own line or blank line may be
        if self._lines.inside_line or self._has_data or self._name:
            raise MalformedAnswer("ends inside an event")

    def _clear_event(self) -> None:
        self._name = ""
        self._has_data = False
        self._marker = bytearray()  # data that is no JSON object
        self._scanner: AnswerScanner | None = None
        self._written_type: str | None = None  # None: nothing of this event is written; "": all but its type
        self._passing = False

    def _take(self, token: Token, pieces: list[Piece]) -> None:
        if isinstance(token, bytes):
            self._read(token, pieces)
        elif isinstance(token, EventName):
            self._name = token.name
        elif token is Mark.EVENT_END:
            self._end_event(pieces)
        else:
            if self._scanner is not None:
                self._join_line(self._scanner)
            self._has_data = True

    def _join_line(self, scanner: AnswerScanner) -> None:
        """A further line of data: the standard puts a line feed between the two, which no string can hold."""
        if any(segment.kind is SegmentKind.PICTURE for segment in scanner.feed(b"\n")):
            raise MalformedAnswer("a line ends inside a picture")

    def _read(self, data: bytes, pieces: list[Piece]) -> None:
        """A stretch of the event's data."""
        if self._scanner is None:
            data = data if self._marker else data.lstrip(_WHITE)
            if not data:
                return
            if self._marker or data.startswith(b"["):
                self._marker += data[: _MAX_MARKER_BYTES + 1]
                if len(self._marker) > _MAX_MARKER_BYTES:
                    raise MalformedAnswer("an event that is no JSON object")
                return
            self._scanner = AnswerScanner(max_skeleton_bytes=self._max_skeleton_bytes, mask=self._mask)
            self._scanner.feed(_BEFORE)
        for segment in self._scanner.feed(data):
            self._pass(segment, pieces)

    def _pass(self, segment: Segment, pieces: list[Piece]) -> None:
        """A picture passes; the skeleton waits for the end of the event."""
        if segment.kind is not SegmentKind.PICTURE:
            return
        if segment.start is not None:
            self._passing = self._begin(segment.start, segment.data, pieces)
        if self._passing:
            pieces.append(Piece(segment.data))

    def _begin(self, start: PictureStart, data: bytes, pieces: list[Piece]) -> bool:
        """The first byte of a picture: write what leads to it, and say whether the picture itself is to be written."""
        document = start.document["data"][start.index]
        if start.kind != "b64_json" or event_error(self._name, document) is not None:
            return False
        check_beginning(data)
        if start.index or self._written_type is not None:
            raise MalformedAnswer("more than one picture in an event")
        kind = event_type(self._name, document)
        if kind not in EVENT_TYPES:
            kind = ""  # perhaps it is told behind the picture
        self._picture_events += 1
        if self._picture_events > MAX_PICTURE_EVENTS:
            raise MalformedAnswer(f"more than {MAX_PICTURE_EVENTS} pictures")
        lead = f'event: {kind}\ndata: {{"type":"{kind}","b64_json":"' if kind else 'data: {"b64_json":"'
        pieces.append(Piece(lead.encode()))
        self._written_type = kind
        self.committed = True
        return True

    def _end_event(self, pieces: list[Piece]) -> None:
        """A blank line: now all of the event is known."""
        name, scanner, marker, written_type = self._name, self._scanner, bytes(self._marker), self._written_type
        self._clear_event()
        if marker and marker.strip() != _DONE:
            raise MalformedAnswer("an event that is no JSON object")
        if scanner is None:
            return
        document = _document(scanner)
        error = event_error(name, document)
        kind = event_type(name, document)
        if written_type is not None:
            if error is not None or kind not in EVENT_TYPES or written_type not in ("", kind):
                raise MalformedAnswer("a picture in an event of another type")
            self._write_end(kind, document, pieces, with_type=not written_type)
        if error is not None:
            self.error = self.error or error
        elif kind in COMPLETED_TYPES:
            self.completed += written_type is not None
            if written_type is not None or document.get("usage"):
                self.usages.append(document.get("usage"))

    def _write_end(self, kind: str, document: dict[str, Any], pieces: list[Piece], *, with_type: bool) -> None:
        fields = ({"type": kind} if with_type else {}) | canonical_event(kind, document, created=self._created)
        event_line = f"event: {kind}\n".encode() if with_type else b""
        pieces.append(Piece(b"".join((b'",', orjson.dumps(fields)[1:], b"\n", event_line))))
        pieces.append(Piece(b"\n", ends_completed=kind in COMPLETED_TYPES))


def _document(scanner: AnswerScanner) -> dict[str, Any]:
    """The data of a whole event without its picture.

    Raises:
        MalformedAnswer: it is not one JSON object.

    """
    scanner.feed(_BEHIND)
    answer = scanner.finish().document
    items = answer["data"]
    if len(answer) != 1 or len(items) != 1 or not isinstance(items[0], dict):
        raise MalformedAnswer("an event that is no JSON object")
    document: dict[str, Any] = items[0]
    return document
