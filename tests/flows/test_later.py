"""Ask now, fetch later: when the 202 comes, what it tells, and what stands where it points."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from app.accounts.models import Budget, Limits
from app.money import Money
from app.simulator.scenario import Scenario
from tests.flows.retrying import GENERATIONS, LATER, NAMED, REQUESTS, Caller, calling, pictures, retry
from tests.support.gateway import Gateway
from tests.support.waiting import until

HELD_BACK = Scenario(withhold=True)


@pytest.fixture
async def caller(gateway: Gateway) -> AsyncIterator[Caller]:
    gateway.simulator.default = HELD_BACK
    async with calling(gateway) as opened:
        yield opened


async def test_what_the_202_tells(caller: Caller) -> None:
    """Where to come, that it was preferred so, when to ask, and how the limits stand; it comes before the picture."""
    taken = await caller.ask(LATER)
    await caller.gateway.simulator.waiting(1)
    assert taken.status_code == 202
    assert taken.headers["location"] == f"{REQUESTS}/{taken.headers['x-request-id']}"
    assert (taken.headers["preference-applied"], taken.headers["retry-after"]) == ("respond-async", "2")
    assert taken.json() == {
        "object": "image.request", "id": taken.headers["x-request-id"]
    }  # fmt: skip
    caller.gateway.simulator.release()
    answer = await caller.http.get(taken.headers["location"], params={"wait": "60"})
    head = await caller.http.head(taken.headers["location"])
    assert len(pictures(answer)) == 1
    assert head.content == b""
    assert {**head.headers, "date": ""} == {**answer.headers, "date": "", "x-request-id": head.headers["x-request-id"]}
    assert await caller.spent(1) == ["delivered"]


@pytest.mark.parametrize(
    "preference", ["respond-async, wait=10", "respond-async; foo=bar", 'handling=lenient, "x", RESPOND-ASYNC']
)
async def test_how_it_can_be_spelled(caller: Caller, preference: str) -> None:
    """Among other preferences, with parameters, in any case (RFC 7240)."""
    caller.gateway.simulator.default = Scenario()
    assert (await caller.ask({"Prefer": preference})).status_code == 202


async def test_a_refusal_has_its_true_status(gateway: Gateway) -> None:
    """No limit, no money, no such size: told at once, and there is nowhere to come."""
    for limits, body, status in (
        (Limits(requests_per_minute=0), {}, 403),
        (Limits(budget=Budget(Money(1))), {}, 429),
        (Limits(), {"size": "7x7"}, 400),
    ):
        async with calling(gateway, limits) as caller:
            refused = await caller.ask(LATER, **body)
            assert refused.status_code == status
            assert not {"location", "preference-applied"} & set(refused.headers)
            assert await caller.listed() == []
    assert gateway.simulator.exchanges == 0


async def test_only_the_same_virtual_key_finds_it(caller: Caller) -> None:
    """For another one of the team there is no such request, to read or to forget."""
    taken = await caller.ask(LATER)
    place = taken.headers["location"]
    async with caller.gateway.http(await caller.gateway.new_key(caller.team)) as other:
        before = [(await other.request(method, place)).status_code for method in ("GET", "HEAD", "DELETE")]
        caller.gateway.simulator.release()
        assert (await caller.http.get(place, params={"wait": "60"})).status_code == 200
        after = [(await other.request(method, place)).status_code for method in ("GET", "HEAD", "DELETE")]
    assert before == after == [404] * 3


async def test_it_is_forgotten_when_it_is_there(caller: Caller) -> None:
    """409 while it is made; then the picture goes and the charge stays, and its Idempotency-Key buys nothing more."""
    taken = await caller.ask(LATER | NAMED)
    place = taken.headers["location"]
    assert (await caller.http.delete(place)).status_code == 409
    await caller.gateway.simulator.waiting(1)
    caller.gateway.simulator.release()
    assert (await caller.http.get(place, params={"wait": "60"})).status_code == 200
    assert (await caller.http.delete(place)).json()["deleted"]
    assert (await caller.http.get(place)).status_code == 410
    again = await caller.ask(NAMED)
    assert (again.status_code, again.json()["error"]["code"]) == (410, "result_expired")
    assert await caller.spent(1) == ["delivered"]


async def test_the_same_is_taken_on_once(caller: Caller) -> None:
    """An SDK that did not get the 202 is sent to where its first try is made; so is who sends its key again."""
    places = [(await caller.ask(LATER | headers)).headers["location"] for headers in ({}, retry(1), NAMED, NAMED)]
    await caller.gateway.simulator.waiting(2)
    assert places[0] == places[1] != places[2] == places[3]
    waiting = caller.asking(NAMED)
    await caller.are_under_way(3)
    caller.gateway.simulator.release()
    fetched = await caller.http.get(places[2], params={"wait": "60"})
    assert pictures(await waiting) == pictures(fetched)
    assert await caller.spent(2) == ["delivered"] * 2


async def test_what_has_been_fetched_is_nobody_s_retry(caller: Caller) -> None:
    """It is fully delivered: the retry of a try that never arrived is another purchase."""
    caller.gateway.simulator.default = Scenario()
    taken = await caller.ask(LATER)
    assert len(pictures(await caller.http.get(taken.headers["location"], params={"wait": "60"}))) == 1
    again = await caller.ask(LATER | retry(1))
    assert again.headers["location"] != taken.headers["location"]


async def test_a_client_that_goes_before_its_202_buys_nothing(caller: Caller) -> None:
    """Gone in the middle of its body: nothing is taken on."""

    async def half() -> AsyncIterator[bytes]:
        yield b'{"model":'
        await asyncio.Event().wait()

    headers = LATER | {"content-type": "application/json"}
    asking = asyncio.create_task(caller.http.post(GENERATIONS, content=half(), headers=headers))
    await caller.are_under_way(1)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)

    async def nobody_is_under_way() -> bool:
        return caller.gateway.services.places.number == 0

    await until(nobody_is_under_way)
    assert (await caller.listed(), caller.gateway.simulator.exchanges) == ([], 0)


async def test_a_gateway_that_stops_ends_long_polls(caller: Caller) -> None:
    """Who only asks is told how it stands; what is made is made, and who waits for its picture gets it."""
    taken = await caller.ask(LATER | NAMED)
    waiting = [caller.asking(NAMED), caller.asking(NAMED)]
    polling = asyncio.create_task(caller.http.get(taken.headers["location"], params={"wait": "60"}))
    await caller.are_under_way(3)
    await caller.gateway.simulator.waiting(1)
    caller.gateway.services.turnstile.close()
    assert (await polling).status_code == 202
    caller.gateway.simulator.release()
    answers: list[httpx.Response] = await asyncio.gather(*waiting)
    assert [answer.status_code for answer in answers] == [200] * 2
    assert (await caller.http.get(taken.headers["location"], params={"wait": "60"})).status_code in (200, 202)
    assert await caller.spent(1) == ["delivered"]
