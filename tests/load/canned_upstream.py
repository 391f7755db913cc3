"""An upstream that answers every request with the same bytes after the same time: it costs next to nothing itself.

    python -m tests.load.canned_upstream PORT ANSWER_BYTES DELAY_SECONDS

The answer is CometAPI's for one base64 picture with its `usage`; the simulator draws pictures, which would be measured.
"""

import asyncio
import json
import sys
from typing import Final, cast

import uvloop
from typing_extensions import override

_HEAD_END: Final = b"\r\n\r\n"


def canned(answer_bytes: int) -> bytes:
    """An answer whose body has about so many bytes."""
    usage = {
        "input_tokens": 9,
        "output_tokens": 196,
        "total_tokens": 205,
        "input_tokens_details": {"text_tokens": 9, "image_tokens": 0},
    }
    body = json.dumps({"created": 1, "data": [{"b64_json": "A" * max(4, answer_bytes // 4 * 4)}], "usage": usage})
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()


class _Connection(asyncio.Protocol):
    """Reads requests that have a Content-Length, one at a time, and answers each."""

    def __init__(self, answer: bytes, delay_seconds: float) -> None:
        self._answer = answer
        self._delay_seconds = delay_seconds
        self._received = bytearray()
        self._transport: asyncio.WriteTransport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's own is none by name

    @override
    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = bytes(self._received).partition(_HEAD_END)
        if found and len(body) >= content_length(head):
            self._received.clear()
            asyncio.get_running_loop().call_later(self._delay_seconds, self._write)

    def _write(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(self._answer)


def content_length(head: bytes) -> int:
    """What a head says of the length of its body; 0 where it says nothing."""
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


async def serve(port: int, answer_bytes: int, delay_seconds: float) -> None:
    """Answer until the process is ended."""
    answer, loop = canned(answer_bytes), asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(answer, delay_seconds), "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
