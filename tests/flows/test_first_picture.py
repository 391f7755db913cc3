"""The main job: an OpenAI SDK gets a picture through the gateway, metered."""

import asyncio
import base64
import io

import httpx
import openai
import orjson
import pytest
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from app.accounts.models import Budget, Limits
from app.catalog.normalise import normalise
from app.catalog.order import Order
from app.catalog.policy import Policy
from app.catalog.pricing import quote
from app.money import Money
from app.simulator.scenario import Scenario, Usage
from tests.support.gateway import ADMIN_TOKEN, Gateway

BOAT = {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x1024", "quality": "low"}


async def scraped(gateway: Gateway) -> dict[str, float]:
    """The metrics by name and labels."""
    async with gateway.http() as client:
        text = (await client.get("/metrics")).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {f"{s.name}{sorted(s.labels.values())}": s.value for s in samples}


async def test_the_sdk_gets_a_picture_and_the_books_know_its_price(gateway: Gateway) -> None:
    """The official SDK's picture opens at the asked size; response, ledger, usage report and metrics agree on it."""
    team = await gateway.new_team(Limits(budget=Budget(Money(10**9))))
    client = gateway.sdk(await gateway.new_key(team))

    made = await client.images.generate(model="gpt-image-2", prompt="a paper boat", size="1536x1024", quality="low")

    assert made.data is not None
    assert made.usage is not None
    picture = Image.open(io.BytesIO(base64.b64decode(made.data[0].b64_json or "")))
    picture.load()
    assert picture.size == (1536, 1024)
    assert made.usage.output_tokens == 158
    prices = gateway.services.catalog.find("gpt-image-2").prices
    assert prices is not None
    cost = made.usage.input_tokens * prices.text_input + 158 * prices.image_output
    entries = await gateway.entries(team.id)
    assert [(e.kind, e.outcome, e.cost, e.images) for e in entries] == [("settle", "delivered", cost, 1)]
    assert (entries[0].text_input, entries[0].image_output) == (made.usage.input_tokens, 158)
    async with gateway.http() as http:
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        report = (await http.get("/admin/v1/usage", params={"team": team.name}, headers=headers)).json()
    assert report["rows"][0]["image_output_tokens"] == 158
    assert report["cost"] == f"{cost / 1e9:.9f}".rstrip("0")
    metrics = await scraped(gateway)
    assert metrics[f"imagegate_tokens_total{sorted(['image_output', 'gpt-image-2', team.name])}"] == 158
    assert metrics[f"imagegate_spend_dollars_total{sorted(['gpt-image-2', team.name])}"] == pytest.approx(cost / 1e9)
    verified = await gateway.services.usage.recompute(team.id)
    assert (verified.entries, verified.differences) == (1, ())


async def test_nothing_of_the_client_goes_upstream_but_the_request(gateway: Gateway) -> None:
    """The upstream sees its own key and a canonical body: no virtual key, cookie, agent or header of the client."""
    key = await gateway.new_key(await gateway.new_team())
    async with gateway.http(key) as client:
        headers = {"Cookie": "session=1", "X-Secret": "mine", "OpenAI-Organization": "org-1"}
        answer = await client.post("/v1/images/generations", json=BOAT, headers=headers)

    assert answer.status_code == 200
    received = gateway.simulator.received[-1]
    names = {name.lower() for name, _ in received.headers}
    assert received.header("authorization") == "Bearer sk-upstream-of-the-tests"
    assert names <= {
        "host", "authorization", "content-type", "content-length", "accept", "accept-encoding", "user-agent",
        "connection",
    }  # fmt: skip
    assert key not in str(received)


async def test_nothing_of_the_upstream_comes_back_but_the_answer(gateway: Gateway) -> None:
    """The upstream's own headers and its leaky usage keys stay here; ours say which request it was."""
    key = await gateway.new_key(await gateway.new_team(Limits(requests_per_minute=60, images_per_minute=10)))
    async with gateway.http(key) as client:
        answer = await client.post("/v1/images/generations", json=BOAT)

    assert set(answer.headers) <= {
        "date", "content-type", "content-length", "transfer-encoding", "x-request-id", "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests", "x-ratelimit-limit-images",
        "x-ratelimit-remaining-images", "x-ratelimit-reset-images",
        "x-content-type-options", "referrer-policy", "x-frame-options",
    }  # fmt: skip
    assert answer.headers["x-ratelimit-remaining-requests"] == "59"
    assert answer.headers["x-ratelimit-remaining-images"] == "9"
    assert answer.headers["x-request-id"].startswith("req_")
    assert set(answer.json()["usage"]) == {
        "input_tokens", "output_tokens", "total_tokens", "input_tokens_details", "output_tokens_details",
    }  # fmt: skip


async def test_a_body_without_a_model_gets_the_default_and_is_told(gateway: Gateway) -> None:
    """A request that names no model is served by the default one, and the answer's header says so."""
    key = await gateway.new_key(await gateway.new_team())
    async with gateway.http(key) as client:
        answer = await client.post("/v1/images/generations", json={"prompt": "a boat", "quality": "low"})

    assert answer.status_code == 200
    assert answer.headers["x-imagegate-normalized"] == 'model;to="gpt-image-2"'


async def test_exactly_as_many_as_the_budget_covers_are_admitted(gateway: Gateway) -> None:
    """A budget of k quotes, 50 requests at once, answers withheld until all is decided: k delivered, no more."""
    k, n = 7, 50
    gateway.simulator.default = Scenario(withhold=True)
    body = b'{"model":"gpt-image-2","prompt":"a paper boat","size":"1024x1024","quality":"low"}'
    order = Order("generations", orjson.loads(body))
    quoted = quote(normalise(order, gateway.services.catalog, Policy())).cost
    team = await gateway.new_team(Limits(budget=Budget(Money(k * quoted))))
    key = await gateway.new_key(team)
    async with gateway.http(key) as client:
        asked = [asyncio.create_task(client.post("/v1/images/generations", content=body)) for _ in range(n)]
        await gateway.simulator.waiting(k)
        refused = [task for task in asked if task.done()]
        while len(refused) < n - k:
            await asyncio.wait([task for task in asked if not task.done()], return_when=asyncio.FIRST_COMPLETED)
            refused = [task for task in asked if task.done()]
        gateway.simulator.release()
        answers = await asyncio.gather(*asked)

    assert sorted(answer.status_code for answer in answers) == [200] * k + [429] * (n - k)
    errors = [answer for answer in answers if answer.status_code == 429]
    assert {answer.json()["error"]["code"] for answer in errors} == {"insufficient_quota"}
    assert {answer.headers["x-should-retry"] for answer in errors} == {"false"}
    entries = await gateway.entries(team.id)
    standing = await gateway.services.usage.standing(team.id)
    assert gateway.simulator.pictures == k
    assert len(entries) == k
    assert sum(standing.spend[f] for f in standing.spend if f.startswith("team:")) == sum(e.cost for e in entries)
    assert standing.held == {}
    assert (await gateway.services.usage.recompute(team.id)).differences == ()


async def test_the_settlement_is_written_before_the_last_byte_leaves(gateway: Gateway) -> None:
    """Whoever holds a whole answer can already see it in the ledger."""
    team = await gateway.new_team()
    key = await gateway.new_key(team)
    async with gateway.http(key) as client:
        await client.post("/v1/images/generations", json=BOAT)
        entries = await gateway.entries(team.id)

    assert len(entries) == 1


@pytest.mark.parametrize("usage", [Usage.MISSING, Usage.NEGATIVE, Usage.ABSURD])
async def test_a_usage_nobody_can_believe_is_settled_at_the_quote(gateway: Gateway, usage: Usage) -> None:
    """No, negative or absurd token counts: the picture is delivered, the quote is charged, the entry is flagged."""
    gateway.simulator.next(Scenario(usage=usage))
    team = await gateway.new_team()
    await gateway.sdk(await gateway.new_key(team)).images.generate(**BOAT)  # type: ignore[call-overload]

    entries = await gateway.entries(team.id)
    assert [(e.outcome, e.cost, e.flags) for e in entries] == [("delivered", entries[0].quote, "at_quote,bad_usage")]


async def test_the_sdk_raises_what_it_should(gateway: Gateway) -> None:
    """Each kind of refusal is the exception class an SDK user expects, with its request id."""
    sdk = gateway.sdk
    team = await gateway.new_team(Limits(requests_per_minute=1))
    key = await gateway.new_key(team)
    narrow = await gateway.new_key(await gateway.new_team(), models=("qwen-image",))
    with pytest.raises(openai.AuthenticationError) as wrong:
        await sdk("sk-ig-nobody-nokey-nosecret").images.generate(prompt="x")
    with pytest.raises(openai.PermissionDeniedError):
        await sdk(narrow).images.generate(prompt="x", model="gpt-image-2")
    with pytest.raises(openai.NotFoundError) as unknown:
        await sdk(key).images.generate(prompt="x", model="gpt-image-9")
    with pytest.raises(openai.BadRequestError) as bad:
        await sdk(key).images.generate(prompt="x", size="1792x936", model="gpt-image-2")
    await sdk(key).images.generate(**BOAT)  # type: ignore[call-overload]
    with pytest.raises(openai.RateLimitError) as limited:
        await sdk(key).images.generate(**BOAT)  # type: ignore[call-overload]

    assert wrong.value.request_id
    assert unknown.value.code == "model_not_found"
    assert bad.value.param == "size"
    assert limited.value.code == "rate_limit_exceeded"
    assert 0 < int(limited.value.response.headers["retry-after"]) <= 60


async def test_a_revoked_key_stops_at_once(gateway: Gateway) -> None:
    """A key that was cached a moment ago is refused by the next request after its revocation."""
    team = await gateway.new_team()
    key = await gateway.new_key(team)
    await gateway.sdk(key).images.generate(**BOAT)  # type: ignore[call-overload]
    await gateway.services.accounts.revoke_key(team.id, key.split("-")[3])

    with pytest.raises(openai.AuthenticationError) as refused:
        await gateway.sdk(key).images.generate(**BOAT)  # type: ignore[call-overload]
    with pytest.raises(openai.AuthenticationError):
        await gateway.sdk(key).models.list()

    assert refused.value.code == "revoked_api_key"
    assert gateway.simulator.pictures == 1


async def test_the_models_a_key_may_use(gateway: Gateway) -> None:
    """The model list is OpenAI's shape, and has only what is priced and allowed."""
    team = await gateway.new_team()
    every = await gateway.sdk(await gateway.new_key(team)).models.list()
    none = await gateway.sdk(await gateway.new_key(team, models=())).models.list()
    one = await gateway.sdk(await gateway.new_key(team)).models.retrieve("gpt-image-2")

    assert "gpt-image-2" in [model.id for model in every.data]
    assert none.data == []
    assert one.id == "gpt-image-2"


async def test_health_and_readiness(gateway: Gateway) -> None:
    """/healthz says alive, /readyz says that Redis answers."""
    async with gateway.http() as client:
        health, ready = await client.get("/healthz"), await client.get("/readyz")

    assert (health.status_code, ready.status_code) == (200, 200)
    assert isinstance(ready, httpx.Response)
