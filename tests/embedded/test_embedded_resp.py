"""The few words of protocol we speak ourselves."""

import asyncio
from pathlib import Path

import pytest

from app.embedded import resp
from app.embedded.live import Condition, condition
from app.embedded.runtime import create_runtime_folder


async def read(data: bytes) -> resp.Reply:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    return await resp.read_reply(reader)


def test_commands_are_length_prefixed() -> None:
    """Lengths count bytes, not letters."""
    assert resp.encode("GET", "é") == b"*2\r\n$3\r\nGET\r\n$2\r\n\xc3\xa9\r\n"


async def test_replies_of_every_kind() -> None:
    """Simple strings, numbers, strings with line ends, nothing, and lists of these."""
    assert await read(b"+PONG\r\n") == b"PONG"
    assert await read(b":-3\r\n") == -3
    assert await read(b"$4\r\na\r\nb\r\n") == b"a\r\nb"
    assert await read(b"$-1\r\n") is None
    assert await read(b"*2\r\n$3\r\ndir\r\n*1\r\n:1\r\n") == [b"dir", [1]]


async def test_broken_replies_are_errors() -> None:
    """An error reply, a reply that breaks off and a line of nonsense each raise."""
    with pytest.raises(resp.ErrorReplyError, match="BUSY"):
        await read(b"-BUSY script\r\n")
    with pytest.raises(EOFError):
        await read(b"$10\r\nshort")
    with pytest.raises(ValueError, match="not a reply"):
        await read(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (b"+PONG\r\n", Condition.SERVING),
        (b"-LOADING reading the dataset\r\n", Condition.LOADING),
        (b"-MISCONF disk full\r\n", Condition.SERVING),
        (b"", Condition.SILENT),
    ],
)
async def test_a_ping_tells_loading_from_serving(reply: bytes, expected: Condition) -> None:
    """Loading is waited for, other errors come from a server that is up, a hang-up is silence."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"PING\r\n")
        writer.write(reply)
        writer.close()

    socket = create_runtime_folder() / "redis.sock"
    async with await asyncio.start_unix_server(answer, socket):
        assert await condition(socket) is expected
    socket.unlink()
    socket.parent.rmdir()


async def test_nobody_there(tmp_path: Path) -> None:
    """Without a listener a question fails and a watch ends at once."""
    with pytest.raises(resp.NoAnswerError, match="PING"):
        await resp.ask(tmp_path / "none", "PING")
    await resp.wait_for_hangup(tmp_path / "none")
