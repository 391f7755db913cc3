"""Bad inputs: JSON that is none, means two things, or costs more than it says."""

import gzip

from tests.hostile.bad_inputs_row import BOAT, Row, boat, document, head, post

_JSON = "invalid_json"
_LARGE = 413, "request_too_large"


def _like(old: bytes, new: bytes) -> bytes:
    """The order with a piece of it written otherwise."""
    return post(BOAT.replace(old, new))


def _n(number: bytes) -> bytes:
    return post(BOAT[:-1] + b',"n":' + number + b"}")


BODIES = (
    Row("nothing", post(b""), 400, _JSON),
    Row("white space", post(b" \r\n\t" * 100), 400, _JSON),
    Row("2 MiB of white space", lambda: post(b" " * 2**21), *_LARGE),
    Row("a body that is announced as 100 GB", head("Content-Length: 100000000000"), *_LARGE),
    Row("5 MB in chunks, without a length",
        lambda: head("Transfer-Encoding: chunked") + b"10000\r\n%b\r\n" % (b" " * 65_536) * 80, *_LARGE),
    Row("half an object", post(BOAT[:40]), 400, _JSON),
    Row("two objects", post(BOAT + BOAT), 400, _JSON),
    Row("an object and NUL", post(BOAT + b"\x00"), 400, _JSON),
    Row("a list", document([]), 400, "invalid_type"),
    Row("a number", post(b"1"), 400, "invalid_type"),
    Row("`null`", post(b"null"), 400, "invalid_type"),
    Row("lists 1,000,000 deep", lambda: post(b"[" * 1_000_000), *_LARGE),
    Row("lists 40,000 deep", lambda: post(b"[" * 40_000 + b"]" * 40_000), 400, _JSON),
    Row("objects 40,000 deep", lambda: post(b'{"a":' * 40_000 + b"1" + b"}" * 40_000), 400, _JSON),
    Row("a parameter 200 deep", post(BOAT[:-1] + b',"user":' + b"[" * 200 + b"]" * 200 + b"}"), 400, "invalid_type"),
    Row("1,000,000 values", lambda: post(b"[" + b"0," * 999_999 + b"0]"), *_LARGE),
    Row("40,000 unknown parameters",
        lambda: post(b"{" + b",".join(b'"p%d":1' % at for at in range(40_000)) + b"}"), 400, "unknown_parameter"),
    Row("a parameter's name of 500 KB", lambda: post(b'{"' + b"x" * 500_000 + b'":1}'), 400, "unknown_parameter"),
    Row("a parameter's name with control characters",
        boat(**{"\x1b[31m\n\x00": 1}), 400, "unknown_parameter"),
    Row("`NaN`", _n(b"NaN"), 400, _JSON),
    Row("`Infinity`", _n(b"Infinity"), 400, _JSON),
    Row("`1e999`", _n(b"1e999"), 400, _JSON),
    Row("a number of 100,000 digits", lambda: _n(b"9" * 100_000), 400, _JSON),
    Row("`18446744073709551616` (2^64)", _n(b"18446744073709551616"), 400, "invalid_type"),
    Row("`18446744073709551615`", _n(b"18446744073709551615"), 400, "integer_above_max_value"),
    Row("`-1`", _n(b"-1"), 400, "integer_below_min_value"),
    Row("`1.5`", _n(b"1.5"), 400, "invalid_type"),
    Row("`01`", _n(b"01"), 400, _JSON),
    Row("a comment", post(b"/* */" + BOAT), 400, _JSON),
    Row("a comma behind the last member", post(BOAT[:-1] + b",}"), 400, _JSON),
    Row("single quotes", post(BOAT.replace(b'"', b"'")), 400, _JSON),
    Row("half a surrogate pair, escaped", _like(b"a paper boat", rb"\ud800"), 400, _JSON),
    Row("half a surrogate pair, as bytes", _like(b"a paper boat", b"\xed\xa0\x80"), 400, _JSON),
    Row("bytes that are not UTF-8", _like(b"a paper boat", b"\xff\xfe"), 400, _JSON),
    Row("an overlong slash (`C0 AF`)", _like(b"a paper boat", b"\xc0\xaf"), 400, _JSON),
    Row("a line break inside a string", _like(b"a paper boat", b"a\nboat"), 400, _JSON),
    Row("NUL inside a string", _like(b"a paper boat", b"a\x00boat"), 400, _JSON),
    Row("a byte order mark", post(b"\xef\xbb\xbf" + BOAT), 400, _JSON),
    Row("UTF-16", post(BOAT.decode().encode("utf-16")), 400, _JSON),
    Row("UTF-16 without a mark", post(BOAT.decode().encode("utf-16-le")), 400, _JSON),
    Row("UTF-32", post(BOAT.decode().encode("utf-32-be")), 400, _JSON),
    Row("a prompt of 32,001 characters", boat(prompt="x" * 32_001), 400, "string_above_max_length"),
    Row("a model's name of 500 KB", lambda: boat(model="x" * 500_000), 404, "model_not_found"),
    Row("a model's name with dot segments", boat(model="../../etc/passwd"), 404, "model_not_found"),
    Row("a model's name with a line break", boat(model="a\r\nX-Injected: b"), 404, "model_not_found"),
    Row("a size of 1,000 digits", boat(size="9" * 1000 + "x1"), 400, "invalid_value"),
    Row("`Content-Encoding: gzip`", post(gzip.compress(BOAT, mtime=0), "Content-Encoding: gzip"), 400,
        "invalid_content_type"),
    Row("a gzip bomb (1 GB in 1 MB)",
        post(gzip.compress(b" " * 2**20, mtime=0) * 1024, "Content-Encoding: gzip"), 400, "invalid_content_type"),
    Row("`Content-Encoding: identity, gzip`", post(BOAT, "Content-Encoding: identity, gzip"), 400,
        "invalid_content_type"),
    Row("two `Content-Encoding`", post(BOAT, "Content-Encoding: identity", "Content-Encoding: gzip"), 400,
        "invalid_http"),
    Row("the same parameter twice: the last counts, and is all that is priced and sent on",
        post(BOAT[:-1] + b',"n":9,"n":1}'), 200, sent_on=1),
    Row("a byte order mark between the members", post(BOAT.replace(b",", b",\xef\xbb\xbf", 1)), 400, _JSON),
)  # fmt: skip
