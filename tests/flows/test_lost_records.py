"""A Redis that has lost its records under a running gateway: teammates hear of our fault, and are never throttled."""

import pytest

from app.keyspace import TeamKeys
from tests.support.gateway import Gateway

BOAT = {"model": "gpt-image-2", "prompt": "a boat", "size": "1024x1024", "quality": "low"}
TRIES = 15
"""More wrong credentials than are told so before they are refused as guesses."""


@pytest.mark.parametrize("what", ["all", "team"])
async def test_a_good_key_is_neither_unknown_nor_a_guess(gateway: Gateway, what: str) -> None:
    """It buys nothing, hears 503 at either kind of route however often it asks, and works when the records are back."""
    team = await gateway.new_team()
    key = await gateway.new_key(team)
    redis = gateway.services.datastore
    async with gateway.http(key) as client:
        assert (await client.post("/v1/images/generations", json=BOAT)).status_code == 200
        bought = gateway.simulator.pictures
        record = await redis.command("DUMP", TeamKeys(team.id).record)
        await (redis.command("FLUSHALL") if what == "all" else redis.command("DEL", TeamKeys(team.id).record))

        for _ in range(TRIES):
            answers = [await client.post("/v1/images/generations", json=BOAT), await client.get("/v1/models")]
            told = {(answer.status_code, answer.json()["error"]["code"]) for answer in answers}
            assert told == {(503, "store_unavailable")}
        assert gateway.simulator.pictures == bought

        if what == "team":
            await redis.command("RESTORE", TeamKeys(team.id).record, 0, record)
            assert (await client.post("/v1/images/generations", json=BOAT)).status_code == 200


async def test_a_key_the_gateway_never_saw_is_unknown_on_an_emptied_redis(gateway: Gateway) -> None:
    """Nobody can know better."""
    key = await gateway.new_key(await gateway.new_team())
    await gateway.services.datastore.command("FLUSHALL")
    async with gateway.http(key) as client:
        answer = await client.post("/v1/images/generations", json=BOAT)

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
