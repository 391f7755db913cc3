"""What is asked of the interpreter and its allocator before it serves: how pictures pass decides it.

Measured with ``tests/load``: without the allocator's part answers of 2 MB cost a fifth more, without the collector's
small ones a tenth.
"""

import contextlib
import ctypes
import gc
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
"""Numbers of glibc's malloc.h."""

_KEPT_BYTES: Final = 16 * 1024 * 1024
"""How much of the heap's free end is kept. By default little is: each chunk of an answer then gives memory back that
the next one has to ask for again, page by page."""
_MAPPED_BYTES: Final = 4 * 1024 * 1024
"""What is smaller lies on the heap; a chunk of an answer has 256 KiB."""

_YOUNG_OBJECTS: Final = 10_000
"""How many new objects are looked through at once for cycles. A request makes about a thousand, and next to none of
them is in a cycle; the default of 700 has the collector run several times for each."""


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
