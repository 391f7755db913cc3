"""Run the simulator as a program of its own, until told to end."""

import asyncio
import signal
from collections.abc import Callable

from app.simulator.scenario import Scenario
from app.simulator.server import Simulator


async def run_simulator(
    host: str,
    port: int,
    latency_seconds: float = 0.0,
    on_start: Callable[[str], None] | None = None,
) -> None:
    """Serve until cancelled, or until SIGTERM or SIGINT; ``on_start`` is told the base URL. Any key is a good one."""
    simulator, ended = Simulator(accepts_key=bool), asyncio.Event()
    simulator.default = Scenario(latency_seconds=latency_seconds)
    loop = asyncio.get_running_loop()
    await simulator.start(host, port)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    try:
        if on_start is not None:
            on_start(simulator.url)
        await ended.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        await simulator.stop()
