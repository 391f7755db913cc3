"""Hostile answers whose HTTP is good: another kind of body, JSON made to break its reader, and usage made to lie."""

import gzip
import zlib
from collections.abc import Callable
from typing import Any, Final

from tests.hostile.bad_answers_row import (
    AS_LINK,
    CUT,
    MISCONFIGURED,
    PICTURE,
    STREAM,
    UNKNOWN,
    USAGE,
    WHOLE,
    Charge,
    Row,
    answer,
    at_quote,
    completed,
    delivered,
    events,
    failing,
    released,
    whole,
)
from tests.hostile.raw_upstream import Play, made, sent

_ANSWER: Final = answer()
_PAGE: Final = b"<!DOCTYPE html><html><body><h1>error</h1></body></html>"
_BROTLI: Final = b"\x0b\x02\x80hello\x03"
"""``hello``, by hand (RFC 7932)."""


def _coded(body: bytes, coding: str, status: str = "200 OK") -> Play:
    return sent(whole(body, status, f"content-encoding: {coding}"))


def _page(status: str = "200 OK", body: bytes = _PAGE, kind: str = "text/html") -> Play:
    return sent(whole(body, status, kind=kind))


KINDS: Final = (
    Row("gzip", _coded(gzip.compress(_ANSWER), "gzip"), UNKNOWN),
    Row("deflate", _coded(zlib.compress(_ANSWER), "deflate"), UNKNOWN),
    Row("br", _coded(_BROTLI, "br"), UNKNOWN),
    delivered("plain JSON that calls itself gzip", _coded(_ANSWER, "gzip")),
    released("an error in gzip", _coded(gzip.compress(b'{"error":{"message":"no"}}'), "gzip", "400 No"), MISCONFIGURED),
    Row("1 GB of zeros in gzip", _coded(gzip.compress(bytes(2**20)) * 1000, "gzip"), UNKNOWN),
    Row("HTML in a 200", _page(), UNKNOWN),
    Row("HTML in a 200 that calls itself JSON", _page(kind="application/json"), UNKNOWN),
    Row("HTML in a 500", _page("500 No"), UNKNOWN),
    Row("HTML in a 502", _page("502 No"), UNKNOWN),
    Row("HTML in a 503", _page("503 No"), UNKNOWN),
    released("HTML in a 403", _page("403 No"), MISCONFIGURED),
    Row("a picture itself", _page(body=b"\x89PNG\r\n\x1a\n", kind="image/png"), UNKNOWN),
    Row("text", _page(body=b"ok", kind="text/plain"), UNKNOWN),
    Row("a stream nobody asked for", sent(events(completed())), UNKNOWN),
    Row("a page in place of a stream", sent(whole(_PAGE, kind="text/event-stream")), UNKNOWN, asks=STREAM),
)  # fmt: skip


def _raw(body: bytes) -> Play:
    return sent(whole(body))


def _behind(member: bytes | Callable[[], bytes]) -> Play:
    """A good answer with one more member behind its picture; a large one is made when it is played."""
    return made(lambda: whole(b"%b,%b}" % (_ANSWER[:-1], member() if callable(member) else member)))


