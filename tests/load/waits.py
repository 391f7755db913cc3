"""A server that lets others wait: ``GET /5`` is answered after 5 seconds, with nothing.

python -m tests.load.waits PORT
"""

import asyncio
import sys
from typing import cast

import uvloop
from typing_extensions import override

_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


class _Connection(asyncio.Protocol):
    """Reads one request of one piece, and answers it; the next comes on another connection."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's own is none by name

    @override
    def data_received(self, data: bytes) -> None:
        seconds = float(data.split(b" ", 2)[1].strip(b"/"))
        asyncio.get_running_loop().call_later(seconds, self._answer)

    def _answer(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(_ANSWER)
            self._transport.close()


async def serve(port: int) -> None:
    """Answer until the process is ended."""
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
