"""Hostile answers that break HTTP, or bend it: lengths, heads, statuses, and what stands behind an answer."""

from typing import Final

from tests.hostile.bad_answers_row import (
    EDIT,
    MISCONFIGURED,
    UNKNOWN,
    Charge,
    Row,
    answer,
    chunked,
    delivered,
    failing,
    head,
    released,
    whole,
)
from tests.hostile.raw_upstream import End, Play, sent

_ANSWER: Final = answer()
_LENGTH: Final = len(_ANSWER)
_CHUNKED: Final = "transfer-encoding: chunked"
_OTHER: Final = whole(answer(data=[{"b64_json": "c29tZWJvZHkgZWxzZSdz"}]))
"""An answer nobody asked for."""


def _with(*headers: str, body: bytes = _ANSWER, end: End = End.CLOSE) -> Play:
    return sent(head("200 OK", *headers) + body, end=end)


def _status(line: bytes, body: bytes = _ANSWER) -> Play:
    return sent(line + b"\r\ncontent-length: %d\r\n\r\n" % len(body) + body, end=End.CLOSE)


FRAMING: Final = (
    Row("`Content-Length` above what comes", _with(f"content-length: {_LENGTH + 9}"), UNKNOWN),
    Row("`Content-Length` below what comes", _with(f"content-length: {_LENGTH - 9}"), UNKNOWN),
    Row("`Content-Length` below zero", _with("content-length: -1"), UNKNOWN),
    Row("`Content-Length` with a sign", _with(f"content-length: +{_LENGTH}"), UNKNOWN),
    Row("`Content-Length` in hexadecimal", _with(f"content-length: {_LENGTH:#x}"), UNKNOWN),
    Row("`Content-Length` of 30 digits", _with(f"content-length: {10**29}"), UNKNOWN),
    Row("two lengths", _with(f"content-length: {_LENGTH}", "content-length: 9"), UNKNOWN),
    Row("a list of lengths", _with(f"content-length: {_LENGTH}, {_LENGTH}"), UNKNOWN),
    Row("length and chunks", _with(f"content-length: {_LENGTH}", _CHUNKED, body=chunked(_ANSWER)), UNKNOWN),
    Row("chunks that are none", _with(_CHUNKED), UNKNOWN),
    Row("a chunk of 2^64 bytes", _with(_CHUNKED, body=b"10000000000000000\r\n" + _ANSWER), UNKNOWN),
    Row("chunks without their end", _with(_CHUNKED, body=chunked(_ANSWER, ended=False)), UNKNOWN),
    Row("chunks inside gzip", _with("transfer-encoding: gzip, chunked", body=chunked(_ANSWER)), UNKNOWN),
    Row("another transfer coding", _with("transfer-encoding: identity"), UNKNOWN),
    delivered("no length, until the connection ends", _with()),
    Row("a reset behind the head", sent(head("200 OK", "content-length: 99999"), end=End.RESET), UNKNOWN),
    delivered("a reset behind the answer", sent(whole(_ANSWER), b"", end=End.RESET, pause_seconds=0.2)),
    Row("an answer before the request was read", Play(lambda: iter([failing({"message": "too large"})]), is_early=True),
        "400 `invalid_request`", "refused", Charge.NOTHING, "", asks=EDIT),
    delivered("another answer behind it", sent(whole(_ANSWER) + _OTHER)),
    delivered("another answer behind its chunks", sent(head("200 OK", _CHUNKED) + chunked(_ANSWER) + _OTHER)),
    delivered("another answer, later", sent(whole(_ANSWER), _OTHER, pause_seconds=0.05)),
    delivered("half a head behind it", sent(whole(_ANSWER) + b"HTTP/1.1 200 OK\r\nx-a: ")),
    released("another answer behind an error", sent(failing({"message": "no"}) + _OTHER), "400 `invalid_request`",
             "refused"),
)  # fmt: skip
"""One after the other, so that what is left on a connection would reach the next request."""

HEADS: Final = (
    Row("one header of 1 MB", _with(f"x-a: {'a' * 2**20}"), UNKNOWN),
    Row("20,000 headers", _with(*[f"x-{n}: {n}" for n in range(20_000)]), UNKNOWN),
    delivered("1,000 headers", _with(*[f"x-{n}: {n}" for n in range(1_000)])),
    Row("a folded header", _with("x-a: b\r\n c"), UNKNOWN),
    Row("a header without a colon", _with("x-a"), UNKNOWN),
    Row("a header with a NUL", _with("x-a: \0"), UNKNOWN),
    Row("a header without a name", _with(": b"), UNKNOWN),
    Row("lines that end in LF alone", sent((head() + _ANSWER).replace(b"\r\n", b"\n"), end=End.CLOSE), UNKNOWN),
    released("a `Retry-After` in a time zone of 400 digits", sent(failing({"message": "no"}, "400 No",
             f"retry-after: Mon, 01 Jan 2030 00:00:00 +{'9' * 400}")), "400 `invalid_request`", "refused"),
    Row("no head: HTTP/0.9", sent(_ANSWER, end=End.CLOSE), UNKNOWN),
    Row("HTTP/2", sent(b"\0\0\x12\4\0\0\0\0\0\0\3\0\0\0d", end=End.CLOSE), UNKNOWN),
    Row("HTTP/9.9", _status(b"HTTP/9.9 200 OK"), UNKNOWN),
    Row("a TLS alert", sent(b"\x15\3\1\0\2\2\x46", end=End.CLOSE), UNKNOWN),
    Row("closed without a byte", sent(b"", end=End.CLOSE), UNKNOWN),
    Row("status 0", _status(b"HTTP/1.1 0 Nothing"), UNKNOWN),
    Row("status 000", _status(b"HTTP/1.1 000 Nothing"), UNKNOWN),
    Row("status 099", _status(b"HTTP/1.1 099 Nothing"), UNKNOWN),
    Row("status 099, and then silence", sent(b"HTTP/1.1 099 Nothing\r\n\r\n"), UNKNOWN),
    Row("status 99", _status(b"HTTP/1.1 99 Nothing"), UNKNOWN),
    Row("status 999", _status(b"HTTP/1.1 999 Odd"), UNKNOWN),
    Row("status 1000", _status(b"HTTP/1.1 1000 Odd"), UNKNOWN),
    Row("status OK", _status(b"HTTP/1.1 OK 200"), UNKNOWN),
    Row("no status", _status(b"HTTP/1.1"), UNKNOWN),
    Row("101, unasked", _status(b"HTTP/1.1 101 Switching Protocols"), UNKNOWN),
    Row("201 with a picture", _status(b"HTTP/1.1 201 Created"), UNKNOWN),
    Row("204 with a picture", _status(b"HTTP/1.1 204 No Content"), UNKNOWN),
    Row("206 with a picture", _status(b"HTTP/1.1 206 Partial Content"), UNKNOWN),
    released("304 with a picture", _status(b"HTTP/1.1 304 Not Modified"), MISCONFIGURED),
    *[
        released(f"{status} to {name}", sent(whole(b"", f"{status} Moved", f"location: {place}")), MISCONFIGURED)
        for status, name, place in (
            (301, "169.254.169.254", "http://169.254.169.254/latest/meta-data/"),
            (302, "169.254.169.254", "http://169.254.169.254/latest/meta-data/"),
            (307, "itself", "/v1/images/generations"),
            (308, "itself", "/v1/images/generations"),
        )
    ],
)  # fmt: skip
