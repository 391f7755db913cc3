"""The edges of the story: shedding, slow bodies, Redis away, calls counted, the doors that need tokens."""

import asyncio
import json
from collections import Counter
from pathlib import Path

import httpx
import pytest

from app.accounts.models import Limits
from app.simulator.scenario import Scenario
from app.simulator.server import Simulator
from tests.support.gateway import ADMIN_TOKEN, Gateway, running_gateway
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

GENERATIONS = "/v1/images/generations"
MOST_CONNECTIONS = 104
"""Four for the one place, and a hundred."""
BOAT = {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x1024", "quality": "low"}


async def test_more_than_may_be_in_flight_is_shed(redis_url: str, tmp_path: Path, simulator: Simulator) -> None:
    """With two in flight and room for two, two more wait a moment and are told 503; what has no key, at once that."""
    simulator.default = Scenario(withhold=True)
    async with (
        running_gateway(redis_url, tmp_path, simulator, max_in_flight=2) as gateway,
        gateway.http(await gateway.new_key(await gateway.new_team())) as client,
    ):
        asked = [asyncio.create_task(client.post(GENERATIONS, json=BOAT)) for _ in range(2)]
        await simulator.waiting(2)
        late = [asyncio.create_task(client.post(GENERATIONS, json=BOAT)) for _ in range(2)]

        async def both_wait() -> bool:
            return gateway.services.places.waiting == 2

        await until(both_wait)
        stranger = await client.post(GENERATIONS, json=BOAT, headers={"Authorization": ""})
        gauge = (await client.get("/metrics")).text
        refused = await asyncio.gather(*late)
        simulator.release()
        served = await asyncio.gather(*asked)

    assert stranger.status_code == 401
    for answer in refused:
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "overloaded")
        assert int(answer.headers["retry-after"]) > 0
    assert "imagegate_in_flight_requests 2.0" in gauge
    assert [answer.status_code for answer in served] == [200, 200]


async def test_one_key_cannot_have_all_places(redis_url: str, tmp_path: Path, simulator: Simulator) -> None:
    """A key that asks for more than there is leaves a place for another, which is served at once."""
    simulator.default = Scenario(withhold=True)
    async with running_gateway(redis_url, tmp_path, simulator, max_in_flight=10) as gateway:
        team = await gateway.new_team()
        async with (
            gateway.http(await gateway.new_key(team)) as greedy,
            gateway.http(await gateway.new_key(team)) as modest,
        ):
            many = [asyncio.create_task(greedy.post(GENERATIONS, json=BOAT)) for _ in range(12)]
            await simulator.waiting(9)
            one = asyncio.create_task(modest.post(GENERATIONS, json=BOAT))
            await simulator.waiting(10)
            simulator.default = Scenario()  # for those who come later
            simulator.release()
            answers = [answer.status_code for answer in await asyncio.gather(one, *many)]

    assert answers[0] == 200
    assert answers.count(200) >= 10


async def test_who_says_nothing_makes_room(redis_url: str, tmp_path: Path, simulator: Simulator) -> None:
    """Connections beyond the bound, from people who show no key and say nothing, keep nobody out."""
    async with running_gateway(redis_url, tmp_path, simulator, max_in_flight=1) as gateway:
        port = int(gateway.address.rsplit(":", 1)[1])
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MOST_CONNECTIONS + 10)]
        async with gateway.http(await gateway.new_key(await gateway.new_team())) as client:
            answer = await client.post(GENERATIONS, json=BOAT)
        assert answer.status_code == 200
        assert await asyncio.wait_for(silent[0][0].read(), 10) == b""
        assert gateway.connections <= MOST_CONNECTIONS
        for _, writer in silent:
            writer.close()


async def test_who_made_room_is_not_heard_of_again(redis_url: str, tmp_path: Path, simulator: Simulator) -> None:
    """A connection that is closed in the middle of a head is no late head, when that would have been due."""
    async with running_gateway(redis_url, tmp_path, simulator, max_in_flight=1, head_seconds=1) as gateway:
        port = int(gateway.address.rsplit(":", 1)[1])
        begun, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /v1/images/gen")
        await writer.drain()
        later = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MOST_CONNECTIONS)]
        assert await asyncio.wait_for(begun.read(), 10) == b""  # 408 would be an answer
        await asyncio.wait_for(later[-1][0].read(), 10)  # whose head was due behind it
        async with gateway.http() as client:
            counted = (await client.get("/metrics")).text
        for _, other in ((begun, writer), *later):
            other.close()

    assert 'status="408"' not in counted


