"""Hostile answers that never end, or hardly begin: what bounds them is a cap, or the total deadline."""

import json
from itertools import chain, count
from typing import Final

from tests.hostile.bad_answers_row import (
    CUT,
    MISCONFIGURED,
    STREAM,
    TIMED_OUT,
    UNKNOWN,
    Row,
    answer,
    completed,
    delivered,
    failing,
    head,
    released,
)
from tests.hostile.raw_upstream import Play, dripping, endless

_CHUNKED: Final = "transfer-encoding: chunked"
_LETTERS: Final = b"A" * 65_536
_SPACES: Final = b" " * 65_536
_PICTURE_BEGINS: Final = b'{"data":[{"b64_json":"iVBORw0KGgo'
_EVENTS: Final = head(kind="text/event-stream")
_COMPLETED: Final = b"data: %b\n\n" % json.dumps(completed()).encode()
_EVENT_BEGINS: Final = b'data: {"type":"image_generation.completed","'


def _chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


def _counting(beginning: bytes, line: bytes) -> Play:
    """Lines that differ, for ever."""
    return Play(lambda: chain((beginning,), (b"".join(line % n for n in range(at, at + 999)) for at in count(0, 999))))


ENDLESS: Final = (
    Row("white space before the JSON", endless(head(), _SPACES), UNKNOWN),
    Row("white space behind the JSON", endless(head() + answer(), _SPACES), UNKNOWN),
    Row("a revised prompt before the picture", endless(head() + b'{"data":[{"revised_prompt":"', _LETTERS), UNKNOWN),
    Row("a revised prompt behind the picture", endless(head() + _PICTURE_BEGINS + b'","revised_prompt":"', _LETTERS),
        UNKNOWN),
    Row("a link", endless(head() + b'{"data":[{"url":"https://a.example/', _LETTERS), UNKNOWN),
    Row("items without a picture", endless(head() + b'{"data":[{}', b",{}" * 9999), UNKNOWN),
    Row("comments of a stream, line by line", endless(_EVENTS, b": ping\n\n" * 999), UNKNOWN, asks=STREAM),
    delivered("comments behind the last picture", endless(_EVENTS + _COMPLETED, b": ping\n\n" * 999), asks=STREAM),
    Row("one event, beside its picture", endless(_EVENTS + _EVENT_BEGINS + b'size":"', _LETTERS), UNKNOWN, asks=STREAM),
    Row("one event that is no JSON", endless(_EVENTS + b"data: ", _LETTERS), UNKNOWN, asks=STREAM),
    Row("names of events", _counting(_EVENTS, b"event: x%d\n\n"), UNKNOWN, asks=STREAM),
    Row("one name of an event", endless(_EVENTS + b"event: ", _LETTERS), UNKNOWN, asks=STREAM),
    Row("one name of a field", endless(_EVENTS, _LETTERS), UNKNOWN, asks=STREAM),
    Row("`id` and `retry`", _counting(_EVENTS, b"id: %d\nretry: 0\n\n"), UNKNOWN, asks=STREAM),
    Row("events of another type", _counting(_EVENTS, b'data: {"type":"image_generation.queued","at":%d}\n\n'), UNKNOWN,
        asks=STREAM),
    Row("an extension of a chunk", endless(head("200 OK", _CHUNKED) + b"1;name=", _LETTERS), UNKNOWN),
    Row("trailers", endless(head("200 OK", _CHUNKED) + _chunk(b" ") + b"0\r\n", b"a: b\r\n" * 999), UNKNOWN),
    Row("chunks of one byte", endless(head("200 OK", _CHUNKED), b"1\r\n \r\n" * 9999), UNKNOWN),
    Row("a header", endless(b"HTTP/1.1 200 OK\r\nx-a: ", _LETTERS), UNKNOWN),
    Row("headers", endless(b"HTTP/1.1 200 OK\r\n", b"x-a: b\r\n" * 999), UNKNOWN),
    Row("interim answers", endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 8), UNKNOWN),
    released("the page of a 403", endless(head("403 Forbidden", kind="text/html"), _LETTERS), MISCONFIGURED),
    released("the envelope of a 400", endless(head("400 Bad Request") + b'{"error":{"message":"', _LETTERS),
             MISCONFIGURED),
    Row("the page of a 500", endless(head("500 Internal Server Error", kind="text/html"), _LETTERS), UNKNOWN),
)  # fmt: skip
"""What a cap ends."""

_PAUSE_SECONDS: Final = 0.01
"""Between two pieces: nothing else bounds these, and the test has other things to do."""

DRAWN_OUT: Final = (
    Row("base64 without end, no length told", endless(head() + _PICTURE_BEGINS, _LETTERS, _PAUSE_SECONDS), CUT),
    Row("base64 without end, in chunks",
        endless(head("200 OK", _CHUNKED) + _chunk(_PICTURE_BEGINS), _chunk(_LETTERS), _PAUSE_SECONDS), CUT),
    Row("one picture of a stream without end",
        endless(_EVENTS + _EVENT_BEGINS + b'b64_json":"', _LETTERS, _PAUSE_SECONDS), CUT, asks=STREAM),
    Row("one comment without end", endless(_EVENTS + b": ", _LETTERS, _PAUSE_SECONDS), TIMED_OUT, asks=STREAM),
    Row("a head, byte by byte", dripping(head() + answer()), TIMED_OUT),
    Row("a body, byte by byte", dripping(head() + answer(), at_once=len(head())), TIMED_OUT),
    Row("a picture, byte by byte", dripping(head() + _PICTURE_BEGINS + b"A" * 999, len(head()) + 30), TIMED_OUT),
    Row("an error, byte by byte", dripping(failing({"message": "no"}), at_once=len(head()) + 9), TIMED_OUT),
    Row("a stream, byte by byte", dripping(_EVENTS + b": ping\n\n" * 99, len(_EVENTS)), TIMED_OUT, asks=STREAM),
)  # fmt: skip
"""What only the total deadline ends; what an answer may have altogether would end the first three as well."""
