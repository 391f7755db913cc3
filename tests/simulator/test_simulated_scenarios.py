"""How a scenario is chosen, written and read; how exchanges are held, counted and looked at."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from app.simulator.playbook import Playbook, read_tag
from app.simulator.scenario import Content, Fault, Scenario, ScenarioError, read_scenario
from app.simulator.server import Simulator

PATH = "/v1/images/generations"


def order(prompt: str = "a fox") -> dict[str, Any]:
    """A valid and cheap request."""
    return {"model": "gpt-image-2", "prompt": prompt, "quality": "low", "size": "1024x640", "output_format": "webp"}


def test_order_of_choice() -> None:
    """The queue comes before the tag, the tag before the default."""
    playbook = Playbook()
    playbook.default = Scenario(status=500)
    playbook.next(Scenario(status=401))

    assert playbook.choose("[scenario: status=429]").status == 401
    assert playbook.choose("[scenario: status=429]").status == 429
    assert playbook.choose("a fox").status == 500


def test_tag_is_laid_over_the_default() -> None:
    """A tag changes what it names and keeps the rest; a bare word is true; words convert."""
    tagged = read_tag(
        "a fox [Scenario: withhold, status=429 fault=cut_body latency_seconds=0.5] at night", Scenario(chunked=True)
    )

    assert tagged == Scenario(withhold=True, status=429, fault=Fault.CUT_BODY, latency_seconds=0.5, chunked=True)
    assert read_tag("a fox [no scenario]", Scenario()) is None


@pytest.mark.parametrize("fields", [{"colour": "red"}, {"status": 99}, {"fault": "meteor"}, {"latency_seconds": -1}])
def test_bad_scenarios(fields: dict[str, object]) -> None:
    """An unknown field or an impossible value is refused by name."""
    with pytest.raises(ScenarioError, match=next(iter(fields))):
        read_scenario(fields)


async def test_bad_tag_is_explained(client: httpx.AsyncClient) -> None:
    """Whoever misspells a tag is told so."""
    answer = await client.post(PATH, json=order("[scenario: stauts=429]"))

    assert (answer.status_code, "stauts" in answer.json()["error"]["message"]) == (400, True)


async def test_tag_over_http(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """A tag in a prompt works through any client, for that exchange alone."""
    statuses = [(await client.post(PATH, json=order(prompt))).status_code for prompt in ("[scenario: status=429]", "a")]

    assert statuses == [429, 200]


async def test_latency(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """The answer takes at least its latency."""
    simulator.default = Scenario(latency_seconds=0.15)
    started = asyncio.get_running_loop().time()
    await client.post(PATH, json=order())

    assert asyncio.get_running_loop().time() - started >= 0.15


async def test_withhold_and_release(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """Withheld exchanges have drawn their pictures, and go one by one or all at once."""
    simulator.default = Scenario(withhold=True)
    asked = [asyncio.create_task(client.post(PATH, json=order())) for _ in range(3)]
    await simulator.waiting(3)
    assert (simulator.pictures, simulator.in_flight, any(task.done() for task in asked)) == (3, 3, False)

    assert simulator.release(1) == 1
    done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    assert len(done) == 1
    assert simulator.release() == 2
    assert {(await task).status_code for task in asked} == {200}
    await simulator.quiet()


async def test_waiting_in_vain(simulator: Simulator) -> None:
    """Waiting for what does not come ends in a TimeoutError."""
    with pytest.raises(TimeoutError):
        await simulator.waiting(1, timeout_seconds=0.01)


async def test_a_client_that_leaves_stops_nothing(simulator: Simulator) -> None:
    """The picture of a client that left before the answer is drawn and counted, as CometAPI bills it."""
    body = json.dumps(order()).encode()
    host, port = simulator.origin.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST %b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-a\r\n" % PATH.encode())
    writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    await simulator.logbook.until(lambda: simulator.pictures == 1)
    await simulator.quiet()

    assert simulator.exchanges == 1


async def test_received_requests_are_kept(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """What arrived can be looked at: method, path, query, headers as spelt, body; only the last hundred."""
    await client.post(f"{PATH}?a=1", json=order(), headers={"X-Odd-Case": "Yes"})
    received = simulator.received[-1]
    assert (received.method, received.path, received.query) == ("POST", PATH, "a=1")
    assert ("X-Odd-Case", "Yes") in received.headers
    assert received.header("authorization") == "Bearer sk-test"
    assert json.loads(received.body) == order()

    for _ in range(110):
        await client.get("/api/models")
    assert (len(simulator.received), simulator.exchanges) == (100, 111)


async def test_control_routes(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """Everything a test does by hand can be done over HTTP, without a key."""
    async with httpx.AsyncClient(base_url=f"{simulator.origin}/_simulator/") as control:
        await control.post("next", json=[{"status": 429}, {"content": "empty_data"}])
        await control.put("default", json={"withhold": True})
        assert (await client.post(PATH, json=order())).status_code == 429
        assert (await client.post(PATH, json=order())).json()["data"] == []
        asked = asyncio.create_task(client.post(PATH, json=order()))
        await simulator.waiting(1)

        statistics = (await control.get("stats")).json()
        assert (statistics["exchanges"], statistics["pictures"], statistics["held"]) == (3, 1, 1)
        assert statistics["default"]["withhold"] is True
        assert statistics["received"][0]["path"] == PATH
        assert (await control.post("release", json={"count": 5})).status_code == 200
        assert (await asked).status_code == 200
        await simulator.quiet()

        after = (await control.post("reset")).json()
        assert (after["exchanges"], after["pictures"], after["received"], after["queued"]) == (0, 0, [], 0)
        assert simulator.default == Scenario()


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "next", b"{", 400),
        ("POST", "next", b'{"colour": 1}', 400),
        ("POST", "next", b'["x"]', 400),
        ("PUT", "default", b"[]", 400),
        ("POST", "release", b"[]", 400),
        ("GET", "nowhere", b"", 404),
    ],
)
async def test_bad_control_requests(simulator: Simulator, method: str, path: str, body: bytes, status: int) -> None:
    """A control request that makes no sense changes nothing and says why."""
    async with httpx.AsyncClient() as control:
        answer = await control.request(method, f"{simulator.origin}/_simulator/{path}", content=body)

    assert answer.status_code == status
    assert answer.json()["error"]
    assert simulator.default == Scenario()


async def test_one_exchange_one_scenario(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """A refusal by CometAPI uses up the scenario of its exchange, for one exchange has one scenario."""
    simulator.next(Scenario(content=Content.EMPTY_DATA))
    await client.post(PATH, json=order() | {"model": "nope"})

    assert (await client.post(PATH, json=order())).json()["data"]
