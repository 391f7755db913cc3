"""Bad inputs: multipart forms that are none, mean two things, or never end (RFC 7578)."""

from tests.hostile.bad_inputs_row import BOUNDARY, EDITS, PNG, Row, edit, form, part, post

_FORM = "invalid_form"
_TYPE = "multipart/form-data; boundary="
_NESTED = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' + PNG + b"\r\n--b--\r\n"


def _raw(*heads: str, value: bytes = b"x") -> bytes:
    """A part with these headers and no others."""
    told = "".join(f"{line}\r\n" for line in heads)
    return f"--{BOUNDARY}\r\n{told}\r\n".encode("utf-8", "surrogateescape") + value + b"\r\n"


def _disposition(rest: str) -> bytes:
    return edit(_raw(f"Content-Disposition: {rest}"))


FORMS = (
    Row("no boundary", form(part("prompt", b"x"), kind="multipart/form-data"), 400, _FORM),
    Row("an empty boundary", form(part("prompt", b"x"), kind=_TYPE), 400, _FORM),
    Row("a boundary of 10,000 characters", form(part("prompt", b"x"), kind=_TYPE + "b" * 10_000), 400, _FORM),
    Row("two boundaries", form(part("prompt", b"x"), kind=f"{_TYPE}{BOUNDARY}; boundary=other"), 400, _FORM),
    Row("another boundary than it says", form(part("prompt", b"x"), kind=_TYPE + "other"), 400, _FORM),
    Row("a boundary that is not ASCII", form(part("prompt", b"x"), kind=_TYPE + '"é"'), 400, _FORM),
    Row("a charset that is not UTF-8", form(part("prompt", b"x"), kind=f"{_TYPE}{BOUNDARY}; charset=utf-16"), 400,
        _FORM),
    Row("`multipart/mixed`", form(part("prompt", b"x"), kind=f"multipart/mixed; boundary={BOUNDARY}"), 400,
        "invalid_content_type"),
    Row("no part at all", form(), 400, "missing_required_parameter"),
    Row("nothing at all", post(b"", target=EDITS, kind=_TYPE + BOUNDARY), 400, _FORM),
    Row("no closing boundary", post(part("prompt", b"x"), target=EDITS, kind=_TYPE + BOUNDARY), 400, _FORM),
    Row("words before the first boundary",
        post(b"words\r\n" + part("prompt", b"x"), target=EDITS, kind=_TYPE + BOUNDARY), 400, _FORM),
    Row("10,000 parts", lambda: form(*(part(f"p{at}", b"x") for at in range(10_000))), 400, _FORM),
    Row("2,000 pictures", lambda: edit(*(part("image[]", PNG, filename="a.png"),) * 2_000), 400, _FORM),
    Row("17 pictures", edit(*(part("image[]", PNG, filename="a.png"),) * 16), 400, "array_above_max_length"),
    Row("two masks", edit(part("mask", PNG, filename="a"), part("mask", PNG, filename="b")), 400, "invalid_value"),
    Row("the same field twice", edit(part("n", b"1"), part("n", b"9")), 400, "invalid_value"),
    Row("a field that is an object and a text", edit(part("svg", b"x"), part("svg[model]", b"y")), 400,
        "invalid_value"),
    Row("members 1,000 deep", edit(part("a" + "[b]" * 1_000, b"x")), 400, _FORM),
    Row("a header flood in a part", edit(_raw(*("X-Many: 1",) * 10_000)), 400, _FORM),
    Row("1 MB in a header of a part", lambda: edit(_raw("X-Long: " + "x" * 1_000_000)), 400, _FORM),
    Row("a part without headers", edit(_raw()), 400, _FORM),
    Row("a part without `Content-Disposition`", edit(_raw("Content-Type: text/plain")), 400, _FORM),
    Row("two `Content-Disposition`",
        edit(_raw(*('Content-Disposition: form-data; name="n"',) * 2)), 400, _FORM),
    Row("a part that is an attachment", _disposition('attachment; name="n"'), 400, _FORM),
    Row("a part without a name", _disposition("form-data"), 400, _FORM),
    Row("a part with two names", _disposition('form-data; name="n"; name="mask"'), 400, _FORM),
    Row("a part's name of 10,000 characters", edit(part("n" * 10_000, b"x")), 400, _FORM),
    Row("a part's name of 4,000 characters", edit(part("n" * 4_000, b"x")), 400, _FORM),
    Row("a part's name with NUL", _disposition('form-data; name="n\x00"'), 400, _FORM),
    Row("a part's name that is not UTF-8", _disposition('form-data; name="\udcff"'), 400, _FORM),
    Row("a part's name that is not closed", _disposition('form-data; name="n'), 400, _FORM),
    Row("a header of a part folded over two lines", edit(_raw('Content-Disposition: form-data;\r\n name="n"')), 400,
        _FORM),
    Row("`Content-Transfer-Encoding: base64`",
        edit(_raw('Content-Disposition: form-data; name="n"', "Content-Transfer-Encoding: base64", value=b"MQ==")),
        400, _FORM),
    Row("a text that is UTF-16",
        edit(_raw('Content-Disposition: form-data; name="n"', "Content-Type: text/plain; charset=utf-16")), 400, _FORM),
    Row("a text that is not UTF-8", edit(part("user", b"\xff\xfe")), 400, "invalid_value"),
    Row("1 MB of text", lambda: edit(part("user", b"x" * 1_000_000)), 413, "request_too_large"),
    Row("a form within the form",
        edit(part("mask", _NESTED, "Content-Type: multipart/mixed; boundary=b", filename="a")), 400,
        "unsupported_file_mimetype"),
    Row("a file where a text belongs", edit(part("n", b"1", filename="n.txt")), 400, "invalid_type"),
    Row("a text where a file belongs", edit(part("mask", b"x")), 400, "invalid_type"),
    Row("a form where only JSON goes", form(part("prompt", b"x"), target="/v1/images/generations"), 400,
        "invalid_content_type"),
    Row("JSON that says it is a form", post(b'{"prompt":"x"}', target=EDITS, kind=_TYPE + BOUNDARY), 400, _FORM),
    Row("text/plain", post(b"prompt=x", target=EDITS, kind="text/plain"), 400, "invalid_content_type"),
    Row("application/x-www-form-urlencoded",
        post(b"prompt=x", target=EDITS, kind="application/x-www-form-urlencoded"), 400, "invalid_content_type"),
    Row("JSON pictures 5 MB large, of which 4 may be",
        lambda: post(b" " * 5_000_000, target=EDITS), 413, "request_too_large"),
    Row("a picture 5 MB large, of which 4 may be", lambda: edit(picture=PNG + b"\x00" * 5_000_000), 413,
        "request_too_large"),
)  # fmt: skip

NAMES = (
    Row("a file name with dot segments", edit(filename="../../../etc/passwd"), 200, sent_on=1),
    Row("a file name with NUL", _disposition('form-data; name="mask"; filename="a\x00.png"'), 400, _FORM),
    Row("a file name of 5,000 characters", edit(filename="x" * 5_000), 400, _FORM),
    Row("a file name with a line break, encoded", edit(filename="a%0d%0aX: b.png"), 200, sent_on=1),
    Row("a file name as RFC 5987 has it",
        edit(_raw("Content-Disposition: form-data; name=\"mask\"; filename*=UTF-8''..%2f..%2fx", value=PNG)), 200,
        sent_on=1),
    Row("two file names", _disposition('form-data; name="mask"; filename="a.png"; filename="b.png"'), 400, _FORM),
)  # fmt: skip
"""No file is ever called what a client says, and no name is sent on: what is a sound form otherwise is served."""
