"""Walks the small part of a passing answer and stops wherever the value of a picture begins.

The walker reads JSON in chunks cut anywhere. It does not judge the JSON (orjson does that, on the skeleton); it only
keeps enough of the path to know when a string is the value of ``$.data[i].b64_json`` or ``$.data[i].url``.
"""

import re
from typing import Final, Literal, get_args

import orjson

PictureKind = Literal["b64_json", "url"]
"""The two members of a ``data`` item that carry a picture, or the way to one (facts §2.1)."""

PICTURE_KINDS: Final[dict[str, PictureKind]] = {kind: kind for kind in get_args(PictureKind)}
MAX_DEPTH: Final = 64
"""Containers inside one another. The documented answer needs 3; orjson itself would go to 1024."""

ITEM_DEPTH: Final = 3
"""Depth of the objects inside ``data``: 1 is the answer, 2 the array, 3 its items."""

QUOTE, BACKSLASH, COMMA = b'"\\,'
OPENING = b"{["
OPEN_OBJECT, OPEN_ARRAY = OPENING

# What the walker looks for next is its state. Each pattern ends on the byte that matters; strings that do not matter
# are skipped whole, and one with an escape in it, or cut by the end of the chunk, stops the skip at its opening quote.
_OUTSIDE: Final = re.compile(rb"[ \t\r\n]*+[^ \t\r\n]")
"""Before the answer and after it only white space may stand."""
_KEY: Final = re.compile(rb'[^"{}\[\],]*+(?:"([^"\\]*+)"|["{}\[\],])')
"""In an object on the path to a picture, behind its brace or a comma."""
_VALUE: Final = re.compile(rb'(?:[^"{}\[\],]++|"[^"\\]*+")*+["{}\[\],]')
"""On the path, behind any other key: brackets and commas count."""
_PICTURE: Final = re.compile(rb'[^"{}\[\],]*+["{}\[\],]')
"""In an item of ``data``, behind a picture's key: a string here is a picture."""
_OFF_PATH: Final = re.compile(rb'(?:[^"{}\[\]]++|"[^"\\]*+")*+["{}\[\]]')
"""Only brackets count."""
_STRING: Final = re.compile(rb'(?:[^"\\]++|\\.)*+"', re.DOTALL)
"""The rest of a string, with its closing quote."""


class MalformedAnswer(ValueError):
    """The upstream's body is not one complete JSON object of a size and depth we accept."""


def string_end(chunk: bytes, start: int, *, after_backslash: bool) -> int:
    """The index of the quote that ends the string ``chunk[start:]`` is inside of, or -1 if it is not in this chunk.

    ``after_backslash`` says that the byte at ``start`` is escaped by the last byte of the chunk before. One
    ``bytes.find`` does it unless the string holds an escaped quote, which neither base64 nor a URL does.
    """
    position = start + after_backslash
    quote = chunk.find(b'"', position)
    if quote < 0 or not ends_in_escape(chunk, position, quote):
        return quote
    found = _STRING.match(chunk, position)
    return found.end() - 1 if found else -1


def ends_in_escape(chunk: bytes, start: int, end: int) -> bool:
    """Whether ``chunk[start:end]`` ends in an odd number of backslashes, so that the byte at ``end`` is escaped."""
    if end <= start or chunk[end - 1] != BACKSLASH:
        return False
    piece = chunk[start:end]
    return (len(piece) - len(piece.rstrip(b"\\"))) % 2 == 1


