"""Bad input gets a clear 4xx in OpenAI's form; nothing is reserved, nothing is forwarded."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from tests.support.gateway import Gateway
from tests.support.waiting import until

HEAD = "POST /v1/images/generations HTTP/1.1\r\nHost: gateway\r\n"


async def untouched(gateway: Gateway, team_id: str) -> bool:
    """No hold, no entry, no exchange upstream."""
    standing = await gateway.services.usage.standing(team_id)
    entries = await gateway.entries(team_id)
    return standing.held == {} and entries == [] and gateway.simulator.exchanges == 0


async def raw(gateway: Gateway, sent: str) -> tuple[int, dict[str, str], bytes]:
    """Send bytes as they are and read one whole answer: status, headers, body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(gateway.address.rsplit(":", 1)[1]))
    writer.write(sent.encode())
    await writer.drain()
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers["content-length"]))
    writer.close()
    return int(head[0].split()[1]), headers, body


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ("{", None),
        ("[]", None),
        ('"text"', None),
        ("{}", "prompt"),
        ('{"prompt": 3}', "prompt"),
        ('{"prompt": ""}', "prompt"),
        ('{"prompt": "x", "n": "two"}', "n"),
        ('{"prompt": "x", "n": 0}', "n"),
        ('{"prompt": "x", "n": 11}', "n"),
        ('{"prompt": "x", "n": true}', "n"),
        ('{"prompt": "x", "size": "1792x936"}', "size"),
        ('{"prompt": "x", "size": "big"}', "size"),
        ('{"prompt": "x", "quality": "standard"}', "quality"),
        ('{"prompt": "x", "model": 5}', "model"),
        ('{"prompt": "x", "model": "qwen-image", "n": 2}', "model"),
        ('{"prompt": "x", "colour": "red"}', "colour"),
        (json.dumps({"prompt": "x" * 32_001}), "prompt"),
        ('{"prompt": "x", "stream": 1}', "stream"),
        ('{"prompt": "x", "stream": true, "partial_images": 4}', "partial_images"),
        ('{"prompt": "x", "response_format": "picture"}', "response_format"),
        ('{"prompt": NaN}', None),
        ('{"prompt": "\\ud800"}', None),
    ],
)
async def test_a_bad_body_is_named_and_costs_nothing(gateway: Gateway, body: str, param: str | None) -> None:
    """Each broken body answers 400 in the envelope, names its parameter, and leaves no trace on the books."""
    team = await gateway.new_team()
    async with gateway.http(await gateway.new_key(team)) as client:
        answer = await client.post("/v1/images/generations", content=body)

    error = answer.json()["error"]
    assert answer.status_code == 400, error
    assert error["param"] == param
    assert error["type"] == "invalid_request_error"
    assert error["message"]
    assert await untouched(gateway, team.id)


async def test_the_key_is_asked_for_before_the_body(gateway: Gateway) -> None:
    """A request without a key is answered 401 while its announced body has not even begun."""
    status, headers, body = await raw(gateway, HEAD + "Content-Length: 100000\r\n\r\n")

    assert status == 401
    assert json.loads(body)["error"]["code"] == "invalid_api_key"
    assert headers["www-authenticate"] == "Bearer"


async def test_a_huge_body_is_refused_by_its_announcement(gateway: Gateway) -> None:
    """A body announced as 100 MB is answered 413 without being read."""
    key = await gateway.new_key(await gateway.new_team())
    sent = HEAD + f"Authorization: Bearer {key}\r\nContent-Length: 104857600\r\n\r\n"
    status, _, body = await raw(gateway, sent)

    assert status == 413
    assert json.loads(body)["error"]["code"] == "request_too_large"


async def test_a_huge_chunked_body_is_refused_while_it_comes(gateway: Gateway) -> None:
    """A body without a length is counted: past the cap it is answered 413."""
    team = await gateway.new_team()

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 65_536

    async with gateway.http(await gateway.new_key(team)) as client:
        answer = await client.post("/v1/images/generations", content=pieces())

    assert answer.status_code == 413
    assert await untouched(gateway, team.id)


async def test_a_client_that_leaves_in_mid_body_costs_nothing(gateway: Gateway) -> None:
    """A body that stops half-way because the client is gone reserves and forwards nothing."""
    team = await gateway.new_team()
    key = await gateway.new_key(team)
    _, writer = await asyncio.open_connection("127.0.0.1", int(gateway.address.rsplit(":", 1)[1]))
    writer.write((HEAD + f"Authorization: Bearer {key}\r\nContent-Length: 500\r\n\r\n" + '{"prompt"').encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    async with gateway.http() as client:

        async def recorded() -> bool:
            return 'code="client_gone"' in (await client.get("/metrics")).text

        await until(recorded)

    assert await untouched(gateway, team.id)
