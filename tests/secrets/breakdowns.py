"""What breaks in a run: the store, the books, Redis, the upstream's keys; each says something on its way."""

import asyncio

import httpx

from app.simulator.scenario import Scenario
from tests.faults.traffic import SMALL
from tests.secrets.slips import GENERATIONS
from tests.secrets.surroundings import user_of
from tests.secrets.whole_run import WholeRun
from tests.support.waiting import until


async def lose_the_store(run: WholeRun, key: str, store_url: str) -> None:
    """The bucket of the hosted pictures is gone."""
    async with httpx.AsyncClient() as moto, run.client(key, 1) as client:
        (await moto.post(f"{store_url}/moto-api/reset")).raise_for_status()
        body = SMALL | {"prompt": run.markers.prompt("a lost store"), "response_format": "url"}
        assert "b64_json" in (await client.post(GENERATIONS, json=body)).text  # what was paid for is given


async def damage_the_books(run: WholeRun, victim: str) -> None:
    """Records of a team that are none: told as lost books, and at the operator's door a fault, with a traceback."""
    team_id, key_id = victim.split("-")[2:4]
    body = SMALL | {"prompt": run.markers.prompt("a fault")}
    async with run.client(victim) as client, run.client(run.markers.admin_token) as door:
        statuses = [(await client.post(GENERATIONS, json=body)).status_code]
        run.redis.ask("DEL", f"ig:{{{team_id}}}:spend")
        run.redis.ask("SET", f"ig:{{{team_id}}}:spend", "no hash")
        statuses.append((await client.post(GENERATIONS, json=body)).status_code)
        run.redis.ask("HSET", f"ig:{{{team_id}}}:key:{key_id}", "document", '{"alias": "no key"}')
        statuses.append((await client.get("/v1/usage")).status_code)
        run.redis.ask("HSET", f"ig:{{{team_id}}}:team", "document", '{"name": "no team"}')
        statuses.append((await door.get("/admin/v1/teams")).status_code)
    assert statuses == [200, 503, 503, 500]


async def lose_redis(run: WholeRun, key: str) -> None:
    """Redis goes while a picture is made, and comes back without the gateways' user, and then with it."""
    body = SMALL | {"prompt": run.markers.prompt("a lost Redis")}
    run.simulator.next(Scenario(withhold=True))
    async with run.client(key, 1) as client, run.client(run.markers.admin_token, 1) as door:
        made = asyncio.create_task(client.post(GENERATIONS, json=body))
        await run.simulator.waiting(1)
        run.redis.stop()
        run.simulator.release()
        assert (await made).status_code == 200  # it is in the journal

        async def is_away() -> bool:
            return (await client.post(GENERATIONS, json=body)).status_code == 503

        async def is_back() -> bool:
            return (await client.post(GENERATIONS, json=body)).status_code == 200

        await until(is_away)
        assert (await door.get("/admin/v1/teams")).status_code == 503
        run.redis.start()
        await until(is_away)
        user_of(run.redis, run.markers.redis_password)
        await until(is_back, seconds=30)


async def lose_the_keys(run: WholeRun, key: str) -> None:
    """The upstream accepts neither key any more, and repeats both; nothing can be bought afterwards."""
    message = f"Incorrect API key provided: {', '.join(run.markers.upstream_keys)}"
    run.simulator.next(*(Scenario(status=401, code="invalid_api_key", message=message) for _ in range(2)))
    body = SMALL | {"prompt": run.markers.prompt("a lost key")}
    async with run.client(key) as client:

        async def are_out() -> bool:
            answer = await client.post(GENERATIONS, json=body)
            return answer.status_code == 503 and answer.json()["error"]["code"] == "upstream_unavailable"

        await until(are_out, seconds=30)