class SkeletonWalker:
    """Where in the answer we stand: how deep, behind which key, in which item of ``data``."""

    __slots__ = (
        "_after_backslash",
        "_depth",
        "_in_key",
        "_in_string",
        "_key",
        "_key_bytes",
        "_path_depth",
        "_pattern",
        "_seen_data",
        "complete",
        "item_index",
        "picture",
    )

    def __init__(self) -> None:
        self.complete = False
        """The answer's closing brace has passed."""
        self.item_index = 0
        """Position in ``data`` of the item we are in."""
        self.picture: PictureKind | None = None
        """Set when ``walk`` has stopped behind the opening quote of a picture's value."""
        self._pattern = _OUTSIDE
        self._depth = 0
        self._path_depth = 0  # how many of the open containers, from the outermost in, lie on the path to a picture
        self._key = ""  # the last key on the path
        self._key_bytes = bytearray()  # of a key with escapes, or cut by the end of a chunk
        self._in_string = False
        self._in_key = False
        self._after_backslash = False
        self._seen_data = False

    def walk(self, chunk: bytes, position: int, end: int) -> int:
        """Read on from ``position``; stop behind the opening quote of a picture's value, else at ``end``, or behind it.

        There it stops between two tokens: a long chunk of nothing but commas would keep everybody waiting. The caller
        sees the value pass and walks on behind its closing quote.

        Raises:
            MalformedAnswer: not an object, nested too deep, bytes behind the end, or a second ``data``.

        """
        self.picture = None
        while position < end and self.picture is None:
            position = self._read_string(chunk, position) if self._in_string else self._read_token(chunk, position)
        return position

    def _read_token(self, chunk: bytes, position: int) -> int:
        """Go behind the next byte that matters."""
        found = self._pattern.match(chunk, position)
        if found is None:
            return len(chunk)
        position = found.end()
        byte = chunk[position - 1]
        if self._depth == 0 and (byte != OPEN_OBJECT or self.complete):
            raise MalformedAnswer("bytes after the end of the answer" if self.complete else "not a JSON object")
        if byte == QUOTE:
            if found.lastindex:
                self._end_key(found[1])
            else:
                self._open_string()
        elif byte == COMMA:
            self._next_element()
        elif byte in OPENING:
            self._open_container(byte)
        else:
            self._close_container()
        return position

    def _open_string(self) -> None:
        """A picture, a key that the pattern could not take whole, or of no interest."""
        if self._pattern is _PICTURE:
            self.picture = PICTURE_KINDS[self._key]
        else:
            self._in_string = True
            self._in_key = self._pattern is _KEY

    def _read_string(self, chunk: bytes, position: int) -> int:
        """Go behind the end of the string we are in, or to the end of the chunk."""
        quote = string_end(chunk, position, after_backslash=self._after_backslash)
        stop = quote if quote >= 0 else len(chunk)
        if self._in_key:
            self._key_bytes += chunk[position:stop]
        if quote < 0:
            self._after_backslash = ends_in_escape(chunk, position + self._after_backslash, stop)
            return stop
        self._in_string = self._after_backslash = False
        if self._in_key:
            self._end_key(bytes(self._key_bytes))
            self._key_bytes.clear()
        return stop + 1

    def _end_key(self, raw: bytes) -> None:
        self._key = _decode_key(raw)
        self._pattern = _PICTURE if self._depth == ITEM_DEPTH and self._key in PICTURE_KINDS else _VALUE
        if self._depth == 1 and self._key == "data":
            # JSON readers keep the last of two equal keys; the pictures of the first would already be on their way.
            if self._seen_data:
                raise MalformedAnswer("a second data member")
            self._seen_data = True

    def _next_element(self) -> None:
        """A comma on the path: the next item of ``data``, or the next key of an object."""
        if self._depth == ITEM_DEPTH - 1:
            self.item_index += 1
        else:
            self._pattern = _KEY

    def _open_container(self, byte: int) -> None:
        if self._path_depth == self._depth and self._leads_to_picture(byte):
            self._path_depth += 1
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise MalformedAnswer(f"nested deeper than {MAX_DEPTH}")
        if self._path_depth < self._depth:
            self._pattern = _OFF_PATH
        else:
            self._pattern = _KEY if byte == OPEN_OBJECT else _VALUE

    def _leads_to_picture(self, byte: int) -> bool:
        """Whether a container opened here, in one on the path, is on it too: ``{``, then ``data`` ``[``, then ``{``."""
        if self._depth == 1:
            return byte == OPEN_ARRAY and self._key == "data"
        return byte == OPEN_OBJECT and self._depth < ITEM_DEPTH

    def _close_container(self) -> None:
        self._depth -= 1
        self._path_depth = min(self._path_depth, self._depth)
        self.complete = self._depth == 0
        if self.complete:
            self._pattern = _OUTSIDE
        else:
            self._pattern = _OFF_PATH if self._path_depth < self._depth else _VALUE


def _decode_key(raw: bytes) -> str:
    """The key as a reader of JSON sees it; "" if it is none (the parse of the whole skeleton will say so)."""
    try:
        key = orjson.loads(b'"%b"' % raw) if BACKSLASH in raw else raw.decode()
    except ValueError:
        return ""
    return str(key)