BOMBS: Final = (
    Row("depth", made(lambda: whole(b'{"a":' * 2_000_000)), UNKNOWN),
    Row("depth behind the picture", _behind(b'"x":' + b"[" * 99_999), UNKNOWN),
    Row("two `data`", _behind(b'"data":[{"b64_json":"c29tZXRoaW5nIGVsc2U="}]'), UNKNOWN),
    Row("two `data`, one with an escape", _behind(b'"d\\u0061ta":[{"b64_json":"eA=="}]'), UNKNOWN),
    delivered("two `usage`, the last one counts", _behind(b'"usage":{"input_tokens":9,"output_tokens":190}')),
    at_quote("two `usage`, the last one is none", _behind(b'"usage":{"input_tokens":9,"output_tokens":-190}')),
    Row("1,000 items with pictures", sent(whole(answer(data=[{"b64_json": PICTURE}] * 1000))), UNKNOWN),
    delivered("1,000 items without", sent(whole(answer(data=[{}] * 1000 + [{"b64_json": PICTURE}])))),
    Row("1,000,000 items without", made(lambda: whole(answer(data=[0] * 1_000_000))), UNKNOWN),
    Row("a number of 5,000 digits", _behind(b'"x":' + b"9" * 5000), UNKNOWN),
    Row("NaN", _behind(b'"x":NaN'), UNKNOWN),
    Row("half a surrogate pair", _behind(b'"x":"\\ud800"'), UNKNOWN),
    Row("invalid UTF-8 in a revised prompt", _raw(_ANSWER.replace(b'{"b64', b'{"revised_prompt":"\xff","b64')),
        UNKNOWN),
    Row("invalid UTF-8 behind the picture", _raw(_ANSWER.replace(b'="}', b'=","revised_prompt":"\xc3\x28"}')), UNKNOWN),
    Row("invalid UTF-8 in a name of `usage`", _raw(_ANSWER.replace(b'"total_tokens"', b'"\xff"')), UNKNOWN),
    Row("invalid UTF-8 in a picture", _raw(_ANSWER.replace(PICTURE.encode(), b"iVBO\xff\xferw0K")), UNKNOWN),
    Row("a line feed in a picture", _raw(_ANSWER.replace(PICTURE.encode(), b"iVBO\nrw0K")), UNKNOWN),
    delivered("invalid UTF-8 far inside a picture", _raw(_ANSWER.replace(PICTURE.encode(), b"A" * 999 + b"\xff")),
              gets="200, and no JSON"),
    released("invalid UTF-8 in an error", sent(whole(b'{"error":{"message":"\xff","code":"x"}}', "400 No")),
             MISCONFIGURED),
    Row("invalid UTF-8 in an error of theirs", sent(whole(b'{"error":{"message":"\xff"}}', "500 No")), UNKNOWN),
    Row("UTF-16", _raw(_ANSWER.decode().encode("utf-16")), UNKNOWN),
    Row("a byte order mark", _raw(b"\xef\xbb\xbf" + _ANSWER), UNKNOWN),
    Row("a list", _raw(b"[" + _ANSWER + b"]"), UNKNOWN),
    Row("two answers", _raw(_ANSWER + _ANSWER), UNKNOWN),
    Row("`data` is an object", sent(whole(answer(data={"0": {"b64_json": PICTURE}}))), UNKNOWN, charge=Charge.TRUE,
        flags=""),
    Row("`data` holds numbers", sent(whole(answer(data=[1, 2, 3], usage=None))), "400 `content_policy_violation`",
        "refused", Charge.NOTHING, ""),
    Row("an error beside a picture", sent(whole(answer(error={"message": "no", "code": "bad_response"}))), WHOLE,
        "delivered", Charge.TRUE, ""),
    Row("two pictures in an event", sent(events({"type": "image_generation.completed", "b64_json": PICTURE,
        "data": [{"b64_json": PICTURE}], "url": PICTURE, "usage": USAGE})), WHOLE, "delivered", Charge.TRUE, "",
        asks=STREAM),
    Row("100 events with pictures", sent(events(*[completed()] * 100)), WHOLE, "delivered", Charge.TRUE, "above_quote",
        asks=STREAM),
    released("an error of 100,000 members", made(lambda: failing({f"a{n}": n for n in range(100_000)})), MISCONFIGURED),
)  # fmt: skip


def _usage(usage: Any) -> Play:
    return sent(whole(answer(usage=usage)))


def _tokens(written: str) -> Play:
    """A count of output tokens as it is written."""
    return _raw(_ANSWER.replace(b'"output_tokens": 196', b'"output_tokens": ' + written.encode()))


USAGES: Final = (
    at_quote("negative", _tokens("-196"), hides=b"-196"),
    at_quote("ten million and one", _tokens("10000001"), hides=b"10000001"),
    at_quote("2^53", _tokens(str(2**53)), hides=b"9007199254740992"),
    at_quote("2^63", _tokens(str(2**63)), hides=b"9223372036854775808"),
    at_quote("10^30", _tokens(str(10**30))),
    Row("10^400", _tokens(str(10**400)), UNKNOWN),
    at_quote("1e300", _tokens("1e300")),
    at_quote("a fraction", _tokens("196.5")),
    at_quote("a text", _tokens('"196"')),
    at_quote("true", _tokens("true")),
    at_quote("a list", _tokens("[196]")),
    at_quote("zero", _tokens("0")),
    at_quote("no usage", _usage(None)),
    at_quote("usage is a list", _usage([USAGE])),
    at_quote("usage is empty", _usage({})),
    at_quote("details above the total", _usage(USAGE | {"output_tokens_details": {"image_tokens": 500}})),
    at_quote("details below zero", _usage(USAGE | {"input_tokens_details": {"text_tokens": 10, "image_tokens": -1}})),
    delivered("more than the quote", _tokens("2000"), flags="above_quote"),
    at_quote("a thousand times the quote", _tokens("1000000")),
    at_quote("absurd, in a stream", sent(events(completed(usage={"input_tokens": -9, "output_tokens": 196}))),
             asks=STREAM),
    at_quote("absurd, as a hosted link", _tokens("-196"), asks=AS_LINK),
    Row("absurd, and no picture", sent(whole(answer(data=[], usage={"output_tokens": 10**12}))),
        "400 `content_policy_violation`", flags="at_quote,bad_usage"),
    Row("10 MB: deep", _behind(lambda: b'"usage":' + b'{"a":' * 2_000_000), UNKNOWN),
    Row("10 MB: deep, before the picture", made(lambda: whole(b'{"usage":' + b'{"a":' * 2_000_000)), UNKNOWN),
    Row("10 MB: a text", _behind(lambda: b'"usage":"' + b"a" * 10**7 + b'"'), UNKNOWN),
    Row("10 MB: a number", _behind(lambda: b'"usage":{"output_tokens":' + b"9" * 10**7 + b"}"), UNKNOWN),
    Row("10 MB: a text in a stream", made(lambda: events(completed(usage={"input_tokens": "a" * 10**7}))),
        f"{UNKNOWN} or {CUT}", asks=STREAM),
)  # fmt: skip
