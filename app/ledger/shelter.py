"""Finishing what must be finished, even while the task that does it is being cancelled."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

SHELTER_SECONDS = 10.0
"""Longer than one round trip to Redis and a write to the journal can take; a stuck disk must not hang a shutdown."""


async def sheltered(work: Coroutine[Any, Any, T], seconds: float = SHELTER_SECONDS) -> T:
    """Run ``work`` to its end; a cancellation that comes meanwhile is raised afterwards.

    Raises:
        TimeoutError: it was not done in time; it has been cancelled.
        asyncio.CancelledError: the caller was cancelled, and the work is done.

    """
    task = asyncio.ensure_future(work)
    deadline = asyncio.get_running_loop().time() + seconds
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        left = deadline - asyncio.get_running_loop().time()
        if left <= 0:
            task.cancel()
            raise TimeoutError(f"sheltered work took more than {seconds} s")
        try:
            await asyncio.wait([task], timeout=left)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        task.exception()  # seen, so that it is not reported as lost; the cancellation is what the caller must hear
        raise cancelled
    return task.result()
