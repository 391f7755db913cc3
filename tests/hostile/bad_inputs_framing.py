"""Bad inputs: where a message begins and ends, which two readers must never see differently (RFC 9112 §11.2)."""

from tests.hostile.bad_inputs_row import BOAT, QUOTE, Line, Row, head

_SMUGGLED = b"0\r\n\r\nGET /v1/models HTTP/1.1\r\nHost: gateway\r\n\r\n"
_HTTP = "invalid_http"
_CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BOAT), BOAT)


def _chunked(body: bytes, *lines: str, coding: str = "chunked") -> bytes:
    return head(f"Transfer-Encoding: {coding}", *lines) + body


def _quote(body: bytes, *lines: str | bytes) -> bytes:
    return head(*lines, target=QUOTE) + body


FRAMING = (
    Row("`Content-Length` and `Transfer-Encoding: chunked`", _chunked(_SMUGGLED, "Content-Length: 6"), 400, _HTTP),
    Row("the same, the other way round",
        head("Content-Length: 6", "Transfer-Encoding: chunked") + _SMUGGLED, 400, _HTTP),
    Row("two different `Content-Length`", head("Content-Length: 82", "Content-Length: 3") + BOAT, 400, _HTTP),
    Row("two equal `Content-Length`", head("Content-Length: 82", "Content-Length: 82") + BOAT, 400, _HTTP),
    Row("`Content-Length: 82, 82`", head("Content-Length: 82, 82") + BOAT, 400, _HTTP),
    Row("`Content-Length: +82`", head("Content-Length: +82") + BOAT, 400, _HTTP),
    Row("`Content-Length: -1`", head("Content-Length: -1") + BOAT, 400, _HTTP),
    Row("`Content-Length: 0x52`", head("Content-Length: 0x52") + BOAT, 400, _HTTP),
    Row("`Content-Length: 8 2`", head("Content-Length: 8 2") + BOAT, 400, _HTTP),
    Row("`Content-Length` without a value", head("Content-Length:") + BOAT, 400, _HTTP),
    Row("`Content-Length` of 30 digits", head("Content-Length: " + "9" * 30) + BOAT, 400, _HTTP),
    Row("`Content-Length` of 19 digits", head("Content-Length: " + "9" * 19), 413, "request_too_large"),
    Row("`Transfer-Encoding` twice, both `chunked`", _chunked(_CHUNKED, "Transfer-Encoding: chunked"), 400, _HTTP),
    Row("`Transfer-Encoding: chunked, chunked`", _chunked(_CHUNKED, coding="chunked, chunked"), 400, _HTTP),
    Row("`Transfer-Encoding: xchunked`", _chunked(_CHUNKED, coding="xchunked"), 400, _HTTP),
    Row("`Transfer-Encoding: chunked, identity`", _chunked(_CHUNKED, coding="chunked, identity"), 400, _HTTP),
    Row("`Transfer-Encoding: gzip, chunked`", _chunked(_CHUNKED, coding="gzip, chunked"), 400, _HTTP),
    Row("`Transfer-Encoding : chunked` (a space before the colon)",
        head("Transfer-Encoding : chunked") + _CHUNKED, 400, _HTTP),
    Row("`Transfer-Encoding:\\vchunked` (a vertical tab)", _chunked(_CHUNKED, coding="\x0bchunked"), 400, _HTTP),
    Row("`Transfer-Encoding: \"chunked\"`", _chunked(_CHUNKED, coding='"chunked"'), 400, _HTTP),
    Row("a header folded over two lines", head("X-Folded: a\r\n b", "Content-Length: 82") + BOAT, 400, _HTTP),
    Row("`Transfer-Encoding` folded over two lines", _chunked(_CHUNKED, coding="\r\n chunked"), 400, _HTTP),
    Row("lines that end with LF alone", head("Content-Length: 82").replace(b"\r\n", b"\n") + BOAT, 400, _HTTP),
    Row("one header ends with LF alone", head("X-Bare: a\nX-Other: b", "Content-Length: 82") + BOAT, 400, _HTTP),
    Row("CR alone inside a header", head("X-Bare: a\rX-Other: b", "Content-Length: 82") + BOAT, 400, _HTTP),
    Row("NUL inside a header", head(b"X-Nul: a\x00b", "Content-Length: 82") + BOAT, 400, _HTTP),
    Row("NUL inside a header's name", head(b"X-N\x00ul: a", "Content-Length: 82") + BOAT, 400, _HTTP),
    Row("a header without a name", head(": a", "Content-Length: 82") + BOAT, 400, _HTTP),
    Row("a header without a colon", head("X-Nothing", "Content-Length: 82") + BOAT, 400, _HTTP),
    Row("white space before the first header",
        head("Content-Length: 82").replace(b"\r\nHost", b"\r\n Host") + BOAT, 400, _HTTP),
    Row("a chunk's size is no number", _chunked(b"zz\r\nab\r\n0\r\n\r\n"), 400, _HTTP),
    Row("a chunk's size is negative", _chunked(b"-2\r\nab\r\n0\r\n\r\n"), 400, _HTTP),
    Row("a chunk's size has `0x` before it", _chunked(b"0x2\r\nab\r\n0\r\n\r\n"), 400, _HTTP),
    Row("a chunk's size of 17 digits", _chunked(b"10000000000000002\r\nab\r\n0\r\n\r\n"), 400, _HTTP),
    Row("a chunk's size has a space behind it", _chunked(b"2 \r\nab\r\n0\r\n\r\n"), 400, _HTTP),
    Row("a chunk's size line ends with LF alone", _chunked(b"2\nab\r\n0\r\n\r\n"), 400, _HTTP),
    Row("a chunk is longer than its size", _chunked(b"2\r\nabc\r\n0\r\n\r\n"), 400, _HTTP),
    Row("a chunk ends with LF alone", _chunked(b"2\r\nab\n0\r\n\r\n"), 400, _HTTP),
    Row("1 MiB of chunk extensions",
        lambda: _chunked(b"52;" + b"a" * 2**20 + b"\r\n" + BOAT + b"\r\n0\r\n\r\n"), 400, _HTTP),
    Row("the good part of a body in one-byte chunks, then a bad one",
        _chunked(b"".join(b"1\r\n%c\r\n" % byte for byte in BOAT) + b"g\r\n"), 400, _HTTP),
    Row("80,000 headers behind the last chunk",
        lambda: _chunked(_CHUNKED[:-2] + b"X-Trailer: a\r\n" * 80_000), 400, _HTTP),
    Row("1 MiB in one header behind the last chunk",
        lambda: _chunked(_CHUNKED[:-2] + b"X-Trailer: " + b"a" * 2**20), 400, _HTTP),
    Row("a second request, which is garbage, behind a whole one",
        _quote(BOAT, "Content-Length: 82") + b"\x00\x01\x02\r\n\r\n", 200, line=Line.COUNTED),
    Row("`Transfer-Encoding: chunked` with HTTP/1.0",
        head("Transfer-Encoding: chunked", target=QUOTE, version="1.0") + _CHUNKED, 200, line=Line.COUNTED),
    Row("a trailer that is a header",
        _quote(_CHUNKED[:-2] + b"Authorization: Bearer x\r\n\r\n", "Transfer-Encoding: chunked"), 200,
        line=Line.COUNTED),
    Row("a chunk extension", _quote(b"52;a=b\r\n" + BOAT + b"\r\n0\r\n\r\n", "Transfer-Encoding: chunked"), 200,
        line=Line.COUNTED),
    Row("a trailer", _quote(_CHUNKED[:-2] + b"X-Trailer: a\r\n\r\n", "Transfer-Encoding: chunked"), 200,
        line=Line.COUNTED),
    Row("`Expect: 100-continue`", _quote(BOAT, "Expect: 100-continue", "Content-Length: 82"), 200, line=Line.COUNTED),
    Row("empty lines before the request",
        b"\r\n\r\n" + _quote(BOAT, "Content-Length: 82"), 200, line=Line.COUNTED),
)  # fmt: skip
"""The last ones are odd and legal: they are understood as RFC 9112 has them."""
