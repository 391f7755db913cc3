"""Reports that walk a ledger take turns, and not too many wait."""

import asyncio

import pytest

from app.admin.large_reads import LargeReads
from app.errors import Overloaded
from tests.support.waiting import until


async def test_one_at_a_time_and_few_that_wait() -> None:
    """Four may ask at once, of which one reads; the fifth is told to come again, and each leaves its place."""
    reads = LargeReads()
    under_way, most = 0, 0
    go_on = asyncio.Event()

    async def read() -> None:
        nonlocal under_way, most
        async with reads.turn():
            under_way += 1
            most = max(most, under_way)
            await go_on.wait()
            under_way -= 1

    four = [asyncio.create_task(read()) for _ in range(4)]

    async def one_reads() -> bool:
        return under_way == 1

    await until(one_reads)
    with pytest.raises(Overloaded):
        await read()
    go_on.set()
    await asyncio.gather(*four)
    await read()
    assert most == 1
