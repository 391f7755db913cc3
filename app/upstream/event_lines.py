"""Splits a passing ``text/event-stream`` into what its lines mean, without ever holding a line.

A line of ``data`` may be megabytes long, so it is handed on in stretches as it comes; of the other lines only the name
of an event matters. Line ends, the optional space and the byte order mark are those of the HTML standard, §9.2.6.
"""

import re
from collections.abc import Iterator
from enum import Enum
from typing import Final

from msgspec import Struct

from app.upstream.skeleton import MalformedAnswer

MAX_EVENT_NAME_BYTES: Final = 128
"""The longest documented name has 30."""

MAX_FIELD_NAME_BYTES: Final = 32
"""The standard knows ``data``, ``event``, ``id`` and ``retry``; other fields are read over, but not for ever."""

MAX_LINES: Final = 16_384
"""A ping a second through the longest generation is 2,000; each line costs a few microseconds."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_FIELD_NAME = re.compile(rb"[\w-]*", re.ASCII)
_RETURN, _FEED = b"\r\n"


class EventName(Struct, frozen=True):
    """The value of an ``event`` line."""

    name: str


class Mark(Enum):
    """Where in the stream we are."""

    DATA_LINE = "data line"
    """A line of data begins; its bytes follow."""
    EVENT_END = "event end"
    """A blank line, which ends an event if one was begun."""


Token = bytes | EventName | Mark
"""``bytes`` are a stretch of the data line we are in; they hold no line end."""


class EventLines:
    """Reads one stream; chunks may be cut anywhere, even between the two bytes of a line end."""

    __slots__ = ("_after_return", "_field", "_first_line", "_lines", "_name", "_value")

    def __init__(self) -> None:
        self._name = bytearray()  # of the field, as long as its colon has not passed
        self._field: bytes | None = None  # whose value we are in
        self._value = bytearray()  # of an event line
        self._lines = 0
        self._first_line = True
        self._after_return = False  # a line feed now belongs to the line end before

    @property
    def inside_line(self) -> bool:
        """Whether a line has begun and not ended; a byte order mark begins none."""
        if self._first_line and self._name == _BYTE_ORDER_MARK:
            return False
        return bool(self._name) or self._field is not None

    def feed(self, chunk: bytes) -> Iterator[Token]:
        """What this chunk brings; a chunk wholly inside a data line is not copied.

        Raises:
            MalformedAnswer: a line that cannot be one of an event stream, a name above its cap, or too many lines.

        """
        position, end = 0, len(chunk)
        if end and self._after_return:
            position = int(chunk[0] == _FEED)
            self._after_return = False
        line_ends = _LineEnds(chunk)
        while position < end:
            stop = line_ends.next(position)
            yield from self._read(chunk, position, stop)
            if stop == end:
                return
            yield self._end_line()
            position = stop + 1
            if chunk[stop] == _RETURN:
                self._after_return = position == end
                position += chunk[position : position + 1] == b"\n"

    def _read(self, chunk: bytes, position: int, stop: int) -> Iterator[Token]:
        """A stretch of one line."""
        if self._field is None:
            colon = chunk.find(b":", position, stop)
            self._grow(self._name, chunk[position : colon if colon >= 0 else stop], MAX_FIELD_NAME_BYTES)
            if colon < 0:
                return
            self._field = self._take_name()
            position = colon + 1
            if self._field == b"data":
                yield Mark.DATA_LINE
        if self._field == b"data" and position < stop:
            yield chunk[position:stop]
        elif self._field == b"event":
            self._grow(self._value, chunk[position:stop], MAX_EVENT_NAME_BYTES)

    def _end_line(self) -> Token:
        """What a whole line was: an empty stretch of data where it says nothing."""
        self._lines += 1
        if self._lines > MAX_LINES:
            raise MalformedAnswer(f"more than {MAX_LINES} lines")
        field, self._field = self._field, None
        if field is None:  # a line without a colon is a field without a value
            field = self._take_name()
            if not field:
                return Mark.EVENT_END
            if field == b"data":
                return Mark.DATA_LINE
        if field != b"event":
            return b""
        name = self._value.removeprefix(b" ").decode(errors="replace")
        self._value.clear()
        return EventName(name)

    def _take_name(self) -> bytes:
        """The name of the line's field; a comment has an empty one."""
        name = bytes(self._name)
        self._name.clear()
        if self._first_line:
            self._first_line = False
            name = name.removeprefix(_BYTE_ORDER_MARK)
        if not _FIELD_NAME.fullmatch(name):
            raise MalformedAnswer("not an event stream")
        return name

    @staticmethod
    def _grow(held: bytearray, piece: bytes, most_bytes: int) -> None:
        if len(held) + len(piece) > most_bytes:
            raise MalformedAnswer(f"more than {most_bytes} bytes in a name of the event stream")
        held += piece


class _LineEnds:
    """The line ends of a chunk, in order; each byte is looked at once for each of the two, however short the lines."""

    __slots__ = ("_chunk", "_feed", "_return")

    def __init__(self, chunk: bytes) -> None:
        self._chunk = chunk
        self._feed = self._return = -1

    def next(self, position: int) -> int:
        """The index of the first line end from ``position`` on, or the chunk's length."""
        if self._feed < position:
            self._feed = self._find(b"\n", position)
        if self._return < position:
            self._return = self._find(b"\r", position)
        return min(self._feed, self._return)

    def _find(self, byte: bytes, position: int) -> int:
        found = self._chunk.find(byte, position)
        return found if found >= 0 else len(self._chunk)
