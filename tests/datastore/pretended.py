"""A server that greets like Redis and then answers, or does not, as a test says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

_GREETING = b"%1\r\n+proto\r\n:3\r\n+OK\r\n"
"""To HELLO, and to the CLIENT SETNAME behind it."""


@asynccontextmanager
async def pretended_server(answer: Callable[[bytes], Awaitable[bytes | None]]) -> AsyncIterator[int]:
    """Serve on a port of loopback; ``answer`` gets what came and gives what goes back, be it nothing; None hangs up."""
    writers: list[asyncio.StreamWriter] = []

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while came := await reader.read(4096):
            if b"HELLO" in came:
                writer.write(_GREETING)
            elif (back := await answer(came)) is None:
                writer.transport.abort()
            else:
                writer.write(back)

    async with await asyncio.start_server(meet, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        for writer in writers:
            writer.close()
            await writer.wait_closed()
