"""What a gateway or a key may choose: strictness, unknown fields, unknown models."""

from pathlib import Path
from typing import Any

import openai
import pytest

from app.accounts.models import KeyOptions
from app.money import parse_dollars
from app.simulator.server import Simulator
from tests.support.gateway import Gateway, running_gateway

BOAT: dict[str, Any] = {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x1024", "quality": "low"}


async def test_what_a_model_does_not_take_is_left_out_and_told(gateway: Gateway) -> None:
    """`style` is dall-e-3's: gpt-image-2 is asked without it, and the head says so."""
    async with gateway.http(await gateway.new_key(await gateway.new_team())) as client:
        answer = await client.post("/v1/images/generations", json=BOAT | {"style": "vivid"})

    assert answer.status_code == 200
    assert answer.headers["x-imagegate-normalized"] == "style;dropped"
    assert b"style" not in gateway.simulator.received[0].body


@pytest.mark.parametrize("where", ["key", "gateway"])
async def test_strict_refuses_it(redis_url: str, tmp_path: Path, simulator: Simulator, where: str) -> None:
    """By key or by setting, the same request is a 400 that names the parameter; a lenient key overrules the setting."""
    async with running_gateway(redis_url, tmp_path, simulator, strict=where == "gateway") as gateway:
        team = await gateway.new_team()
        strict = await gateway.new_key(team, options=KeyOptions(strict=True if where == "key" else None))
        lenient = await gateway.new_key(team, options=KeyOptions(strict=False))
        with pytest.raises(openai.BadRequestError) as caught:
            await gateway.sdk(strict).images.generate(**BOAT, style="vivid")
        await gateway.sdk(lenient).images.generate(**BOAT, style="vivid")

    assert (caught.value.param, caught.value.code) == ("style", "unsupported_parameter")


async def test_unknown_models_are_refused_by_name(gateway: Gateway) -> None:
    """A model nobody knows is a 404 that names the setting; nothing is sent."""
    client = gateway.sdk(await gateway.new_key(await gateway.new_team()))
    with pytest.raises(openai.NotFoundError) as caught:
        await client.images.generate(**BOAT | {"model": "gpt-image-9"})

    assert caught.value.code == "model_not_found"
    assert "IMAGEGATE_UNKNOWN_MODELS" in caught.value.message
    assert gateway.simulator.exchanges == 0


async def test_unknown_models_may_pass_at_an_assumed_price(
    redis_url: str, tmp_path: Path, simulator: Simulator
) -> None:
    """A made-up model is charged at the setting's price, a new gpt-image by its family's rules; both are marked."""
    settings: dict[str, Any] = {"unknown_models": "pass", "unknown_model_price": "0.50"}
    async with running_gateway(redis_url, tmp_path, simulator, **settings) as gateway:
        team = await gateway.new_team()
        client = gateway.sdk(await gateway.new_key(team))
        await client.images.generate(model="flux-9-ultra", prompt="a boat", n=2)
        await client.images.generate(**BOAT | {"model": "gpt-image-9"})
        with pytest.raises(openai.BadRequestError) as caught:
            await client.images.generate(**BOAT | {"model": "gpt-image-9", "size": "1000x1000"})
        strange, family = await gateway.entries(team.id)
        async with gateway.http() as scraper:
            metrics = (await scraper.get("/metrics")).text

    assert (strange.model, strange.flags) == ("flux-9-ultra", "assumed")
    assert strange.cost == strange.images * parse_dollars("0.50")
    assert (family.model, family.flags) == ("gpt-image-9", "assumed")
    assert family.image_output > 0
    assert caught.value.param == "size"
    assert "gpt-image-9" not in metrics
    assert 'imagegate_spend_dollars_total{model="other"' in metrics