async def test_a_body_that_stops_half_way_times_out(redis_url: str, tmp_path: Path, simulator: Simulator) -> None:
    """A client that announces a body and stops sending is answered 408 when its time is up."""
    async with running_gateway(redis_url, tmp_path, simulator, body_seconds=0.2) as gateway:
        key = await gateway.new_key(await gateway.new_team())
        reader, writer = await asyncio.open_connection("127.0.0.1", int(gateway.address.rsplit(":", 1)[1]))
        head = f"POST /v1/images/generations HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {key}\r\n"
        writer.write((head + 'Content-Length: 500\r\n\r\n{"prompt"').encode())
        answer = await asyncio.wait_for(reader.readuntil(b"}}"), 10)
        writer.close()

    assert answer.startswith(b"HTTP/1.1 408")
    assert json.loads(answer.split(b"\r\n\r\n")[1])["error"]["code"] == "request_timeout"
    assert simulator.exchanges == 0


async def test_a_request_makes_two_calls_to_redis(redis_url: str, tmp_path: Path, simulator: Simulator) -> None:
    """One script to admit, one to settle; a refusal takes one; a key seen for the first time one read more."""
    async with running_gateway(redis_url, tmp_path, simulator, background=False) as gateway:
        team = await gateway.new_team(Limits(requests_per_minute=3))
        async with gateway.http(await gateway.new_key(team)) as client:
            await calls_of(gateway, client)  # from here on the server knows the scripts
        async with gateway.http(await gateway.new_key(team)) as client:
            cold, warm, refused = [await calls_of(gateway, client) for _ in range(3)]

    assert (cold[0], warm[0], refused[0]) == (200, 200, 429)
    assert (cold[1]["evalsha"], warm[1]["evalsha"], refused[1]["evalsha"]) == (2, 2, 1)
    assert cold[1]["hmget"] - warm[1]["hmget"] == 2
    assert not [sent for _, sent in (cold, warm, refused) if sent["eval"]]


async def calls_of(gateway: Gateway, client: httpx.AsyncClient) -> tuple[int, Counter[str]]:
    """Make one request; its status, and the commands Redis ran for it, those inside scripts included."""
    before = await commands_run(gateway)
    answer = await client.post(GENERATIONS, json=BOAT)
    return answer.status_code, await commands_run(gateway) - before


async def commands_run(gateway: Gateway) -> Counter[str]:
    """How often each command was run since the server started."""
    stats = await gateway.services.datastore.command("INFO", "commandstats")
    return Counter({name.removeprefix("cmdstat_"): figures["calls"] for name, figures in stats.items()})


async def test_redis_away_is_a_503_in_time(own_redis: RedisServer, tmp_path: Path, simulator: Simulator) -> None:
    """With Redis frozen a request is refused with Retry-After, /readyz says so, nothing is bought; then all is well."""
    async with running_gateway(own_redis.url, tmp_path, simulator, redis_timeout_seconds=1.5) as gateway:
        team = await gateway.new_team()
        key = await gateway.new_key(team)
        async with gateway.http(key) as client:
            assert (await client.post(GENERATIONS, json=BOAT)).status_code == 200
            own_redis.pause()
            answer = await client.post(GENERATIONS, json=BOAT)
            ready = await client.get("/readyz")
            own_redis.resume()

            async def serving() -> bool:
                return (await client.post(GENERATIONS, json=BOAT)).status_code == 200

            await until(serving)

            async def settled() -> bool:
                return (await gateway.services.usage.standing(team.id)).held == {}

            await until(settled)
        entries = await gateway.entries(team.id)

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "store_unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert ready.status_code == 503
    assert [e.outcome for e in entries if e.cost] == ["delivered", "delivered"]
    assert simulator.pictures == 2


