"""What /metrics tells of a gateway at work: its sums are those of the ledger."""

import asyncio
from collections import Counter
from pathlib import Path

import openai
import pytest

from app.accounts.models import Budget, Limits
from app.catalog.pricing import TOKEN_KINDS
from app.money import Money
from app.simulator.scenario import Scenario
from app.simulator.server import Simulator
from tests.support.gateway import Gateway, running_gateway
from tests.support.redis_server import RedisServer
from tests.support.scraping import scrape
from tests.support.waiting import until


async def test_sums_are_those_of_the_ledger(gateway_in_haste: Gateway) -> None:
    """Tokens, pictures, money and unknown outcomes of a busy team are in the metrics what they are in the ledger."""
    gateway = gateway_in_haste
    team = await gateway.new_team()
    sdk = gateway.sdk(await gateway.new_key(team))
    await sdk.images.generate(model="gpt-image-2", prompt="a boat", size="1024x1024", quality="low", n=2)
    await sdk.images.generate(model="gpt-image-2", prompt="a boat", size="1536x1024", quality="medium", n=2)
    await sdk.images.generate(model="gpt-image-2", prompt="a boat", size="auto", quality="high", n=2)
    stream = await sdk.images.generate(model="gpt-image-2", prompt="a boat", size="1024x1024", stream=True)
    async for _ in stream:
        pass
    gateway.simulator.next(Scenario(withhold=True))
    with pytest.raises(openai.APIStatusError):
        await sdk.images.generate(model="gpt-image-2", prompt="never")
    gateway.simulator.release()

    async def all_are_recorded() -> bool:
        return (await scrape(gateway.address)).of("imagegate_requests_total") == 5

    await until(all_are_recorded)  # a client has its answer a moment before its request is recorded
    entries, samples = await gateway.entries(team.id), await scrape(gateway.address)
    tokens = Counter({kind: sum(getattr(entry, kind) for entry in entries) for kind in TOKEN_KINDS})
    told = Counter({kind: int(samples.of("imagegate_tokens_total", team=team.name, kind=kind)) for kind in TOKEN_KINDS})
    assert told == tokens
    assert tokens["image_output"] > 0
    assert samples.of("imagegate_images_total", team=team.name) == sum(entry.images for entry in entries) == 7
    assert round(samples.of("imagegate_spend_dollars_total", team=team.name) * 1e9) == sum(e.cost for e in entries)
    assert samples.of("imagegate_unknown_outcomes_total") == [entry.outcome for entry in entries].count("unknown") == 1
    assert samples.of("imagegate_image_sizes_total", size="2mp", quality="medium") == 2
    assert samples.of("imagegate_upstream_attempts_total", result="answered") == 4
    assert samples.of("imagegate_upstream_attempts_total", result="unknown") == 1
    assert samples.of("imagegate_requests_total", code="ok") == 4
    assert samples.of("imagegate_http_requests_total", route="/v1/images/generations", status="200") == 4


async def test_how_teams_stand(gateway: Gateway) -> None:
    """While a picture is made its money is held; a team's budget is told as a share, one without has none."""
    team = await gateway.new_team(Limits(budget=Budget(Money(1_000_000_000), "month")))
    free = await gateway.new_team()
    gateway.simulator.default = Scenario(withhold=True)
    sdk = gateway.sdk(await gateway.new_key(team))
    async with asyncio.TaskGroup() as group:
        group.create_task(sdk.images.generate(model="gpt-image-2", prompt="a boat", size="1024x1024", quality="low"))
        await gateway.simulator.waiting(1)
        samples = await scrape(gateway.address)
        gateway.simulator.release()
    held = samples.of("imagegate_held_dollars", team=team.name)
    assert 0 < held < 0.1
    assert samples.of("imagegate_budget_used_ratio", team=team.name) == pytest.approx(held)
    assert {team.name} == {
        value
        for name, labels in samples.values
        for label, value in labels
        if name == "imagegate_budget_used_ratio" and label == "team"
    }
    assert ("imagegate_held_dollars", frozenset({("team", free.name)})) in samples.values
    assert samples.of("imagegate_in_flight_requests") == 1


