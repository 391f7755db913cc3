"""``GET /v1/catalog``: what a teammate's console draws its form from."""

from typing import Any

from tests.support.gateway import Gateway


async def catalog(gateway: Gateway, key: str) -> dict[str, dict[str, Any]]:
    """What a key is told, by model."""
    async with gateway.http(key) as client:
        answer = await client.get("/v1/catalog")
    assert answer.status_code == 200, answer.text
    return {model["name"]: model for model in answer.json()["models"]}


async def test_a_key_sees_the_models_it_may_use(gateway: Gateway) -> None:
    """All that are on offer and have a price, or those of its list among them."""
    team = await gateway.new_team()
    async with gateway.http(key := await gateway.new_key(team)) as client:
        listed = {model["id"] for model in (await client.get("/v1/models")).json()["data"]}
    models = await catalog(gateway, key)
    assert models.keys() == listed
    assert models["gpt-image-2"]["operations"]["generations"]["parameters"]["n"]["max"] == 10
    assert set(await catalog(gateway, await gateway.new_key(team, models=("gpt-image-2",)))) == {"gpt-image-2"}


async def test_nobody_sees_no_catalog(gateway: Gateway) -> None:
    """A virtual key is wanted, as everywhere."""
    async with gateway.http() as client:
        assert (await client.get("/v1/catalog")).status_code == 401
