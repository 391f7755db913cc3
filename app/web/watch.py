"""Noticing that the client of a request without a body has hung up, while something is waited for or sent."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.types import Receive


@asynccontextmanager
async def watched(receive: Receive) -> AsyncIterator[Callable[[], bool]]:
    """Watch for as long as the block runs; what is given tells whether the client has gone.

    What it may have sent as a body is read and thrown away.
    """
    gone = asyncio.Event()

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        gone.set()

    watching = asyncio.create_task(watch())
    try:
        yield gone.is_set
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
