"""A server that greets like Redis and then answers, or does not, as a test says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

_GREETING = b"%1\r\n+proto\r\n:3\r\n"


@asynccontextmanager
async def pretended_server(answer: Callable[[bytes], Awaitable[bytes]]) -> AsyncIterator[int]:
    """Serve on a port of loopback; ``answer`` gets what came and gives what goes back, nothing included."""
    writers: list[asyncio.StreamWriter] = []

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while came := await reader.read(4096):
            if b"HELLO" in came:
                writer.write(_GREETING)
            elif b"SETNAME" in came:
                writer.write(b"+OK\r\n")
            else:
                writer.write(await answer(came))

    async with await asyncio.start_server(meet, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        for writer in writers:
            writer.close()
            await writer.wait_closed()
