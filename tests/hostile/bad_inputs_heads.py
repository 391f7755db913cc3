"""Bad inputs: request lines, methods, paths, versions, and heads without end."""

from tests.hostile.bad_inputs_row import BOAT, GENERATIONS, QUOTE, Line, Row, head

_HTTP = "invalid_http"
_NOWHERE = ("not_found",)
_LENGTH = "Content-Length: 82"


def _get(target: str | bytes, method: str = "GET") -> bytes:
    return head(target=target, method=method)


def _to(target: str | bytes) -> bytes:
    return head(_LENGTH, target=target) + BOAT


HEADS = (
    Row("1 MiB in one header", lambda: head("X-Long: " + "x" * 2**20), 431, _HTTP),
    Row("60,000 headers", lambda: head(*("X-Many: 1",) * 60_000), 431, _HTTP),
    Row("1,000 headers without a value", head(*("a:",) * 1_000, _LENGTH) + BOAT, 431, _HTTP),
    Row("200 headers", head(*("a:",) * 200, _LENGTH, target=QUOTE) + BOAT, 200, line=Line.COUNTED),
    Row("1 MiB in a header's name", lambda: head("x" * 2**20 + ": 1"), 431, _HTTP),
    Row("a path of 1 MiB", lambda: _get("/" + "x" * 2**20), 431, _HTTP),
    Row("a method of 100,000 letters", lambda: _get("/", "X" * 100_000), 400, _HTTP),
    Row("an endless empty line", lambda: b"\r\n" * 500_000, 431, _HTTP),
    Row("two `Authorization`", head("Authorization: Bearer @KEY@", _LENGTH) + BOAT, 401, "invalid_api_key"),
    Row("two `Content-Type`",
        head("Content-Type: application/json", "Content-Type: text/plain", _LENGTH) + BOAT, 400, _HTTP),
    Row("two `Idempotency-Key`", head("Idempotency-Key: a", "Idempotency-Key: b", _LENGTH) + BOAT, 400,
        "invalid_value"),
    Row("an `Idempotency-Key` of 300 characters", head("Idempotency-Key: " + "k" * 300, _LENGTH) + BOAT, 400,
        "invalid_value"),
    Row("an `Idempotency-Key` that is not ASCII", head(b"Idempotency-Key: \xc3\xa9", _LENGTH) + BOAT, 400,
        "invalid_value"),
    Row("no `Host`, which nothing here reads",
        _to(QUOTE).replace(b"Host: gateway\r\n", b""), 200, line=Line.COUNTED),
    Row("two `Host`", head("Host: other", _LENGTH, target=QUOTE) + BOAT, 200, line=Line.COUNTED),
    Row("a key of 60 KB", lambda: head(_LENGTH).replace(b"@KEY@", b"sk-ig-" + b"x" * 60_000) + BOAT, 401,
        "invalid_api_key"),
    Row("5 MB of body without a key",
        lambda: head("Content-Length: 5000000").replace(b"Bearer @KEY@", b"") + b"x" * 5_000_000, 401,
        "invalid_api_key"),
    Row("`Expect: 100-continue` before a body that is too large",
        head("Expect: 100-continue", "Content-Length: 5000000"), 413, "request_too_large"),
    Row("a key with bytes that are no text", head(_LENGTH).replace(b"@KEY@", b"\xff\xfe\x80") + BOAT, 401,
        "invalid_api_key"),
)  # fmt: skip

