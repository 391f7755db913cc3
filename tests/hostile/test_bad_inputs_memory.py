"""What all bad inputs together do to the memory of a gateway: a process, watched by its resident set."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.simulator.server import Simulator
from tests.flows.test_memory import memory_bytes, reset_peak
from tests.hostile.bad_inputs import GROUPS
from tests.hostile.bad_inputs_row import BOAT, Row, post
from tests.hostile.bad_inputs_stage import GUIDE_HOST, Stage, play, standing_stage
from tests.support.process import command, environment, serving

ROWS = [row for group, rows in GROUPS.items() if group != "Slow ones" for row in rows]
SECONDS = 15
AT_ONCE = 4
MOST_LEFT_BYTES = 24 * 1024 * 1024
"""More than before, when all is over; several gigabytes have come in."""
MOST_PEAK_BYTES = 64 * 1024 * 1024
"""More than before, at any moment: four at once are at it, with bodies of up to 4 MB."""


@asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[tuple[int, int, str, Stage]]:
    """A gateway process: its pid and port, a key of it, and the stage."""
    async with Simulator() as simulator, standing_stage() as stage:
        given = environment(
            folder / "data",
            simulator,
            IMAGEGATE_IMAGE_URL_HOSTS="*",
            IMAGEGATE_FETCH_NETWORKS=f"{GUIDE_HOST}/32",
            IMAGEGATE_MAX_UPLOAD_BYTES="4000000",
            IMAGEGATE_MAX_IMAGE_BYTES="1000000",
            IMAGEGATE_FETCH_SECONDS="0.5",
        )
        await command(given, "teams", "create", "design", "--budget", "1000")
        made = json.loads(await command(given, "keys", "create", "--team", "design", "--alias", "ana", "--json"))
        async with serving(given) as process:
            yield process.pid, int(given["IMAGEGATE_PORT"]), made["key"], stage


@pytest.mark.slow
async def test_bad_inputs_leave_nothing_in_memory(tmp_path: Path) -> None:
    """All of them again and again, four at once: the memory stays where the first round has left it.

    In a process of its own, on uvloop, each has the status that the page says, too.
    """
    async with watched(tmp_path) as (pid, port, key, stage):
        sent = [stage.set(row, key) for row in ROWS]
        count = 0

        wrong = [
            (row.tried, answer.status)
            for row, one in zip(ROWS, sent, strict=True)  # code and buffers that every further one shares
            if (answer := await play(port, one)).status != row.status
        ]

        async def play_some(rows: Iterator[bytes], until_seconds: float) -> None:
            nonlocal count
            while time.monotonic() < until_seconds:
                await play(port, next(rows))
                count += 1

        before = memory_bytes(pid, "VmRSS")
        reset_peak(pid)
        rows = itertools.cycle(sent)
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(play_some(rows, time.monotonic() + SECONDS))
        left, peak = memory_bytes(pid, "VmRSS") - before, memory_bytes(pid, "VmHWM") - before
        good = await play(port, stage.set(Row("", post(BOAT), 200), key))

    print(f"{count} bad inputs: {before / 1e6:.0f} MB, {left / 1e6:+.1f} MB after, {peak / 1e6:+.1f} MB at most")
    assert wrong == []
    assert good.status == 200
    assert left < MOST_LEFT_BYTES
    assert peak < MOST_PEAK_BYTES
    assert stage.visits == 0
