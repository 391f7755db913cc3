"""A replica as its operator has it: `imagegate serve` under a supervisor that starts it again, on the same folder."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from tests.support.programs import watchman
from tests.support.scraping import Samples, read_samples

READY_SECONDS = 60.0
"""It may have to be started more than once: one that finds Redis away says so and ends."""
STOP_SECONDS = 60.0
"""More than it may take to finish what is in flight and write down the rest."""


class Replica:
    """One that can be killed, stopped and started again; the same port, the same data folder, another process."""

    def __init__(self, name: str, given: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.given = dict(given)
        self.log = log
        self.life = 0
        """Which process it is, counted from 1."""
        self.troubles: list[str] = []
        self._was_ready = False
        self._process: asyncio.subprocess.Process | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._changing = asyncio.Lock()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.given['IMAGEGATE_PORT']}"

    @property
    def pid(self) -> int | None:
        """Its process; None while there is none."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def start(self) -> None:
        """Start it, and wait until it is ready.

        Raises:
            TimeoutError: it never was.
            RuntimeError: its very first process ended at once, so something is wrong with how it is started.

        """
        async with asyncio.timeout(READY_SECONDS), httpx.AsyncClient(base_url=self.address, timeout=2) as client:
            while not await self._is_ready(client):
                if self.pid is None and self.life and not self._was_ready:
                    raise RuntimeError(f"{self.name} did not start:\n{self.log.read_text(errors='replace')[-2000:]}")
                if self.pid is None:
                    await self._spawn()
                await asyncio.sleep(0.1)
        self._was_ready = True

    async def restart(self, number: signal.Signals, pause_seconds: float) -> None:
        """End it by a signal, and have it started again after a moment."""
        async with self._changing:
            assert self._process is not None, "it was never started"
            self._process.send_signal(number)
            try:
                await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
            except TimeoutError:
                self.troubles.append(f"{self.name} did not stop within {STOP_SECONDS:.0f} s of {number.name}")
                self._process.kill()
                await self._process.wait()
            await asyncio.sleep(pause_seconds)
            try:
                await self.start()
            except TimeoutError:
                self.troubles.append(f"{self.name} was not ready {READY_SECONDS:.0f} s after its start")

    async def settled(self) -> None:
        """Wait until nobody restarts it any more."""
        async with self._changing:
            pass

    async def close(self) -> None:
        """End its process, in good order if it can."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
            except (TimeoutError, asyncio.CancelledError):
                self._process.kill()
                await self._process.wait()
        self._call_off()

    async def metrics(self) -> Samples:
        """What it tells Prometheus."""
        async with httpx.AsyncClient(base_url=self.address, timeout=30) as client:
            answer = await client.get("/metrics")
        assert answer.status_code == 200, answer.text
        return read_samples(answer.text)

    async def is_ready(self) -> bool:
        """Whether it says that it can serve."""
        async with httpx.AsyncClient(base_url=self.address, timeout=5) as client:
            return await self._is_ready(client)

    async def _spawn(self) -> None:
        self._call_off()
        self.life += 1
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "app", "serve"),
                env=self.given,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._guard = watchman('kill -9 "$1"', self._process.pid)

    async def _is_ready(self, client: httpx.AsyncClient) -> bool:
        if self.pid is None:
            return False
        try:
            return (await client.get("/readyz")).status_code == 200
        except httpx.TransportError:
            return False

    def _call_off(self) -> None:
        """Before the pid can be somebody else's."""
        if self._guard is not None:
            self._guard.kill()
            self._guard.communicate()
            self._guard = None