LINES = (
    Row("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64, 400, _HTTP),
    Row("HTTP/0.9", b"GET /v1/models\r\n\r\n", 401, "invalid_api_key"),
    Row("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", 400, _HTTP),
    Row("HTTP/1.2", head(_LENGTH, version="1.2") + BOAT, 400, _HTTP),
    Row("HTTP/9.9", head(_LENGTH, version="9.9") + BOAT, 400, _HTTP),
    Row("HTTP/11", head(_LENGTH, version="11") + BOAT, 400, _HTTP),
    Row("`ICY` instead of HTTP", head(_LENGTH).replace(b"HTTP/1.1", b"ICY/1.1") + BOAT, 400, _HTTP),
    Row("a tab in the request line", head(_LENGTH).replace(b"POST ", b"POST\t") + BOAT, 400, _HTTP),
    Row("a method in small letters", head(_LENGTH, method="post") + BOAT, 400, _HTTP),
    Row("a method nobody knows", head(_LENGTH, method="BUY") + BOAT, 400, _HTTP),
    Row("`CONNECT`", _get("example.com:443", "CONNECT"), 400, _HTTP),
    Row("`CONNECT` to a path", _get(GENERATIONS, "CONNECT"), 405, "method_not_allowed"),
    Row("`TRACE`", _get(GENERATIONS, "TRACE"), 405, "method_not_allowed"),
    Row("`OPTIONS`", _get(GENERATIONS, "OPTIONS"), 405, "method_not_allowed"),
    Row("`DELETE`", _get(GENERATIONS, "DELETE"), 405, "method_not_allowed"),
    Row("`PROPFIND`", _get(GENERATIONS, "PROPFIND"), 405, "method_not_allowed"),
    Row("`OPTIONS *`", _get("*", "OPTIONS"), 404, *_NOWHERE),
    Row("`GET *`", _get("*"), 404, *_NOWHERE),
    Row("two spaces in the request line",
        _to(QUOTE).replace(b" HTTP", b"  HTTP"), 200, line=Line.COUNTED),
    Row("HTTP/1.0", head(_LENGTH, target=QUOTE, version="1.0") + BOAT, 200, line=Line.COUNTED),
)  # fmt: skip

PATHS = (
    Row("a path without a slash", _to("v1/images/generations"), 400, _HTTP),
    Row("an empty path", _to(""), 400, _HTTP),
    Row("a path that is not UTF-8", _to(b"/v1/images/\xff\xfe"), 400, _HTTP),
    Row("a path with NUL", _to(b"/v1/images/\x00generations"), 400, _HTTP),
    Row("a path with `%00`", _to("/v1/images/generations%00"), 404, *_NOWHERE),
    Row("a path with `%ff`", _to("/v1/images/%ff"), 404, *_NOWHERE),
    Row("`%` and nothing behind it", _to("/v1/images/%"), 404, *_NOWHERE),
    Row("dot segments", _to("/v1/models/../images/generations"), 405, "method_not_allowed"),
    Row("dot segments above the root", _get("/../../../../etc/passwd"), 404, *_NOWHERE),
    Row("encoded dot segments", _get("/console/%2e%2e/%2e%2e/app/main.py"), 404, *_NOWHERE),
    Row("encoded slashes in dot segments", _get("/console/..%2f..%2fapp%2fmain.py"), 404, *_NOWHERE),
    Row("backslashes", _get("/console/..\\..\\app\\main.py"), 404, *_NOWHERE),
    Row("a route's path with encoded slashes", _to("/v1%2fimages%2fquote"), 200, line=Line.COUNTED),
    Row("two slashes", _to("//v1//images//generations"), 404, *_NOWHERE),
    Row("a fragment", _to(QUOTE + "#x"), 200, line=Line.COUNTED),
    Row("line breaks in a path, encoded", _get("/v1/models/a%0d%0aSet-Cookie:%20a=b"), 404, *_NOWHERE),
    Row("a picture's link with dot segments", _get("/images/x/..%2f..%2fsecret"), 404, *_NOWHERE),
    Row("a request's id of 10,000 characters", _get("/v1/images/requests/" + "x" * 10_000), 404, *_NOWHERE),
    Row("absolute form, of another host", _to("http://example.com" + QUOTE), 200, line=Line.COUNTED),
    Row("a query of 60 KB", _to(QUOTE + "?" + "a" * 60_000), 200, line=Line.COUNTED),
    Row("slashes at the end", _to(QUOTE + "///"), 200, line=Line.COUNTED),
)  # fmt: skip
