"""Our own process stands still over a deadline: what lies in the socket by then has come in time."""

import asyncio
import socket
import threading
from collections.abc import Callable

import httpx
import pytest
import uvloop

from app.upstream.http1.transport import UpstreamTransport
from tests.upstream.http1.scripted import ask, transporting

READ_SECONDS = 0.2
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop] | None] = {"asyncio": None, "uvloop": uvloop.new_event_loop}
"""uvloop looks at timers before it looks at sockets, asyncio after."""


class Standstill:
    """A server on a thread of its own, whose first answer comes while its client's event loop stands still."""

    def __init__(self, in_time: bytes, later: bytes) -> None:
        self._in_time = in_time
        self._later = later
        self._stands = threading.Event()
        self._is_sent = threading.Event()
        self._goes_on = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self.thread = threading.Thread(target=self._serve)

    def stand_still(self, until_seconds: float) -> None:
        """Block the client's loop until its clock has passed this time and the answer lies in its socket."""
        self._stands.set()
        assert self._is_sent.wait(10)
        clock = asyncio.get_running_loop().time
        passed = threading.Event()
        while clock() <= until_seconds:
            passed.wait(0.001)
        asyncio.get_running_loop().call_soon(self._goes_on.set)

    def _serve(self) -> None:
        with self._listener, self._listener.accept()[0] as client:
            client.recv(65536)
            assert self._stands.wait(10)
            client.sendall(self._in_time)
            self._is_sent.set()
            assert self._goes_on.wait(10)
            client.sendall(self._later)
            client.recv(65536)
            client.sendall(HEAD + b"okay")
            client.recv(65536)  # until the client is gone


async def _twice(server: Standstill, transport: UpstreamTransport) -> list[bytes]:
    """Ask two times, on one connection; the first time, stand still over the deadline."""
    loop = asyncio.get_running_loop()
    loop.call_later(READ_SECONDS / 2, server.stand_still, loop.time() + 1.5 * READ_SECONDS)
    answers = []
    for _ in range(2):
        response, body = await ask(transport, server.url)
        assert response.status_code == 200
        answers.append(body)
    return answers


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("in_time", "later"), [(HEAD + b"okay", b""), (HEAD + b"ok", b"ay")], ids=["whole", "in parts"]
)
def test_what_came_meanwhile_is_taken(loop: str, in_time: bytes, later: bytes) -> None:
    """The answer is whole, and its connection takes the next request, which the old deadline is none of."""
    server = Standstill(in_time, later)
    server.thread.start()

    async def run() -> list[bytes]:
        async with transporting(read_seconds=READ_SECONDS) as transport:
            return await _twice(server, transport)

    try:
        with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
            assert runner.run(run()) == [b"okay", b"okay"]
    finally:
        server.thread.join(10)


@pytest.mark.parametrize("loop", LOOPS)
def test_silence_still_ends(loop: str) -> None:
    """A server that sends nothing is given up on, however late our own loop was."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        async def run() -> None:
            async with transporting(read_seconds=READ_SECONDS) as transport:
                asyncio.get_running_loop().call_later(READ_SECONDS / 2, threading.Event().wait, READ_SECONDS)
                with pytest.raises(httpx.ReadTimeout):
                    await ask(transport, f"http://127.0.0.1:{listener.getsockname()[1]}/")

        with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
            runner.run(run())
