"""The programs that tests run: where they are, and that none is left behind by a test run that is killed."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.waiting import until

START_SECONDS = 30.0


def program(name: str, package: str) -> Path:
    """Where a program of the system is. Debian keeps some (nginx) where only root's PATH looks."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    assert found, f"{name} is missing: .ci/run installs it (Debian, Ubuntu: apt install {package})"
    return Path(found)


def tool(name: str) -> str:
    """Where a program is that a development dependency brings; else the machine's own."""
    found = shutil.which(name, path=Path(sys.executable).parent) or shutil.which(name)
    assert found, f"{name} is not installed"
    return found


def watchman(script: str, *words: str | Path | int) -> subprocess.Popen[bytes]:
    """A shell that runs a script when these tests end, however they end: with them, their end of its pipe closes.

    ``communicate()`` closes it earlier; `kill()` before that calls the watchman off.
    """
    return subprocess.Popen(
        ["/bin/sh", "-c", f"read _; {script}", "sh", *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@asynccontextmanager
async def running(words: Sequence[str | Path], log: Path, ready: Callable[[], Awaitable[bool]]) -> AsyncIterator[None]:
    """Run a program until the block ends, which begins when it is ready; its output goes to ``log``."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *words, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output
        )
    guard = watchman('kill -9 "$1"', process.pid)

    async def started() -> bool:
        assert process.returncode is None, f"{words[0]} did not start:\n{_said(log)}"
        return await ready()

    try:
        await until(started, START_SECONDS)
        yield
    finally:
        guard.kill()  # first, so that it kills nobody by a reused pid
        guard.communicate()
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _said(log: Path) -> str:
    return log.read_text(errors="replace")
