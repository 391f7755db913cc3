"""A user's program: one picture asked for with a real SDK, in a process that can be listened to and killed."""

import asyncio
import base64
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.contract.environments import node_program, python_program
from tests.faults.accounting import BOAT
from tests.house.tree import ROOT

HERE = ROOT / "tests" / "paid_once"
OUR_OWN = "the openai of our own environment"
"""In place of a name of `tests.contract.sdk_run.SDKS`: nothing has to be installed for it."""
LONGEST_LINE_BYTES = 64 * 1024 * 1024
SECONDS = 120.0
"""A program says something long before; one that says nothing for so long hangs."""


class SdkProgram:
    """What a running program has said so far, and what it says next."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.tries: list[int] = []
        """The retry counts of the tries so far."""

    async def tried(self, count: int) -> None:
        """Wait until it makes the try of this retry count."""
        while count not in self.tries:
            assert "try" in (said := await self._next()), f"it ended before try {count}: {str(said)[:200]}"

    async def picture(self) -> bytes:
        """The picture it got in the end."""
        said = await self._end()
        assert "picture" in said, said
        return base64.b64decode(said["picture"], validate=True)

    async def error(self) -> Mapping[str, Any]:
        """What it raised in the end: ``error``, the class; ``status``; ``code``."""
        said = await self._end()
        assert "error" in said, "it got a picture"
        return said

    async def kill(self) -> None:
        """Kill -9."""
        self._process.kill()
        await self._process.wait()

    async def _end(self) -> Mapping[str, Any]:
        while "try" in (said := await self._next()):
            pass
        return said

    async def _next(self) -> Mapping[str, Any]:
        assert self._process.stdout is not None
        async with asyncio.timeout(SECONDS):
            line = await self._process.stdout.readline()
        assert line, "the program ended without a word"
        said: dict[str, Any] = json.loads(line)
        if "try" in said:
            self.tries.append(said["try"])
        return said


@asynccontextmanager
async def sdk_program(
    sdk: str,
    folder: Path,
    base_url: str,
    key: str,
    *,
    timeout_seconds: float,
    headers: Mapping[str, str] | None = None,
    order: Mapping[str, Any] = BOAT,
) -> AsyncIterator[SdkProgram]:
    """Start a program that asks for one picture with the SDK's default retries; no later than the block it ends."""
    plan = {
        "base_url": base_url,
        "key": key,
        "timeout_seconds": timeout_seconds,
        "headers": dict(headers or {}),
        "order": dict(order),
    }
    words = await asyncio.to_thread(_command, sdk, folder)
    process = await asyncio.create_subprocess_exec(
        *words,
        json.dumps(plan),
        # Nothing of the developer's own environment, such as a key, an address or a proxy, may change what an SDK does.
        env={"PATH": os.environ["PATH"]},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        limit=LONGEST_LINE_BYTES,
    )
    try:
        yield SdkProgram(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def _command(sdk: str, folder: Path) -> Sequence[str]:
    """The program and its environment, made on first use."""
    if sdk == OUR_OWN:
        return sys.executable, str(HERE / "one_picture.py")
    if sdk != "openai-node":
        return str(python_program(sdk)), str(HERE / "one_picture.py")
    node, modules = node_program()
    # Node looks for packages beside the file that imports them.
    beside = folder / "node"
    if not beside.exists():
        beside.mkdir()
        (beside / "node_modules").symlink_to(modules)
        (beside / "one_picture.mjs").write_bytes((HERE / "one_picture.mjs").read_bytes())
    return str(node), str(beside / "one_picture.mjs")
