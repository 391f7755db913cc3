"""Bad inputs: what comes too slowly, or stops. Played with deadlines of a quarter of a second; they are settings."""

from tests.hostile.bad_inputs_row import BOAT, EDITS, Row, edit, head

_SLOW = 408, "request_timeout"
_DRIP = 0.02

SLOW = (
    Row("half a head, then silence", head("Content-Length: 82")[:60], *_SLOW),
    Row("a head byte by byte", head("X-Slow: " + "x" * 2_000), *_SLOW, drip_seconds=_DRIP),
    Row("half a body, then silence", head("Content-Length: 82") + BOAT[:40], *_SLOW),
    Row("a body byte by byte", head("Content-Length: 82") + BOAT, *_SLOW, drip_seconds=_DRIP),
    Row("a chunk that never ends", head("Transfer-Encoding: chunked") + b"52\r\n" + BOAT[:40], *_SLOW),
    Row("the last chunk never comes", head("Transfer-Encoding: chunked") + b"52\r\n" + BOAT + b"\r\n", *_SLOW),
    Row("half a form, then silence", edit()[:-30], *_SLOW),
    Row("a form of which nothing comes",
        head("Content-Type: multipart/form-data; boundary=b", "Content-Length: 100", target=EDITS), *_SLOW),
    Row("half of a document with pictures, then silence",
        head("Content-Type: application/json", "Content-Length: 100", target=EDITS) + b'{"images": [', *_SLOW),
)  # fmt: skip
