"""The wire: keep-alive, pipelining, request framing, caps, start and stop."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest

from app.simulator.run import run_simulator
from app.simulator.scenario import Fault, Scenario
from app.simulator.server import Simulator

PATH = "/v1/images/generations"
ORDER = json.dumps({"model": "gpt-image-2", "prompt": "a fox", "size": "1024x640", "output_format": "webp"}).encode()
LOOK = b"GET /v1/models HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-a\r\n\r\n"


async def connect(simulator: Simulator) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A bare connection."""
    parts = urlsplit(simulator.origin)
    return await asyncio.open_connection(parts.hostname, parts.port)


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """One answer with a content length, leaving the next in the stream."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return int(head.split()[1]), await reader.readexactly(length)


async def close(writer: asyncio.StreamWriter) -> None:
    """Close and wait for it."""
    writer.close()
    await writer.wait_closed()


async def test_connections_are_reused(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """Requests in turn use one connection."""
    for _ in range(5):
        assert (await client.post(PATH, content=ORDER)).status_code == 200

    assert (simulator.exchanges, simulator.connections) == (5, 1)


async def test_pipelined_requests_are_answered_in_order(simulator: Simulator) -> None:
    """A slow picture first and a quick look behind it, sent at once, are answered in that order."""
    reader, writer = await connect(simulator)
    head = b"POST %b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-a\r\n" % PATH.encode()
    writer.write(head + b"Content-Length: %d\r\n\r\n%b" % (len(ORDER), ORDER) + LOOK + LOOK)
    answers = [await read_answer(reader) for _ in range(3)]
    await close(writer)

    assert [next(iter(json.loads(body))) for _, body in answers] == ["created", "object", "object"]
    assert simulator.connections == 1


async def test_chunked_request_byte_by_byte(simulator: Simulator) -> None:
    """A chunked body that arrives in the smallest pieces is put together."""
    reader, writer = await connect(simulator)
    head = b"POST %b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-a\r\nTransfer-Encoding: chunked\r\n\r\n"
    halves = (ORDER[:20], ORDER[20:])
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(half), half) for half in halves)
    for byte in head % PATH.encode() + chunks + b"0\r\n\r\n":
        writer.write(bytes([byte]))
        await writer.drain()
    status, _ = await read_answer(reader)
    await close(writer)

    assert (status, simulator.received[0].body) == (200, ORDER)


async def test_expect_continue(simulator: Simulator) -> None:
    """A client that waits for 100 Continue gets it before it sends its body."""
    reader, writer = await connect(simulator)
    writer.write(b"POST %b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-a\r\n" % PATH.encode())
    writer.write(b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(ORDER))
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(ORDER)
    status, _ = await read_answer(reader)
    await close(writer)

    assert status == 200


@pytest.mark.parametrize(
    "request_head", [LOOK.replace(b"HTTP/1.1", b"HTTP/1.0"), LOOK.replace(b"Host: x", b"Host: x\r\nConnection: close")]
)
async def test_connection_closes_when_asked(simulator: Simulator, request_head: bytes) -> None:
    """HTTP/1.0 and Connection: close end the connection behind the answer."""
    reader, writer = await connect(simulator)
    writer.write(request_head)
    answer = await reader.read()
    await close(writer)

    assert b"Connection: close" in answer


async def test_nonsense_is_refused(simulator: Simulator) -> None:
    """Bytes that are not HTTP get a 400 and an end."""
    reader, writer = await connect(simulator)
    writer.write(b"hello?\r\n\r\n")
    answer = await reader.read()
    await close(writer)

    assert answer.startswith(b"HTTP/1.1 400")


@pytest.fixture
async def strict() -> AsyncIterator[Simulator]:
    """A simulator that reads small bodies only and knows one key."""
    simulator = Simulator(accepts_key=lambda key: key == "sk-only", max_body_bytes=100)
    await simulator.start()
    yield simulator
    await simulator.stop()


async def test_caps_and_keys(strict: Simulator) -> None:
    """A body or a head above its cap is refused unread; the accepted keys can be chosen."""
    async with httpx.AsyncClient(base_url=strict.origin) as client:
        too_large = await client.post(PATH, content=b"x" * 101)
        too_many_headers = await client.get("/v1/models", headers={"X-Long": "x" * 70_000})
        refused = await client.get("/v1/models", headers={"Authorization": "Bearer sk-other"})
        accepted = await client.get("/v1/models", headers={"Authorization": "Bearer sk-only"})

    statuses = [answer.status_code for answer in (too_large, too_many_headers, refused, accepted)]
    assert statuses == [413, 431, 401, 200]


async def test_stop_breaks_off_what_is_under_way() -> None:
    """Stopping with exchanges withheld and hung ends at once and resets their clients; stopping twice is harmless."""
    simulator = Simulator()
    await simulator.start()
    simulator.next(Scenario(withhold=True), Scenario(fault=Fault.HANG))
    async with httpx.AsyncClient(base_url=simulator.origin, headers={"Authorization": "Bearer sk-a"}) as client:
        asked = [asyncio.create_task(client.post(PATH, content=ORDER)) for _ in range(2)]
        await simulator.waiting(2)
        await simulator.stop()
        await simulator.stop()
        outcomes = await asyncio.gather(*asked, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [httpx.ReadError, httpx.ReadError]
    assert simulator.in_flight == 0
    with pytest.raises(RuntimeError, match="not started"):
        _ = simulator.url


async def test_run_simulator_until_sigterm() -> None:
    """The program serves with its latency as default until it is told to end."""
    started: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(run_simulator("127.0.0.1", 0, 0.01, started.set_result))
    async with httpx.AsyncClient(headers={"Authorization": "Bearer sk-a"}) as client:
        answer = await client.post(f"{await started}/images/generations", content=ORDER)
        os.kill(os.getpid(), signal.SIGTERM)
        await running

    assert answer.status_code == 200


async def test_many_at_once(simulator: Simulator) -> None:
    """Two hundred connections at once are all answered."""
    pairs = await asyncio.gather(*(connect(simulator) for _ in range(200)))
    for _, writer in pairs:
        writer.write(LOOK)
    answers = await asyncio.gather(*(read_answer(reader) for reader, _ in pairs))
    await asyncio.gather(*(close(writer) for _, writer in pairs))

    assert {status for status, _ in answers} == {200}
    assert simulator.connections == 200
