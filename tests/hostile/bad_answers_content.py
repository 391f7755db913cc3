"""Hostile answers that are well-formed: our own secret handed to a teammate, and pictures that are none."""

import base64
from typing import Any, Final

from tests.hostile.bad_answers_row import (
    A_LINK,
    AS_LINK,
    MISCONFIGURED,
    PICTURE,
    STREAM,
    UNKNOWN,
    UPSTREAM_KEY,
    USAGE,
    Charge,
    Row,
    answer,
    completed,
    delivered,
    events,
    failing,
    released,
    whole,
)
from tests.hostile.raw_upstream import Play, sent

_KEY: Final = UPSTREAM_KEY
_BARE: Final = _KEY.removeprefix("sk-")
_BASE64: Final = base64.b64encode(b"Bearer " + _KEY.encode()).decode()
_ESCAPED: Final = "".join(f"\\u{ord(letter):04x}" for letter in _KEY)
_INVALID: Final = "400 `invalid_request`"


def _error(status: str = "400 No", **members: Any) -> Play:
    return sent(failing({"message": "no", "type": "x", "code": "y"} | members, status))


def _refused(name: str, play: Play, gets: str = _INVALID, **given: Any) -> Row:
    return released(name, play, gets, "refused", **given)


def _item(**members: Any) -> Play:
    return sent(whole(answer(data=[{"b64_json": PICTURE} | members])))


SECRETS: Final = (
    _refused("in a message", _error(message=f"Incorrect key {_KEY}")),
    _refused("in a message we would pass on", _error(message=f"Invalid value: '{_KEY}'")),
    _refused("in one, without its `sk-`", _error(message=f"Invalid value: '{_BARE}'")),
    _refused("in one, in base64", _error(message=f"Invalid value: '{_BASE64}'")),
    _refused("in one, by escapes", sent(whole(b'{"error":{"message":"Invalid value: \'%b\'"}}' % _ESCAPED.encode(),
             "400 No"))),
    _refused("in a message's request id", _error(message=f"no (request id: {_KEY})")),
    _refused("in a code", _error(code=_KEY)),
    _refused("in a code, without its `sk-`", _error(code=_BARE)),
    _refused("in a type", _error(type=_BARE)),
    _refused("in a param", _error(param=_KEY)),
    _refused("in categories of moderation", _error(code="moderation_blocked", moderation_details={
             "moderation_stage": _KEY, "categories": [_KEY, _BARE]}), "400 `moderation_blocked`"),
    released("in a message of a 403", _error("403 No", message=f"Incorrect API key provided: {_KEY}"), MISCONFIGURED),
    Row("in a page", sent(whole(_KEY.encode(), "500 No", kind="text/html")), UNKNOWN),
    _refused("in headers", sent(failing({"message": "no"}, "400 No", f"x-request-id: {_KEY}", f"x-a: {_KEY}",
             f"retry-after: {_KEY}", f"set-cookie: {_KEY}"))),
    delivered("in headers of a 200", sent(whole(answer(), "200 OK", f"x-oneapi-request-id: {_KEY}",
              f"x-request-id: {_BARE}", f"x-ratelimit-limit-requests: {_KEY}"))),
    Row("in a reason phrase and no answer", sent(f"HTTP/1.1 200 {_KEY}\r\nx-a\r\n{_KEY}\r\n\r\n".encode()), UNKNOWN),
    released("in an error inside a 200", sent(failing({"message": f"Invalid value: {_KEY}", "code": _BARE}, "200 OK")),
             "502 `upstream_failed`"),
    released("in an error event", sent(events({"type": "error", "error": {"message": _KEY, "code": _BARE}})),
             "502 `upstream_failed`", asks=STREAM),
    Row("in an error event behind a picture", sent(events(completed(), {"type": "error", "error": {"message": _KEY}})),
        "200, an error at its end", "delivered", Charge.TRUE, "", asks=STREAM | {"n": 2}),
    delivered("in a revised prompt", _item(revised_prompt=f"a boat {_KEY}"), sees=b"a boat ***"),
    delivered("in a revised prompt, in base64", _item(revised_prompt=_BASE64)),
    delivered("in a revised prompt, by escapes", sent(whole(answer().replace(b'{"b64', b'{"revised_prompt":"%b","b64' %
              _ESCAPED.encode())))),
    delivered("in the fields of a 200", sent(whole(answer(size=_KEY, quality=_BARE, background=_KEY,
              output_format=_BARE, safety_identifier=_KEY, svg_usage={"model": _KEY, "total_tokens": 1},
              other=_KEY)))),
    delivered("in the fields of an event", sent(events(completed(size=_KEY, quality=_BARE, other=_KEY))), asks=STREAM),
    delivered("in the names of `usage`", sent(whole(answer(usage=USAGE | {_KEY: 1})))),
    delivered("in the fields of a hosted answer", _item(revised_prompt=_KEY), asks=AS_LINK),
    Row("in a link", sent(whole(answer(data=[{"url": f"https://a.example/?key={_KEY}"}]))), UNKNOWN),
    Row("in a link, by escapes", sent(whole(answer().replace(b"b64_json", b"url").replace(PICTURE.encode(),
        _ESCAPED.encode()))), UNKNOWN),
    Row("in a link, wanted as base64", sent(whole(answer(data=[{"url": f"https://a.example/{_BARE}"}]))), UNKNOWN,
        asks=A_LINK | {"response_format": "b64_json"}),
)  # fmt: skip
"""The gateway's own key for the upstream, or its letters; none of them may reach a client, a log or the books."""