async def test_the_machine_room(gateway: Gateway) -> None:
    """Redis, its memory, our limits and the upstream's keys are told before anybody asked for a picture."""
    samples = await scrape(gateway.address)
    assert samples.of("imagegate_store_up") == 1
    assert samples.of("imagegate_store_circuit_open") == 0
    assert 0 < samples.of("imagegate_store_memory_bytes") < samples.of("imagegate_store_memory_limit_bytes")
    assert samples.of("imagegate_store_seconds_count") > 0
    assert samples.of("imagegate_in_flight_limit") == gateway.services.settings.max_in_flight
    assert samples.of("imagegate_upstream_keys", state="ready") == 1
    assert samples.of("process_resident_memory_bytes") > 1_000_000
    named = {("imagegate_quotes_exceeded_total", "gpt-image-2"), ("imagegate_unknown_outcomes_total", "other")}
    there = {(name, value) for name, labels in samples.values for label, value in labels if label == "model"}
    assert named <= there  # from the start: no rise is seen of a series that is new


async def test_who_waits_for_a_turn(redis_url: str, tmp_path: Path, simulator: Simulator) -> None:
    """A request in the queue is told while it waits, and how long that was when it is over."""
    simulator.default = Scenario(withhold=True)
    async with running_gateway(redis_url, tmp_path, simulator, queue_seconds=60) as gateway:
        sdk = gateway.sdk(await gateway.new_key(await gateway.new_team(Limits(concurrent_images=1))))
        async with asyncio.TaskGroup() as group:
            group.create_task(sdk.images.generate(model="gpt-image-2", prompt="one", size="1024x1024"))
            await simulator.waiting(1)
            group.create_task(sdk.images.generate(model="gpt-image-2", prompt="two", size="1024x1024"))

            async def one_waits() -> bool:
                return (await scrape(gateway.address)).of("imagegate_queue_requests") == 1

            await until(one_waits)
            simulator.default = Scenario()
            simulator.release()
        samples = await scrape(gateway.address)
        assert samples.of("imagegate_queue_requests") == 0
        assert samples.of("imagegate_queue_seconds_count") == 1


async def test_keys_only_by_setting(redis_url: str, tmp_path: Path, simulator: Simulator) -> None:
    """With the setting what was bought is told by key, too: by its public id, never by its secret."""
    async with running_gateway(redis_url, tmp_path, simulator, metrics_by_key=True) as gateway:
        secret = await gateway.new_key(await gateway.new_team())
        sdk = gateway.sdk(secret)
        await sdk.images.generate(model="gpt-image-2", prompt="a boat", size="1024x1024")
        public = secret.rpartition("-")[0]
        samples = await scrape(gateway.address)
        assert samples.of("imagegate_images_total", key=public) == 1
        assert samples.of("imagegate_spend_dollars_total", key=public) > 0
        assert secret not in str(samples.values)


async def test_redis_is_away(tmp_path: Path, simulator: Simulator) -> None:
    """The scrape is answered all the same, says that Redis is down, and tells nothing old of teams."""
    with RedisServer() as server:
        async with running_gateway(server.url, tmp_path, simulator) as gateway:
            await gateway.new_team()
            assert (await scrape(gateway.address)).of("imagegate_teams_read") == 1
            server.kill()

            async def told() -> bool:
                samples = await scrape(gateway.address)
                return "imagegate_store_up" in samples.names() and samples.of("imagegate_store_up") == 0

            await until(told)
            assert (await scrape(gateway.address)).of("imagegate_store_errors_total") >= 1


async def test_any_path_is_one_label(gateway: Gateway) -> None:
    """Routes are told by their template, whatever stands in the path; what no route takes is `other`."""
    async with gateway.http() as client:
        for path in ("/v1/models/a", "/v1/models/b", "/models/c", "/no/such/page", "/another", "/admin/v1/teams/x"):
            await client.get(path)
    samples = await scrape(gateway.address)
    routes = {
        dict(labels)["route"]: value for (name, labels), value in samples.values.items() if "http_requests" in name
    }
    assert routes.keys() <= {"/v1/models/{model:path}", "other", "/metrics"}
    assert routes["/v1/models/{model:path}"] == 3
