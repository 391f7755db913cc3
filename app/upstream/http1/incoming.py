"""One HTTP/1.1 answer taken out of the bytes of a connection: pure parsing, no I/O.

httptools (llhttp, strict) reads the head and the chunked framing. A body of known length, or one that ends with the
connection, is cut out here instead: it needs no parser, and a 256 KiB read then costs one copy and no scan.
"""

import enum

import httptools
import httpx

MAX_INTERIM_ANSWERS = 16
"""1xx answers skipped before the real one; honest servers send one or two (100, 103)."""

_END_OF_HEAD = b"\r\n\r\n"


class Framing(enum.Enum):
    """How the end of a body is known (RFC 9112 §6.3)."""

    LENGTH = enum.auto()
    CHUNKED = enum.auto()
    UNTIL_CLOSE = enum.auto()


class Incoming:
    """The answer to one request, filled by :meth:`feed` and emptied by :meth:`take`.

    ``is_reusable`` says whether the connection stands right after this answer, ready for another request; it means
    something once ``is_complete``. Bytes that break HTTP raise ``httpx.RemoteProtocolError``.
    """

    def __init__(self, *, to_head: bool, max_header_bytes: int) -> None:
        self.status = 0
        self.reason = b""
        self.http_version = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.has_head = False
        self.is_complete = False
        self.is_reusable = False
        self.in_hand_bytes = 0
        self._to_head = to_head
        self._max_header_bytes = max_header_bytes
        self._parser: httptools.HttpResponseParser | None = None
        self._framing = Framing.UNTIL_CLOSE
        self._keep_alive = False
        self._left = 0  # body bytes still to come, when the framing is LENGTH
        self._pieces: list[bytes] = []
        self._unparsed = b""
        self._unproductive = 0
        self._interims = 0
        self._ended = False

    def feed(self, data: memoryview) -> None:
        """Take what the socket gave; the view may be overwritten afterwards."""
        if self.is_complete:
            self.is_reusable = False  # nobody asked for these bytes: what else this server gets wrong is unknown
        elif self.has_head:
            self._feed_body(data)
        else:
            self._feed_head(bytes(data))

    def feed_eof(self) -> None:
        """The server has closed its side: the end of some bodies, a cut for all others."""
        if self.is_complete:
            self.is_reusable = False
        elif self.has_head and self._framing is Framing.UNTIL_CLOSE:
            self._complete(reusable=False)
        elif self.has_head:
            raise httpx.RemoteProtocolError("the server closed the connection in the middle of a body")
        elif self._unparsed:
            raise httpx.RemoteProtocolError("the server closed the connection in the middle of a head")
        else:
            raise httpx.RemoteProtocolError("the server closed the connection without an answer")

    def take(self) -> bytes:
        """All body bytes in hand, as one chunk; empty when there are none."""
        pieces, self._pieces, self.in_hand_bytes = self._pieces, [], 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _feed_head(self, data: bytes) -> None:
        searched = max(0, len(self._unparsed) - len(_END_OF_HEAD) + 1)
        unparsed = self._unparsed + data
        while not self.has_head:
            end = unparsed.find(_END_OF_HEAD, searched)
            length = len(unparsed) if end < 0 else end + len(_END_OF_HEAD)
            if length > self._max_header_bytes:
                raise httpx.RemoteProtocolError(f"the answer's head is larger than {self._max_header_bytes} bytes")
            if end < 0:
                self._unparsed = unparsed
                return
            self._parse_head(unparsed[:length])
            unparsed, searched = unparsed[length:], 0
        self._unparsed = b""
        if unparsed:
            self.feed(memoryview(unparsed))

    def _parse_head(self, head: bytes) -> None:
        """Parse one whole head; an interim one is counted and forgotten."""
        if not head.startswith(b"HTTP/1."):
            raise httpx.RemoteProtocolError("the answer is not HTTP/1.x")
        self._parser = parser = httptools.HttpResponseParser(self)
        self._keep_alive = self._ended = False
        self._parse(parser, head)
        self.status = parser.get_status_code()
        if self.status < 100:
            raise httpx.RemoteProtocolError(f"the answer has status {self.status}")
        if self.status < 200:
            self._skip_interim()
            return
        self._framing, self._left = _framing(self.status, self._to_head, self.headers)
        self.http_version = head[:8]
        self.has_head = True
        if self._framing is not Framing.CHUNKED:
            self._parser = None
        if self._framing is Framing.LENGTH and not self._left:
            self._complete(reusable=self._keep_alive)

    def _skip_interim(self) -> None:
        if self.status == 101:
            raise httpx.RemoteProtocolError("the server switched protocols unasked")
        self._interims += 1
        if self._interims > MAX_INTERIM_ANSWERS:
            raise httpx.RemoteProtocolError(f"more than {MAX_INTERIM_ANSWERS} interim answers")
        self.reason = b""
        self.headers = []

    def _feed_body(self, data: memoryview) -> None:
        if self._framing is Framing.CHUNKED:
            self._feed_chunked(data)
        elif self._framing is Framing.UNTIL_CLOSE:
            self.on_body(bytes(data))
        else:
            self.on_body(bytes(data[: self._left]))
            self._left -= len(data)  # negative: the server sent more than it had announced
            if self._left <= 0:
                self._complete(reusable=self._keep_alive and self._left == 0)

    def _feed_chunked(self, data: memoryview) -> None:
        if self._parser is None:
            raise AssertionError("a chunked body keeps its parser until it is complete")
        before = self.in_hand_bytes
        self._parse(self._parser, data)
        if self._ended:
            self._complete(reusable=self.is_reusable)
            return
        # Chunk extensions and trailers are read and dropped; endless ones count against the cap of the head.
        self._unproductive = 0 if self.in_hand_bytes > before else self._unproductive + len(data)
        if self._unproductive > self._max_header_bytes:
            raise httpx.RemoteProtocolError(f"more than {self._max_header_bytes} bytes of chunk framing without a body")

    def _parse(self, parser: httptools.HttpResponseParser, data: bytes | memoryview) -> None:
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self._ended:
                raise httpx.RemoteProtocolError(f"the answer is not valid HTTP: {error}") from error
            self.is_reusable = False  # the answer is whole; what follows it is not for us

    def _complete(self, *, reusable: bool) -> None:
        self.is_complete = True
        self.is_reusable = reusable
        self._parser = None  # it refers back to this answer: without this, only the cycle collector would free both

    # Called by httptools.

    def on_message_begin(self) -> None:
        """Stop at a second answer in the same bytes: the first one is whole and nothing more was asked for."""
        if self._ended:
            raise httpx.RemoteProtocolError("bytes after the end of the answer")

    def on_status(self, reason: bytes) -> None:
        """Keep the reason phrase as it came."""
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header as it came; trailers are dropped."""
        if not self.has_head:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Ask about keep-alive now: the parser forgets once the message ends, which may be in this very call."""
        if self._parser is not None:
            self._keep_alive = self._parser.should_keep_alive()

    def on_body(self, piece: bytes) -> None:
        """Keep a piece of the body until it is taken."""
        self._pieces.append(piece)
        self.in_hand_bytes += len(piece)

    def on_message_complete(self) -> None:
        """The last chunk and its trailers have passed."""
        self._ended = True
        self.is_reusable = self._keep_alive


def _framing(status: int, to_head: bool, headers: list[tuple[bytes, bytes]]) -> tuple[Framing, int]:
    """How this body ends, and its length if that is known; contradictions were refused by the parser already."""
    if to_head or status in {204, 304}:
        return Framing.LENGTH, 0
    codings: list[bytes] = []
    length: int | None = None
    for name, value in headers:
        lowered = name.lower()
        if lowered == b"content-length":
            length = int(value)
        elif lowered == b"transfer-encoding":
            codings.append(value.strip().lower())
    if codings and codings != [b"chunked"]:
        raise httpx.RemoteProtocolError("the answer uses a transfer coding other than chunked")
    if codings:
        return Framing.CHUNKED, 0
    return (Framing.UNTIL_CLOSE, 0) if length is None else (Framing.LENGTH, length)