_HTML: Final = base64.b64encode(b"<html><script>alert(1)</script></html>" * 9).decode()
_SVG: Final = base64.b64encode(b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>').decode()


def _picture(text: str, kind: str = "b64_json") -> Play:
    return sent(whole(answer(data=[{kind: text}])))


_SAVED: Final = "200, saved as application/octet-stream"
_KEPT: Final = "200 with `x-imagegate-warning`"

PICTURES: Final = (
    delivered("HTML as base64", _picture(_HTML), sees=_HTML.encode()),
    delivered("HTML as a hosted link", _picture(_HTML), gets=_SAVED, asks=AS_LINK),
    delivered("SVG with a script as a hosted link", _picture(_SVG), gets="200, saved as image/svg+xml", asks=AS_LINK),
    Row("a sentence in place of base64", _picture(f"Incorrect API key provided: {_KEY}"), UNKNOWN),
    Row("HTML in place of base64", _picture("<html><script>alert(1)</script></html>"), UNKNOWN),
    delivered("text that is no base64 far inside, as a hosted link", _picture("AAAA" * 999 + "no base64!"), gets=_KEPT,
              asks=AS_LINK),
    delivered("`=` alone, as a hosted link", _picture("===="), gets=_KEPT, asks=AS_LINK),
    Row("an empty picture", _picture(""), "400 `content_policy_violation`", "unknown", Charge.TRUE, ""),
    *[
        delivered(f"a link to {place}, wanted as base64", _picture(place, "url"), gets=_KEPT,
                  asks=A_LINK | {"response_format": "b64_json"})
        for place in ("http://169.254.169.254/latest/", "https://127.0.0.1:1/x", "https://[::ffff:10.0.0.1]/x",
                      "https://2130706433/x", "https://0/x", "https://me:secret@127.0.0.1/x")
    ],
    delivered("a link to http://169.254.169.254/", _picture("http://169.254.169.254/", "url"), asks=A_LINK),
    Row("`javascript:` as a link", _picture("javascript:alert(1)", "url"), UNKNOWN, asks=A_LINK),
    Row("a link to file:///etc/passwd", _picture("file:///etc/passwd", "url"), UNKNOWN, asks=A_LINK),
    Row("one, wanted as base64", _picture("file:///etc/passwd", "url"), UNKNOWN,
        asks=A_LINK | {"response_format": "b64_json"}),
    Row("a link with a line feed", _picture("https://a.example/\nx", "url"), UNKNOWN, asks=A_LINK),
    Row("a link of 1 MB", _picture("https://a.example/" + "a" * 2**20, "url"), UNKNOWN, asks=A_LINK),
    delivered("a data URI of 1 MB, wanted as base64", _picture("data:image/png;base64," + "A" * 2**20, "url"),
              gets=_KEPT, asks=A_LINK | {"response_format": "b64_json"}),
    delivered("a data URI of 1 MB as a link", _picture("data:image/png;base64," + "A" * 2**20, "url"), asks=A_LINK),
)  # fmt: skip
