"""Several requests on one connection, of which one is hostile: the others get their own answers, and nothing else."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.simulator.scenario import Scenario
from app.simulator.server import Simulator
from app.web.protocol import EdgeProtocol
from tests.hostile.bad_inputs_row import BOAT, KEY, QUOTE, head, post
from tests.hostile.bad_inputs_stage import Answer, play
from tests.support.gateway import Gateway, running_gateway
from tests.support.waiting import until

GOOD = post(BOAT)


@pytest.fixture
async def gateway(redis_url: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with (
        Simulator() as simulator,
        running_gateway(redis_url, tmp_path, simulator, background=False, head_seconds=2) as running,
    ):
        yield running


@asynccontextmanager
async def connected(gateway: Gateway) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection of the test's own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(gateway.address.rsplit(":", 1)[1]))
    try:
        yield reader, writer
    finally:
        writer.close()


async def played(gateway: Gateway, *requests: bytes) -> Answer:
    """What a team of its own gets for these, sent all at once."""
    key = await gateway.new_key(await gateway.new_team())
    port = int(gateway.address.rsplit(":", 1)[1])
    return await play(port, b"".join(requests).replace(KEY, key.encode()))


@pytest.mark.parametrize(
    "behind",
    [
        b"\x00\x01\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-Nul: \x00\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: ",
        b"GET /" + b"x" * 400_000,
    ],
    ids=["garbage", "a bad header", "half a head", "a head without end"],
)
async def test_what_follows_a_request_does_not_hurt_it(gateway: Gateway, behind: bytes) -> None:
    """A picture that is being made is delivered whole, whatever comes behind its request; then the connection ends."""
    gateway.simulator.default = Scenario(latency_seconds=0.5, padding_bytes=1_000_000)
    answer = await played(gateway, GOOD, behind)

    assert answer.status == 200
    assert len(answer.body) > 1_000_000
    assert answer.rest == b""
    assert gateway.simulator.exchanges == 1


async def test_requests_at_once_are_answered_in_turn(gateway: Gateway) -> None:
    """Three requests in one piece get three answers; of the third, whose body is no HTTP, the refusal."""
    quote = post(BOAT, target=QUOTE)
    broken = head("Transfer-Encoding: chunked", target=QUOTE) + b"zz\r\n"
    key = await gateway.new_key(await gateway.new_team())
    async with connected(gateway) as (reader, writer):
        writer.write((quote + quote + broken).replace(KEY, key.encode()))
        answers = await asyncio.wait_for(reader.read(), 10)

    assert re.findall(rb"HTTP/1.1 (\d+)", answers) == [b"200", b"200", b"400"]
    assert b"invalid_http" in answers


async def test_few_requests_wait_behind_each_other(gateway: Gateway) -> None:
    """Thousands of requests in one piece are not kept until their turn comes: seventeen are answered, in turn."""
    async with connected(gateway) as (reader, writer):
        writer.write(b"GET /v1/models HTTP/1.1\r\n\r\n" * 5_000)
        answers = await asyncio.wait_for(reader.read(), 10)

    assert re.findall(rb"HTTP/1.1 (\d+)", answers) == [b"401"] * 17


async def test_what_was_refused_unread_ends_the_connection(gateway: Gateway) -> None:
    """The body of a request that was refused by its head is not read as a further request, whatever is in it."""
    hidden = b"GET /v1/models HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer " + KEY + b"\r\n\r\n"
    answer = await played(gateway, head("Content-Length: 100000000"), hidden * 2_000)

    assert answer.status == 413
    assert answer.rest == b""


async def test_a_trailer_is_no_header(gateway: Gateway) -> None:
    """What stands behind a body is not taken for a header of the request, here for the key that it must have."""
    key = await gateway.new_key(await gateway.new_team())
    sent = head("Transfer-Encoding: chunked", target=QUOTE).replace(b"Authorization: Bearer " + KEY + b"\r\n", b"")
    sent += b"%x\r\n%b\r\n0\r\nAuthorization: Bearer %b\r\n\r\n" % (len(BOAT), BOAT, key.encode())

    assert (await play(int(gateway.address.rsplit(":", 1)[1]), sent)).status == 401


async def test_an_offer_to_upgrade_in_a_body_moves_nothing(gateway: Gateway) -> None:
    """A body is as long as its head says, whatever it has in it and however it is cut.

    An offer that is made harmless by a longer word would push the end of the body out, to be read as a request.
    """
    key = await gateway.new_key(await gateway.new_team())
    hidden = b"GET /v1/models HTTP/1.1\r\nHost: gateway\r\n\r\n"
    body = b"x" + b"\r\nUpgrade:" * 20 + b"\r\n\r\n" + hidden.ljust(200)
    sent = head(f"Content-Length: {len(body)}", target=QUOTE).replace(KEY, key.encode())
    async with connected(gateway) as (reader, writer):
        writer.write(sent[:-2])

        async def is_read() -> bool:
            found = [one for one in gateway.server.server_state.connections if isinstance(one, EdgeProtocol)]
            return [len(one.headers or ()) for one in found] == [2]  # nobody knows yet that the third is whole

        await until(is_read)
        writer.write(sent[-2:] + body)
        answers = await asyncio.wait_for(reader.readuntil(b"}}"), 10)
        writer.write_eof()
        answers += await reader.read()

    assert answers.count(b"HTTP/1.1 ") == 1
    assert b"invalid_json" in answers


async def test_an_offer_to_upgrade_is_ignored_each_time(gateway: Gateway) -> None:
    """HTTP/2-capable clients make it with every request of a connection; each is read as ever."""
    offer = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQ")
    key = await gateway.new_key(await gateway.new_team())
    firsts = []
    async with connected(gateway) as (reader, writer):
        for _ in range(3):
            writer.write(post(BOAT, *offer, target=QUOTE).replace(KEY, key.encode()))
            top = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
            firsts.append(top[:13])
            await reader.readexactly(int(top.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))

    assert firsts == [b"HTTP/1.1 200 "] * 3
