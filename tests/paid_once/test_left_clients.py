"""A client that leaves does not lose its picture: it is fetched by the id of the request, with the same key."""

import asyncio
import base64
import io
from pathlib import Path

import httpx
from PIL import Image

from app.simulator.pictures import read_serial
from app.simulator.scenario import Scenario
from tests.faults.accounting import BOAT, GENERATIONS
from tests.paid_once.impatient import charges, nobody_waits
from tests.paid_once.pickup import REQUESTS, come_to, kept_answer, recent
from tests.paid_once.sdk_program import OUR_OWN, sdk_program
from tests.support.gateway import Gateway


async def test_a_killed_client_finds_its_picture_later(gateway: Gateway, tmp_path: Path) -> None:
    """Kill -9 of a program that waits: its request is listed in progress, then delivered, charged once, and there."""
    gateway.simulator.default = Scenario(withhold=True)
    team = await gateway.new_team()
    key = await gateway.new_key(team)
    async with (
        sdk_program(OUR_OWN, tmp_path, gateway.base_url, key, timeout_seconds=60) as program,
        gateway.http(key) as client,
    ):
        await gateway.simulator.waiting(1)
        await program.kill()
        (request,) = await recent(client)
        in_flight = (request["status"], (await client.get(f"{REQUESTS}/{request['id']}")).json()["status"])
        gateway.simulator.release()
        await come_to(client, request["id"], "delivered")
        answer = await kept_answer(client, request["id"])
        again = await kept_answer(client, request["id"])

    assert in_flight == ("in_progress", "in_progress")
    assert _serial(answer) == 1
    assert again.content == answer.content
    assert gateway.simulator.exchanges == 1
    assert await charges(gateway, team, 1) == ["delivered"]


async def test_what_was_taken_by_half_is_claimed_by_retries(gateway: Gateway) -> None:
    """Hung up in the middle, and once more by its retry: the second retry gets the picture whole, another buys anew."""
    gateway.simulator.default = Scenario(padding_bytes=20_000_000)
    team = await gateway.new_team()
    tries = [{"x-stainless-lang": "python", "x-stainless-retry-count": count} for count in "0122"]
    async with gateway.http(await gateway.new_key(team)) as client:
        for headers in tries[:2]:
            async with client.stream("POST", GENERATIONS, json=BOAT, headers=headers) as answer:
                await anext(answer.aiter_raw())
            await nobody_waits(gateway)
        whole = await client.post(GENERATIONS, json=BOAT, headers=tries[2])
        anew = await client.post(GENERATIONS, json=BOAT, headers=tries[3])

    assert (_serial(whole), _serial(anew)) == (1, 2)
    assert await charges(gateway, team, 2) == ["delivered"] * 2


async def test_nobody_else_finds_it(gateway: Gateway) -> None:
    """Another key, even of the same team, has no such request, in its list or by its id."""
    team = await gateway.new_team()
    async with (
        gateway.http(await gateway.new_key(team)) as client,
        gateway.http(await gateway.new_key(team)) as other,
        gateway.http() as nobody,
    ):
        request_id = (await client.post(GENERATIONS, json=BOAT)).headers["x-request-id"]
        theirs = await recent(other)
        found = [await asking.get(f"{REQUESTS}/{request_id}") for asking in (other, nobody)]
        deleted = await other.delete(f"{REQUESTS}/{request_id}")
        await kept_answer(client, request_id)

    assert theirs == []
    assert [answer.status_code for answer in (*found, deleted)] == [404, 401, 404]


async def test_delete_forgets_the_picture_and_not_the_charge(gateway: Gateway) -> None:
    """After DELETE the answer is gone for good; what it cost stays in the list and in the books."""
    team = await gateway.new_team()
    async with gateway.http(await gateway.new_key(team)) as client:
        request_id = (await client.post(GENERATIONS, json=BOAT)).headers["x-request-id"]
        await kept_answer(client, request_id)
        deleted = await client.delete(f"{REQUESTS}/{request_id}")
        gone = await client.get(f"{REQUESTS}/{request_id}")
        (listed,) = await recent(client)

    assert deleted.is_success
    assert "data" not in gone.json()
    assert (listed["id"], listed["status"]) == (request_id, "delivered")
    assert await charges(gateway, team, 1) == ["delivered"]


async def test_a_client_that_left_before_dispatch_bought_nothing(gateway: Gateway) -> None:
    """Who hangs up while their body is still on its way is charged nothing, and nothing is sent upstream."""
    team = await gateway.new_team()
    key = await gateway.new_key(team)
    host, port = gateway.address.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = f"POST {GENERATIONS} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n"
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{".encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    await nobody_waits(gateway)

    async with gateway.http(key) as client:
        assert await recent(client) == []
    assert (gateway.simulator.exchanges, await gateway.entries(team.id)) == (0, [])


def _serial(answer: httpx.Response) -> int:
    (picture,) = answer.json()["data"]
    data = base64.b64decode(picture["b64_json"], validate=True)
    with Image.open(io.BytesIO(data)) as image:
        image.load()
    return read_serial(data)
