"""Callers that ask for pictures over raw sockets, and time each answer; what they read they forget."""

import asyncio
import time
from dataclasses import dataclass

from tests.load.canned_upstream import content_length

_READ_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class Burst:
    """What a burst of requests came to."""

    answered: int
    failed: int
    wall_seconds: float
    seconds: tuple[float, ...]
    """Of each answer, ascending."""

    def within(self, share: float) -> float:
        """The seconds within which that share of the answers came."""
        return self.seconds[min(len(self.seconds) - 1, int(share * len(self.seconds)))] if self.seconds else 0.0


async def burst(port: int, key: str, *, callers: int, requests: int, spread_seconds: float = 0.0) -> Burst:
    """So many requests by so many callers, each on a connection of its own; they begin spread over that time."""
    body = b'{"model":"gpt-image-2","prompt":"a paper boat","size":"1024x1024","quality":"low"}'
    words = (
        f"POST /v1/images/generations HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    left, times, failed = requests, [], 0

    async def call(at: int) -> None:
        nonlocal left, failed
        await asyncio.sleep(spread_seconds * at / callers)
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=_READ_BYTES)
        try:
            while left > 0:
                left -= 1
                started = time.perf_counter()
                writer.write(words.encode() + body)
                if await _read_answer(reader):
                    times.append(time.perf_counter() - started)
                else:
                    failed += 1
        finally:
            writer.close()

    began = time.perf_counter()
    await asyncio.gather(*[call(at) for at in range(callers)])
    return Burst(len(times), failed, time.perf_counter() - began, tuple(sorted(times)))


async def _read_answer(reader: asyncio.StreamReader) -> bool:
    """Read an answer to its end; whether it was a 200."""
    head = await reader.readuntil(b"\r\n\r\n")
    if b"chunked" in head.lower():
        while size := int(await reader.readline(), 16):
            await _skip(reader, size + 2)
        await reader.readline()
    else:
        await _skip(reader, content_length(head))
    return head.startswith(b"HTTP/1.1 200")


async def _skip(reader: asyncio.StreamReader, number: int) -> None:
    while number > 0:
        number -= len(await reader.read(min(number, _READ_BYTES)))
