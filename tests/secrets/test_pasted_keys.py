"""A key in the wrong place goes no further: not into an answer, not into the books, not into a trace."""

from pathlib import Path

import pytest

from app.simulator.server import Simulator
from tests.faults.traffic import SMALL
from tests.secrets.answers import Answers
from tests.secrets.needles import Needle, search_all
from tests.secrets.slips import GENERATIONS, make, pasted, pasted_by_an_operator
from tests.support.gateway import ADMIN_TOKEN, running_gateway
from tests.support.redis_server import RedisServer


def written_to(redis: RedisServer) -> dict[str, bytes]:
    """Everything in Redis, by key."""
    names: list[str] = redis.ask("KEYS", "*")
    found = {}
    for name in names:
        kind = redis.ask("TYPE", name)
        asked = {
            "string": ("GET", name),
            "hash": ("HGETALL", name),
            "set": ("SMEMBERS", name),
            "zset": ("ZRANGE", name, 0, -1),
            "stream": ("XRANGE", name, "-", "+"),
        }
        found[name] = f"{name} {redis.ask(*asked[kind])}".encode()
    return found


async def test_a_pasted_key_goes_no_further(own_redis: RedisServer, tmp_path: Path, simulator: Simulator) -> None:
    """In any field, header, path, name or note: the answer has its public id at most, and so have the books."""
    answers = Answers()
    async with running_gateway(own_redis.url, tmp_path, simulator, unknown_fields="pass") as gateway:
        key = await gateway.new_key(await gateway.new_team())
        needle = Needle("the key", key.rpartition("-")[2])
        async with answers.client(gateway.address, ADMIN_TOKEN) as door:
            await door.post("/admin/v1/teams", json={"name": "design"})
            for slip in pasted_by_an_operator(key):
                await make(door, slip)
        async with answers.client(gateway.address, key) as client:
            bought = await client.post(GENERATIONS, json=SMALL | {"prompt": "a boat", "user": key})
            assert bought.status_code == 200
            for slip in pasted(key, "a boat"):
                await make(client, slip)
        places = written_to(own_redis)

    assert any(key.rpartition("-")[0].encode() + b"-***" in content for content in places.values())
    assert search_all(places | answers.kept, [needle]) == []
    assert {200, 201, 400, 404} <= set(answers.statuses)


@pytest.mark.parametrize("state", ["k=sk-ig-Ab12Cd34-Ef56Gh78-0123456789abcdef", "a=1,k=sk-0123456789abcdef"])
async def test_a_key_in_a_trace_ends_there(state: str, redis_url: str, tmp_path: Path, simulator: Simulator) -> None:
    """What others keep in a trace is passed on, but for what has a key in it."""
    async with (
        running_gateway(redis_url, tmp_path, simulator) as gateway,
        gateway.http(await gateway.new_key(await gateway.new_team())) as client,
    ):
        sent = []
        for given in (state, "a=1"):
            headers = {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01", "tracestate": given}
            await client.post(GENERATIONS, json=SMALL | {"prompt": "a boat"}, headers=headers)
            sent.append({name.lower(): value for name, value in simulator.received[-1].headers})
    assert "tracestate" not in sent[0]
    assert sent[1]["tracestate"] == "a=1"
    assert all(headers["traceparent"].startswith(f"00-{'ab' * 16}-") for headers in sent)
