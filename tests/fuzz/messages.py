"""Messages of HTTP/1.1 to change: head and body apart, so that a changed body can still have a true length."""

import base64
import json
import random
from dataclasses import dataclass
from typing import Any

from tests.fuzz.mutations import mutated
from tests.support.gateway import ADMIN_TOKEN

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
"""One pixel."""
LOW = {"prompt": "a paper boat", "size": "1024x1024", "quality": "low", "n": 1}


@dataclass(frozen=True, slots=True)
class Message:
    """A first line with headers, and a body."""

    head: tuple[bytes, ...]
    body: bytes = b""

    def sent(self, *, chunk_bytes: int = 0) -> bytes:
        """As it goes over the wire: with its length, or in chunks of this size."""
        lines = b"".join(line + b"\r\n" for line in self.head)
        if chunk_bytes:
            chunks = [self.body[at : at + chunk_bytes] for at in range(0, len(self.body), chunk_bytes)]
            body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))
            return lines + b"Transfer-Encoding: chunked\r\n\r\n" + body
        return lines + b"Content-Length: %d\r\n\r\n" % len(self.body) + self.body

    def changed(self, chance: random.Random) -> bytes:
        """Changed in its body, in its head or anywhere; the first reaches furthest, so it is the most frequent."""
        chunk_bytes = chance.choice((0, 0, 1, 7, 1000))
        kind = chance.random()
        if kind < 0.5 and self.body:
            return Message(self.head, mutated(self.body, chance)).sent(chunk_bytes=chunk_bytes)
        if kind < 0.7:
            head = mutated(b"\r\n".join(self.head), chance).split(b"\r\n")
            return Message(tuple(head), self.body).sent(chunk_bytes=chunk_bytes)
        return mutated(self.sent(chunk_bytes=chunk_bytes), chance)


def requests(key: str) -> list[Message]:
    """One request of each kind that the doors read, as a client with this virtual key sends it."""
    small = {name: value for name, value in LOW.items() if name != "n"}
    picture = {"image_url": f"data:image/png;base64,{base64.b64encode(PNG).decode()}"}
    return [
        _request("GET /v1/models", key),
        _request("GET /v1/images/requests?limit=2&after=req_1", key),
        _request("GET /images/signature/name.png", key, b"Range: bytes=0-10,20-", b'If-None-Match: "a"'),
        _request("GET /admin/v1/usage?by=team&since=2026-01-01T00:00:00Z", ADMIN_TOKEN),
        _json("POST /v1/images/generations", key, LOW, b"Idempotency-Key: order-1", b"X-Stainless-Retry-Count: 1"),
        _json("POST /v1/images/generations", key, {**small, "stream": True, "partial_images": 2}),
        _json("POST /images/generations/", key, LOW, b"Prefer: respond-async, wait=1", _traced(), b"tracestate: a=b"),
        _json("POST /v1/images/quote", key, {**LOW, "model": "gpt-image-2", "background": "opaque", "user": "\u2603"}),
        _json("POST /v1/images/edits", key, {**small, "images": [picture], "mask": picture}),
        _form("POST /v1/images/edits", key, small),
        _json("POST /admin/v1/teams", ADMIN_TOKEN, {"name": "a", "budget": {"limit": "10.50", "period": "month"}}),
    ]


def _traced() -> bytes:
    return b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def _request(line: str, key: str, *headers: bytes, body: bytes = b"") -> Message:
    fixed = (f"{line} HTTP/1.1".encode(), b"Host: imagegate", f"Authorization: Bearer {key}".encode())
    return Message((*fixed, *headers), body)


def _json(line: str, key: str, document: dict[str, Any], *headers: bytes) -> Message:
    return _request(line, key, b"Content-Type: application/json", *headers, body=json.dumps(document).encode())


def _form(line: str, key: str, fields: dict[str, Any]) -> Message:
    parts = [f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{fields[name]}\r\n' for name in fields]
    head = (
        '--edge\r\nContent-Disposition: form-data; name="image[]"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    )
    body = "".join(parts).encode() + head.encode() + PNG + b"\r\n--edge--\r\n"
    return _request(line, key, b"Content-Type: multipart/form-data; boundary=edge", body=body)


def answers() -> dict[str, list[Message]]:
    """Answers of each kind that the upstream gives."""
    pixel = base64.b64encode(PNG).decode()
    usage = {
        "input_tokens": 10,
        "input_tokens_details": {"text_tokens": 10, "image_tokens": 0},
        "output_tokens": 200,
        "total_tokens": 210,
    }
    whole = {"created": 1_700_000_000, "data": [{"b64_json": pixel}], "usage": usage}
    error = {"error": {"message": "slow down", "type": "rate_limit", "code": "rate_limit_exceeded", "param": None}}
    json_type = b"application/json"
    return {
        "whole": [
            _answer(b"200 OK", json_type, json.dumps(whole).encode()),
            _answer(b"200 OK", json_type, json.dumps({**whole, "usage": None}).encode()),
        ],
        "stream": [_answer(b"200 OK", b"text/event-stream", _events(pixel, usage))],
        "error": [
            _answer(b"429 Too Many Requests", json_type, json.dumps(error).encode()),
            _answer(b"502 Bad Gateway", b"text/html", b"<html>bad gateway</html>"),
        ],
    }


def _answer(status: bytes, kind: bytes, body: bytes) -> Message:
    return Message((b"HTTP/1.1 " + status, b"Content-Type: " + kind, b"Connection: close"), body)


def _events(pixel: str, usage: dict[str, Any]) -> bytes:
    kinds = ("image_generation.partial_image", "image_generation.completed")
    further: tuple[dict[str, Any], ...] = ({"partial_image_index": 0}, {"usage": usage})
    events = [
        f"event: {kind}\ndata: {json.dumps({'type': kind, 'b64_json': pixel, 'created_at': 1, **rest})}\n\n"
        for kind, rest in zip(kinds, further, strict=True)
    ]
    return "".join([*events, "data: [DONE]\n\n"]).encode()
