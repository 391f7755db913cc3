"""A gateway as a process, with everything it says kept: standard output, standard error, the folder it works in."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support.waiting import until

CORES_ALLOWED = ("/bin/sh", "-c", 'ulimit -S -c "$(ulimit -H -c)" && exec "$@"', "sh")
"""Starts a program that may leave core files as far as it is up to the machine: forbidding them is its own doing."""


@dataclass(frozen=True, slots=True)
class Replica:
    """One process; ``folder`` has its data in ``data`` and is where it would leave a core file, in ``work``."""

    process: asyncio.subprocess.Process
    address: str
    folder: Path

    @property
    def data(self) -> Path:
        """Its data folder."""
        return self.folder / "data"

    @property
    def work(self) -> Path:
        """Its working directory, which it has no reason to write to."""
        return self.folder / "work"

    @property
    def said(self) -> dict[str, bytes]:
        """Standard output and standard error."""
        return {f"{self.folder.name}/{name}": (self.folder / name).read_bytes() for name in ("stdout", "stderr")}

    def proc(self, name: str, pid: int | None = None) -> bytes:
        """What the kernel tells of it, or of another process."""
        return Path(f"/proc/{pid or self.process.pid}/{name}").read_bytes()

    def http(self, token: str | None = None) -> httpx.AsyncClient:
        """A client of it."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.AsyncClient(base_url=self.address, headers=headers, timeout=30)


@asynccontextmanager
async def replica(folder: Path, environment: Mapping[str, str]) -> AsyncIterator[Replica]:
    """`imagegate serve` with these variables, until the block ends; its data folder and port are its own."""
    (folder / "work").mkdir(parents=True)
    port = environment["IMAGEGATE_PORT"]
    root = Path(__file__).parents[2]
    given = {**environment, "IMAGEGATE_DATA_DIR": str(folder / "data"), "PYTHONPATH": str(root)}
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as error:
        process = await asyncio.create_subprocess_exec(
            *(*CORES_ALLOWED, sys.executable, "-m", "app", "serve"),
            env=given,
            cwd=folder / "work",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=error,
        )
    running = Replica(process, f"http://127.0.0.1:{port}", folder)
    own: list[int] = []
    try:
        async with running.http() as client:

            async def is_ready() -> bool:
                assert process.returncode is None, running.said
                try:
                    return (await client.get("/readyz")).status_code == 200
                except httpx.TransportError:
                    return False

            await until(is_ready, seconds=30)
        own = children(process.pid)
        yield running
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        if await asyncio.wait_for(process.wait(), 30) < 0:  # it crashed: its Redis lives on, for its next start
            for pid in own:
                os.kill(pid, signal.SIGTERM)


def core_limits(limits: bytes) -> list[str]:
    """Soft and hard limit of core files, as `/proc/<pid>/limits` has them."""
    line = next(line for line in limits.decode().splitlines() if line.startswith("Max core file size"))
    return line.removeprefix("Max core file size").split()[:2]


def children(pid: int) -> list[int]:
    """The processes this one has started: of a gateway, its embedded server."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
