"""What answers without end cost in memory: a gateway process, watched by its peak resident set."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.simulator.server import Simulator
from tests.flows.test_memory import memory_bytes, reset_peak
from tests.hostile.bad_answers_row import answer, chunked, head, whole
from tests.hostile.raw_upstream import Play, RawUpstream, asking_for, endless
from tests.support.process import command, environment, serving

LETTERS = b"A" * 65_536
EVENTS = head(kind="text/event-stream")
JSON_BEGINS = b'{"data":[{"b64_json":"iVBORw0K'
BOAT: dict[str, Any] = {"model": "gpt-image-2", "size": "1024x1024", "quality": "low"}
HOUSE: dict[str, Any] = {"model": "dall-e-3", "size": "1024x1024"}
SPACE = chunked(b" " * 65_536, ended=False)

CASES: dict[str, tuple[Play, dict[str, Any]]] = {
    "base64": (endless(head() + JSON_BEGINS, LETTERS), BOAT),
    "base64 to be hosted": (endless(head() + JSON_BEGINS, LETTERS), BOAT | {"response_format": "url"}),
    "base64 to become an event": (endless(head() + JSON_BEGINS, LETTERS), BOAT | {"stream": True}),
    "an event": (
        endless(EVENTS + b'data: {"type":"image_generation.completed","b64_json":"', LETTERS),
        BOAT | {"stream": True},
    ),
    "comments": (endless(EVENTS + b": ", LETTERS), BOAT | {"stream": True}),
    "partial images": (
        endless(EVENTS, b'data: {"type":"image_generation.partial_image","b64_json":"%b"}\n\n' % (LETTERS * 160)),
        BOAT | {"stream": True, "partial_images": 2},
    ),
    "a link to be fetched": (
        endless(head() + b'{"data":[{"url":"https://a.example/', LETTERS),
        HOUSE | {"response_format": "b64_json"},
    ),
    "a data URI to become base64": (
        endless(head() + b'{"data":[{"url":"data:image/png;base64,', LETTERS),
        HOUSE | {"response_format": "b64_json"},
    ),
    "white space": (endless(head("200 OK", "transfer-encoding: chunked"), SPACE), BOAT),
    "an error": (endless(head("400 No") + b'{"error":{"message":"', LETTERS), BOAT),
    "usage": (endless(head() + answer()[:-1] + b',"usage":[', b"9," * 30_000), BOAT),
    "a header": (endless(b"HTTP/1.1 200 OK\r\nx-a: ", LETTERS), BOAT),
}
MOST_BYTES_EACH = 4 * 1024 * 1024
TOTAL_SECONDS = "4"


async def read_away(client: httpx.AsyncClient, prompt: str, body: dict[str, Any]) -> bool:
    """Ask for a picture; whether it came."""
    try:
        async with client.stream("POST", "/v1/images/generations", json=body | {"prompt": prompt}) as found:
            async for _ in found.aiter_raw():
                pass
            return found.status_code == 200
    except httpx.RemoteProtocolError:
        return False


@pytest.mark.slow
async def test_answers_without_end_take_little_memory(tmp_path: Path) -> None:
    """A dozen at once, of every kind: none becomes a picture, and the peak grows by less than 4 MB for each."""
    folder = tmp_path / "catalog"
    folder.mkdir()
    (folder / "dall-e-3.toml").write_text('extends = "dall-e-3"\n[price]\nper_image = "0.04"\nsource = "the tests"\n')
    plays = {name: play for name, (play, _) in CASES.items()}
    async with RawUpstream(plays, whole(answer())) as upstream, Simulator() as simulator:
        given = environment(
            tmp_path / "data",
            simulator,
            COMETAPI_BASE_URL=upstream.url,
            IMAGEGATE_CATALOG_DIR=str(folder),
            IMAGEGATE_UPSTREAM_TOTAL_SECONDS=TOTAL_SECONDS,
        )
        await command(given, "teams", "create", "design", "--budget", "1000")
        key = json.loads(await command(given, "keys", "create", "--team", "design", "--alias", "ana", "--json"))["key"]
        address = f"http://127.0.0.1:{given['IMAGEGATE_PORT']}"
        async with (
            serving(given) as process,
            httpx.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client,
        ):
            assert await read_away(client, "good", BOAT)
            before = memory_bytes(process.pid, "VmRSS")
            reset_peak(process.pid)
            came = await asyncio.gather(*[read_away(client, asking_for(name), CASES[name][1]) for name in CASES])
            grown = memory_bytes(process.pid, "VmHWM") - before
            assert (await client.get("/readyz")).status_code == 200

    print(f"{grown / len(CASES) / 1e6:.2f} MB for each of {len(CASES)} at once")
    assert dict(zip(CASES, came, strict=True)) == dict.fromkeys(CASES, False)
    assert set(plays) <= set(upstream.over)
    assert grown / len(CASES) < MOST_BYTES_EACH
