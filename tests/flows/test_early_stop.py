"""A gateway that is told to stop while it starts: it ends by itself, instead of serving for ever."""

import asyncio
import json
import signal
import sys
from pathlib import Path

from app.simulator.server import Simulator
from tests.support.process import environment

END_SECONDS = 30


async def test_a_signal_during_the_start_is_not_lost(simulator: Simulator, tmp_path: Path) -> None:
    """SIGTERM before it listens: it starts, sees that it is not wanted, closes everything and ends with 0."""
    given = environment(tmp_path, simulator, IMAGEGATE_LOG_FORMAT="json")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "serve"), env=given, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    events: list[str] = []
    try:
        while line := await asyncio.wait_for(process.stderr.readline(), END_SECONDS):
            event = json.loads(line).get("event") if line.startswith(b"{") else None
            if event is not None:
                events.append(event)
            if event == "starting":
                process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), END_SECONDS) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert events[0] == "starting"
    assert events[-1] == "stopped"
