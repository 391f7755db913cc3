"""Asking as a patient caller does: refused, it waits as it is told and asks again, until the harness has enough."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from app.errors import StoreUnavailable

T = TypeVar("T")

PATIENCE_SECONDS = 30.0


async def answer(ask: Callable[[], Awaitable[T]], *, certain: bool = False) -> T:
    """The answer, however often it takes; ``certain``: every refusal on the way says that nothing happened."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                return await ask()
            except StoreUnavailable as refused:
                if certain and refused.may_have_happened:
                    raise
                await asyncio.sleep(min(0.1, refused.retry_after_seconds or 0))


async def refusal(ask: Callable[[], Awaitable[object]]) -> StoreUnavailable:
    """The refusal, the first time of asking; one that never comes is a hang and fails."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        with pytest.raises(StoreUnavailable) as refused:
            await ask()
    return refused.value


async def refused_at_last(ask: Callable[[], Awaitable[object]]) -> StoreUnavailable:
    """The refusal that comes when a fault has taken hold."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                await ask()
            except StoreUnavailable as refused:
                return refused
            await asyncio.sleep(0.01)
