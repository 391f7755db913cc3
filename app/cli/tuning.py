"""What is asked of the interpreter and its allocator before it serves: how pictures pass decides it.

Measured with ``tests/load``: without the allocator's part answers of 2 MB cost a fifth more, without the collector's
small ones a tenth.
"""

import asyncio
import contextlib
import ctypes
import gc
from collections.abc import AsyncIterator
from typing import Final

from app.gateway.places import Places

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
"""Numbers of glibc's malloc.h."""

_KEPT_BYTES: Final = 16 * 1024 * 1024
"""How much of the heap's free end is kept. By default little is: each chunk of an answer then gives memory back that
the next one has to ask for again, page by page."""
_MAPPED_BYTES: Final = 4 * 1024 * 1024
"""What is smaller lies on the heap; a chunk of an answer has 256 KiB."""

_YOUNG_OBJECTS: Final = 50_000
"""How many new objects are looked through at once for cycles. A request makes about a thousand, and next to none of
them is in a cycle; the default of 700 has the collector run several times for each. With hundreds in flight a tenth of
this still costs some per cent."""


_LOOK_SECONDS: Final = 5.0
"""Between two looks at whether a crowd has gone."""
_CROWD: Final = 50
"""Requests in flight that leave memory behind which is worth collecting."""


def tune_allocator() -> None:
    """Keep memory that will be needed in a moment; does nothing where the C library is not glibc."""
    with contextlib.suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES)


def tune_collector() -> None:
    """Collect less often, and leave alone what is there by now: it stays until the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 50)


@contextlib.asynccontextmanager
async def returning_memory(places: Places) -> AsyncIterator[None]:
    """Give back what a crowd of requests has left behind, as soon as it has gone, for as long as the context lasts."""
    task = asyncio.create_task(_return_memory(places), name="returns memory")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _return_memory(places: Places) -> None:
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        if places.peak >= _CROWD and places.number <= places.peak // 4:
            places.peak = places.number
            return_memory()


def return_memory() -> None:
    """Free what only cycles hold, and give the kernel what is free; takes milliseconds, in which nothing else runs."""
    gc.collect()
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
