"""The bytes of one request as they go to the socket: head, body framing, and the checks on both.

Nothing is added to what the ``httpx.Request`` says, except what HTTP/1.1 cannot do without: Host and the framing.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence

import httpx

SLICE_BYTES = 256 * 1024
"""A larger body is handed to the socket in slices of this size, so that the write deadline can see it move."""

_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class Outgoing:
    """A checked request: ``pieces()`` yields what to write, the head together with the first of the body.

    ``absolute`` writes the whole URL into the request line, as a forwarding proxy wants it; ``extra_headers`` are for
    that proxy. A request that would not be one well-formed message raises ``httpx.LocalProtocolError``.
    """

    __slots__ = ("_body", "_chunked", "_head", "_length", "_stream", "method", "whole")

    def __init__(
        self, request: httpx.Request, *, absolute: bool = False, extra_headers: Sequence[tuple[bytes, bytes]] = ()
    ) -> None:
        self.method = request.method
        self._stream = request.stream
        self._body = b"".join(request.stream) if isinstance(request.stream, httpx.ByteStream) else None
        headers = [*request.headers.raw, *extra_headers]
        names = {name.lower(): value for name, value in headers}
        if b"host" not in names:
            headers.insert(0, (b"Host", request.url.netloc))
        if b"transfer-encoding" not in names and b"content-length" not in names:
            framing = _framing_header(request.method, self._body)
            headers += framing
            names |= {name.lower(): value for name, value in framing}
        self._chunked = b"transfer-encoding" in names
        self._length = _announced_length(names)
        if self._chunked and b"content-length" in names:
            raise httpx.LocalProtocolError("a request has either Content-Length or Transfer-Encoding")
        self._head = _head(request, headers, absolute=absolute)
        self.whole = self._joined()
        """The entire request when it is small enough for one write; this is what almost every request is."""

    async def pieces(self) -> AsyncGenerator[bytes | memoryview]:
        """What to write, in order.

        A stream is asked for its first piece before anything is yielded, so one that fails at once fails before
        dispatch.
        """
        before = self._head
        sent = 0
        async for piece in self._body_pieces():
            sent += len(piece)
            if not self._chunked and sent > self._length:
                raise httpx.LocalProtocolError("the request's body is longer than its Content-Length")
            if self._chunked:
                yield b"%b%x\r\n%b\r\n" % (before, len(piece), bytes(piece))
            elif before:
                yield before + piece
            else:
                yield piece
            before = b""
        if not self._chunked and sent < self._length:
            raise httpx.LocalProtocolError("the request's body is shorter than its Content-Length")
        if self._chunked:
            yield before + b"0\r\n\r\n"
        elif before:
            yield before

    async def _body_pieces(self) -> AsyncIterator[bytes | memoryview]:
        if self._body is not None:
            view = memoryview(self._body)
            for start in range(0, len(view), SLICE_BYTES):
                yield view[start : start + SLICE_BYTES]
            return
        if not isinstance(self._stream, httpx.AsyncByteStream):
            raise httpx.LocalProtocolError("the request's body is a synchronous stream")
        async for piece in self._stream:
            if piece:  # an empty piece would end a chunked body
                yield piece

    def _joined(self) -> bytes | None:
        body = self._body
        if body is None or self._chunked:
            return None
        if len(body) != self._length:
            raise httpx.LocalProtocolError("the request's body does not have its Content-Length")
        return self._head + body if len(body) <= SLICE_BYTES else None


def _announced_length(headers: Mapping[bytes, bytes]) -> int:
    length = headers.get(b"content-length", b"0")
    if not length.isdigit():
        raise httpx.LocalProtocolError("the request's Content-Length is not a number")
    return int(length)


def _framing_header(method: str, body: bytes | None) -> list[tuple[bytes, bytes]]:
    if body is None:
        return [(b"Transfer-Encoding", b"chunked")]
    return [(b"Content-Length", b"%d" % len(body))] if body or method in _WITH_BODY else []


def _head(request: httpx.Request, headers: Sequence[tuple[bytes, bytes]], *, absolute: bool) -> bytes:
    url = request.url
    target = b"%b://%b%b" % (url.raw_scheme, url.netloc, url.raw_path) if absolute else url.raw_path
    lines = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), target)]
    lines += [b"%b: %b" % header for header in headers]
    head = b"\r\n".join(lines) + b"\r\n\r\n"
    # httpx lets line breaks through: counted here, a header value can never become a header or a request of its own.
    breaks = len(lines) + 1
    if head.count(b"\n") != breaks or head.count(b"\r") != breaks or b"\0" in head:
        raise httpx.LocalProtocolError("a line break or NUL in the request's head")
    return head
