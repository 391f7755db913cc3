"""A line on a terminal that says that something goes on; nothing anywhere else, so that logs and pipes stay clean."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import click

_CLEAR_LINE = "\r\x1b[K"


def show_progress(text: str) -> None:
    """Put a line in the place of the one before; on a terminal only."""
    if sys.stderr.isatty():
        click.echo(f"{_CLEAR_LINE}{text}", nl=False, err=True)


def end_progress() -> None:
    """Take the line away."""
    show_progress("")


@asynccontextmanager
async def seconds_shown(what: str) -> AsyncIterator[None]:
    """Count the seconds until the block ends."""
    counting = asyncio.create_task(_count(what))
    try:
        yield
    finally:
        counting.cancel()
        with suppress(asyncio.CancelledError):
            await counting
        end_progress()


async def _count(what: str) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    while sys.stderr.isatty():
        show_progress(f"{what}, {loop.time() - began:.0f} s")
        await asyncio.sleep(1)
