"""Waiting for a condition, with a deadline: what a test does instead of sleeping."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def until(check: Callable[[], Awaitable[T]], seconds: float = 10.0) -> T:
    """Ask again and again until the answer is true; gives that answer.

    Raises:
        TimeoutError: it never was.

    """
    async with asyncio.timeout(seconds):
        while not (found := await check()):  # noqa: ASYNC110 - what is waited for is in another process, or in Redis
            await asyncio.sleep(0.01)
    return found
