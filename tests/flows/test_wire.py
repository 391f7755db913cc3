"""The edge of the server, byte by byte: endless heads, missing heads, offers to upgrade, readers that stop."""

import asyncio
import json
import socket
from pathlib import Path

import pytest

from app.simulator.scenario import Scenario
from app.simulator.server import Simulator
from tests.support.gateway import Gateway, running_gateway
from tests.support.waiting import until

BODY = b'{"model":"gpt-image-2","prompt":"a paper boat","size":"1024x1024","quality":"low"}'


async def connect(gateway: Gateway) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection of the test's own."""
    return await asyncio.open_connection("127.0.0.1", int(gateway.address.rsplit(":", 1)[1]))


def head(key: str, *lines: str) -> bytes:
    """The head of an image request."""
    given = "".join(f"{line}\r\n" for line in lines)
    text = f"POST /v1/images/generations HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {key}\r\n{given}"
    return (text + f"Content-Length: {len(BODY)}\r\n\r\n").encode()


async def answer_of(reader: asyncio.StreamReader) -> tuple[int, dict[str, object]]:
    """Status and body of an answer that has a length."""
    top = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).decode().lower()
    length = int(top.split("content-length: ")[1].split("\r\n")[0])
    return int(top.split()[1]), json.loads(await reader.readexactly(length))


@pytest.mark.parametrize("line", [b"X-Long: " + b"x" * 100_000, b"X-Many: 1\r\n" * 10_000])
async def test_an_endless_head_is_refused(gateway: Gateway, line: bytes) -> None:
    """One header without end, or headers without end: 431 after 64 KiB, before anybody asks who it is."""
    reader, writer = await connect(gateway)
    writer.write(b"POST /v1/images/generations HTTP/1.1\r\nHost: g\r\n" + line)
    status, body = await answer_of(reader)
    rest = await reader.read()
    writer.close()

    assert status == 431
    assert isinstance(body["error"], dict)
    assert body["error"]["code"] == "invalid_http"
    assert rest == b""


async def test_what_is_no_http_is_refused_in_the_envelope(gateway: Gateway) -> None:
    """Bytes that are no request get a 400 in OpenAI's form, and the connection is closed."""
    reader, writer = await connect(gateway)
    writer.write(b"\x16\x03\x01 this is TLS\r\n\r\n")
    status, body = await answer_of(reader)
    writer.close()

    assert status == 400
    assert isinstance(body["error"], dict)


async def test_a_head_that_does_not_come_is_not_waited_for(
    redis_url: str, tmp_path: Path, simulator: Simulator
) -> None:
    """A connection whose request does not begin is closed when its time is up; one that does not go on is told so."""
    async with running_gateway(redis_url, tmp_path, simulator, head_seconds=0.2) as gateway:
        silent, silent_writer = await connect(gateway)
        begun, begun_writer = await connect(gateway)
        begun_writer.write(b"POST /v1/images/gen")
        ends = [await asyncio.wait_for(reader.read(), 10) for reader in (silent, begun)]
        silent_writer.close()
        begun_writer.close()

    assert ends[0] == b""
    assert ends[1].startswith(b"HTTP/1.1 408 ")


async def test_an_answer_before_the_body_says_that_nothing_follows(gateway: Gateway) -> None:
    """Who is refused before its body was read is told `Connection: close`, and has time to read it.

    Else a client may send its next request on a connection that nobody reads any more.
    """
    asking = b"POST /v1/images/generations HTTP/1.1\r\nHost: g\r\nContent-Length: 20\r\n\r\n"
    reader, writer = await connect(gateway)
    writer.write(asking)
    answer = await reader.readuntil(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert answer.lower().count(b"\r\nconnection: close\r\n") == 1
    writer.write(b" " * 20)  # what it is sending goes on, and breaks nothing
    rest = await reader.read()
    assert b'"invalid_api_key"' in rest
    writer.close()

    reader, writer = await connect(gateway)
    writer.write(asking + b" " * 20)
    answer = await reader.readuntil(b"\r\n\r\n")
    assert b"\r\nconnection:" not in answer.lower()
    await reader.readuntil(b"}}")
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: g\r\n\r\n")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
    writer.close()


async def test_a_kept_connection_gets_time_for_its_next_head(gateway: Gateway) -> None:
    """Requests one after the other on one connection, each in two parts, are all served."""
    key = await gateway.new_key(await gateway.new_team())
    reader, writer = await connect(gateway)
    statuses = []
    for _ in range(3):
        sent = f"GET /v1/models HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
        writer.write(sent[:30])
        await writer.drain()
        writer.write(sent[30:])
        statuses.append((await answer_of(reader))[0])
    writer.close()

    assert statuses == [200, 200, 200]


async def test_an_offer_to_upgrade_is_ignored(gateway: Gateway) -> None:
    """`Upgrade: h2c`, which HTTP/2 clients send on plain connections, changes nothing: the body is read as ever."""
    gateway.simulator.default = Scenario(status=400)  # any answer that shows the request went through
    key = await gateway.new_key(await gateway.new_team())
    reader, writer = await connect(gateway)
    writer.write(head(key, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQ") + BODY)
    status, _ = await answer_of(reader)
    writer.close()

    assert status == 400
    assert gateway.simulator.exchanges == 1


async def test_two_authorization_headers_are_refused(gateway: Gateway) -> None:
    """Nobody can say which of two keys is meant, on any route."""
    key = await gateway.new_key(await gateway.new_team())
    reader, writer = await connect(gateway)
    writer.write(head(key, f"Authorization: Bearer {key}") + BODY)
    status, _ = await answer_of(reader)
    writer.write(f"GET /v1/models HTTP/1.1\r\nHost: g\r\n{f'Authorization: Bearer {key}' + chr(13) + chr(10)}".encode())
    writer.write(f"Authorization: Bearer {key}\r\n\r\n".encode())
    listed, _ = await answer_of(reader)
    writer.close()

    assert (status, listed) == (401, 401)


async def test_a_reader_that_stops_does_not_hold_its_place(
    redis_url: str, tmp_path: Path, simulator: Simulator
) -> None:
    """A client that never reads is gone after a while: its place and its connection are free, its picture is paid."""
    simulator.default = Scenario(padding_bytes=12_000_000)
    async with running_gateway(redis_url, tmp_path, simulator, send_seconds=0.5) as gateway:
        team = await gateway.new_team()
        key = await gateway.new_key(team)
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            deaf.setblocking(False)
            address = ("127.0.0.1", int(gateway.address.rsplit(":", 1)[1]))
            await asyncio.get_running_loop().sock_connect(deaf, address)
            await asyncio.get_running_loop().sock_sendall(deaf, head(key) + BODY)

            async def is_free() -> bool:
                idle = gateway.services.places.number == 0 and gateway.connections == 0
                return simulator.exchanges == 1 and idle

            await until(is_free)
        entries = await gateway.entries(team.id)

    assert [(e.outcome, e.image_output) for e in entries] == [("delivered", 196)]