async def test_a_settlement_while_redis_is_away_waits_on_disk(
    own_redis: RedisServer, tmp_path: Path, simulator: Simulator
) -> None:
    """Redis freezes after the admission: the picture is delivered, its settlement is journalled and written later."""
    simulator.default = Scenario(withhold=True)
    async with running_gateway(own_redis.url, tmp_path, simulator) as gateway:
        team = await gateway.new_team()
        async with gateway.http(await gateway.new_key(team)) as client:
            asked = asyncio.create_task(client.post(GENERATIONS, json=BOAT))
            await simulator.waiting(1)
            own_redis.pause()
            simulator.release()
            answer = await asked
            waiting = gateway.services.ledger.journal_length
            own_redis.resume()

            async def written() -> bool:
                return [e.outcome for e in await gateway.entries(team.id)] == ["delivered"]

            await until(written)
        differences = (await gateway.services.usage.recompute(team.id)).differences

    assert answer.status_code == 200
    assert waiting == 1
    assert differences == ()


@pytest.mark.parametrize("path", ["/admin/v1/teams", "/admin/v1/nothing"])
async def test_the_operators_door_needs_its_token(gateway: Gateway, path: str) -> None:
    """Without the admin token, or with a virtual key, /admin answers 401 whatever is asked."""
    key = await gateway.new_key(await gateway.new_team())
    async with gateway.http() as client:
        answers = [
            await client.get(path),
            await client.get(path, headers={"Authorization": f"Bearer {key}"}),
            await client.get(path, headers={"Authorization": f"Bearer {ADMIN_TOKEN}x"}),
        ]

    assert [answer.status_code for answer in answers] == [401, 401, 401]


async def test_without_a_token_there_is_no_operators_door(redis_url: str, tmp_path: Path, simulator: Simulator) -> None:
    """With no IMAGEGATE_ADMIN_TOKEN the door does not exist, with any token."""
    async with running_gateway(redis_url, tmp_path, simulator, admin_token=None) as gateway, gateway.http() as client:
        answer = await client.get("/admin/v1/teams", headers={"Authorization": "Bearer None"})

    assert answer.status_code == 404


async def test_metrics_are_for_loopback_or_a_token(redis_url: str, tmp_path: Path, simulator: Simulator) -> None:
    """A scrape that came through a proxy is not from loopback: it needs the metrics token."""
    token = "the-metrics-token-of-the-tests"
    forwarded = {"X-Forwarded-For": "203.0.113.9"}
    async with (
        running_gateway(redis_url, tmp_path, simulator, metrics_token=token) as gateway,
        gateway.http() as client,
    ):
        answers = [
            await client.get("/metrics"),
            await client.get("/metrics", headers=forwarded),
            await client.get("/metrics", headers=forwarded | {"Authorization": f"Bearer {token}"}),
        ]

    assert [answer.status_code for answer in answers] == [200, 401, 200]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("127.0.0.1:8080", 200),
        ("[::1]:8080", 200),
        ("rebound.example:8080", 401),
        ("127.0.0.1.rebound.example", 401),
        ("", 401),
    ],
)
async def test_metrics_are_not_for_pages_of_others(gateway: Gateway, host: str, status: int) -> None:
    """A browser here may be led to loopback by a name of another's (DNS rebinding): that name is refused."""
    async with gateway.http() as client:
        answer = await client.get("/metrics", headers={"Host": host})

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/images/generations", 405),
        ("POST", "/v1/images/nothing", 404),
        ("GET", "/", 404),
        ("POST", "/v1/models", 405),
    ],
)
async def test_any_other_route_answers_in_the_envelope(gateway: Gateway, method: str, path: str, status: int) -> None:
    """Unknown paths and methods are refused in OpenAI's form, with a request id, and nothing goes upstream."""
    async with gateway.http() as client:
        answer = await client.request(method, path)

    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert answer.headers["x-request-id"].startswith("req_")
    assert gateway.simulator.exchanges == 0


async def test_the_openapi_document_has_every_route(gateway: Gateway) -> None:
    """/openapi.json describes the hot routes, which FastAPI cannot see, beside the operator's."""
    async with gateway.http() as client:
        answer: httpx.Response = await client.get("/openapi.json")

    assert {"/v1/images/generations", "/v1/models", "/admin/v1/teams", "/metrics"} <= set(answer.json()["paths"])
