"""A program: a picture of 20 MB into a store and out again, then one of 100 MB; prints by how many bytes more it took.

A process of its own, because the memory of the tests' own has been anywhere before.
"""

import asyncio
import os
import resource
import sys
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

from app.assets.names import new_name
from app.assets.store import AssetStore, open_store

LARGE_BYTES = 100_000_000
SMALL_BYTES = 20_000_000
"""Of several parts already, so that what one part in memory costs, which depends on the threads, is in both."""
CHUNK_BYTES = 50_000


def peak_bytes() -> int:
    """The most memory this process ever had. On Linux ``ru_maxrss`` would include that of the process it came from."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


async def chunks(size_bytes: int) -> AsyncIterator[bytes]:
    """A picture, each chunk another."""
    for number in range(size_bytes // CHUNK_BYTES):
        yield number.to_bytes(8, "big") * (CHUNK_BYTES // 8)


async def in_and_out(store: AssetStore, size_bytes: int) -> None:
    """Keep a picture, read it, compare."""
    name = new_name(1_800_000_000, "png")
    await store.put(name, chunks(size_bytes))
    went_in, came_out = sha256(), sha256()
    async for chunk in chunks(size_bytes):
        went_in.update(chunk)
    async for piece in store.read(name, 0, size_bytes):
        came_out.update(piece)
    assert went_in.digest() == came_out.digest()


async def measure(address: str) -> None:
    """What the large one takes beyond what the small one took."""
    store = open_store(address)
    await in_and_out(store, SMALL_BYTES)
    before = peak_bytes()
    await in_and_out(store, LARGE_BYTES)
    print(peak_bytes() - before)


if __name__ == "__main__":
    asyncio.run(measure(sys.argv[1]))
    sys.stdout.flush()
    # Not the long way out: a thread of obstore's that lets go of its last result while the interpreter is taken down
    # aborts the process (PyO3/pyo3-async-runtimes issue 40).
    os._exit(0)
