"""What large pictures cost in memory: a gateway process, watched by its peak resident set."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from app.simulator.scenario import Scenario
from app.simulator.server import Simulator
from tests.support.process import command, environment, serving

PICTURE_BYTES = 15 * 1024 * 1024
"""20 MB of base64."""
AT_ONCE = 6
MOST_BYTES_EACH = 8 * 1024 * 1024

BOAT: dict[str, object] = {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x1024", "quality": "low"}
HOUSE: dict[str, object] = {"model": "dall-e-3", "prompt": "a house", "size": "1024x1024"}
CASES: dict[str, tuple[dict[str, object], Scenario]] = {
    "passed on": (BOAT, Scenario(padding_bytes=PICTURE_BYTES)),
    "base64 to link": (BOAT | {"response_format": "url"}, Scenario(padding_bytes=PICTURE_BYTES)),
    "link to base64": (
        HOUSE | {"response_format": "b64_json"},
        Scenario(padding_bytes=PICTURE_BYTES, other_container=True),
    ),
    "made into events": (BOAT | {"stream": True}, Scenario(padding_bytes=PICTURE_BYTES, ignores_stream=True)),
}


def memory_bytes(pid: int, figure: str) -> int:
    """The memory the process has resident now (``VmRSS``), or had at most since the last reset (``VmHWM``)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{figure}:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"the kernel tells no {figure}")


def reset_peak(pid: int) -> None:
    """Begin to watch anew (proc(5): clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


@asynccontextmanager
async def watched(folder: Path, simulator: Simulator) -> AsyncIterator[tuple[httpx.AsyncClient, int]]:
    """A gateway process that may fetch from this machine: a client of it, and its pid."""
    catalog = folder / "catalog"
    catalog.mkdir()
    (catalog / "dall-e-3.toml").write_text(
        'extends = "dall-e-3"\n[price]\nper_image = "0.04"\nsource = "the tests"\n'
        '[links]\nhosts = ["127.0.0.1"]\nsource = "the tests"\n'
    )
    given = environment(
        folder / "data",
        simulator,
        IMAGEGATE_CATALOG_DIR=str(catalog),
        IMAGEGATE_FETCH_NETWORKS="127.0.0.0/8",
    )
    await command(given, "teams", "create", "design", "--budget", "1000")
    made = json.loads(await command(given, "keys", "create", "--team", "design", "--alias", "ana", "--json"))
    async with (
        serving(given) as process,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{given['IMAGEGATE_PORT']}",
            headers={"Authorization": f"Bearer {made['key']}"},
            timeout=120,
        ) as client,
    ):
        yield client, process.pid


async def read_away(client: httpx.AsyncClient, body: dict[str, object]) -> int:
    """Ask for a picture and count its bytes."""
    count = 0
    async with client.stream("POST", "/v1/images/generations", json=body) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert "x-imagegate-warning" not in answer.headers
        async for chunk in answer.aiter_bytes():
            count += len(chunk)
    return count


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
async def test_a_20_mb_answer_takes_less_than_8_mb_of_memory(tmp_path: Path, name: str) -> None:
    """Several 20 MB answers at once, passed on or converted: the peak grows by less than 8 MB for each."""
    body, scenario = CASES[name]
    async with Simulator() as simulator, watched(tmp_path, simulator) as (client, pid):
        simulator.default = scenario
        await read_away(client, body)  # code and buffers that every further request shares
        before = memory_bytes(pid, "VmRSS")
        reset_peak(pid)
        sizes = await asyncio.gather(*(read_away(client, body) for _ in range(AT_ONCE)))
        grown = memory_bytes(pid, "VmHWM") - before

    print(f"{name}: {grown / AT_ONCE / 1e6:.2f} MB for each of {AT_ONCE} at once, {max(sizes) / 1e6:.1f} MB answers")
    assert grown / AT_ONCE < MOST_BYTES_EACH
    if body.get("response_format") != "url":
        assert min(sizes) > PICTURE_BYTES
