"""A few Redis commands over a unix socket: just enough protocol to know, watch and stop our own server."""

import asyncio
from pathlib import Path

ANSWER_SECONDS = 2.0
"""A local server answers in microseconds; while loading it still listens every few megabytes."""

Reply = bytes | int | list["Reply"] | None


class NoAnswerError(Exception):
    """Nobody listens, or the server hung up or stayed silent."""


class ErrorReplyError(Exception):
    """The server answered with an error; the message is its own (``LOADING …``, ``BUSY …``)."""


async def ask(socket: Path, *words: str, within_seconds: float = ANSWER_SECONDS) -> Reply:
    """One command on a connection of its own: its reply, an ErrorReplyError, or a NoAnswerError."""
    try:
        async with asyncio.timeout(within_seconds):
            reader, writer = await asyncio.open_unix_connection(socket)
            try:
                writer.write(encode(*words))
                return await read_reply(reader)
            finally:
                writer.close()
    except (OSError, EOFError, TimeoutError, ValueError) as error:
        raise NoAnswerError(f"{words[0]} on {socket}: {str(error) or type(error).__name__}") from error


async def wait_for_hangup(socket: Path) -> None:
    """Hold an idle connection until the server closes it; returns at once when nobody listens.

    The server's death ends the connection in the same instant, whoever its parent process is.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(socket)
    except OSError:
        return
    try:
        await reader.read(1)
    except OSError:
        return
    finally:
        writer.close()


def encode(*words: str) -> bytes:
    """A command as the protocol wants it: an array of length-prefixed strings."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word.encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)


async def read_reply(reader: asyncio.StreamReader) -> Reply:
    """The next reply (RESP2); ErrorReplyError for an error, EOFError or ValueError for a broken answer."""
    line = await reader.readuntil(b"\r\n")
    kind, rest = line[:1], line[1:-2]
    match kind:
        case b"+":
            return rest
        case b"-":
            raise ErrorReplyError(rest.decode(errors="replace"))
        case b":":
            return int(rest)
        case b"$":
            length = int(rest)
            return (await reader.readexactly(length + 2))[:-2] if length >= 0 else None
        case b"*":
            return [await read_reply(reader) for _ in range(int(rest))]
        case _:
            raise ValueError(f"not a reply: {line[:40]!r}")
