"""The client of the upstream against a simulator: what is sent again, with which key, and what is said meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from app.catalog.catalog import Catalog, load_catalog
from app.catalog.normalise import ImageRequest, normalise
from app.errors import ClientGone, UpstreamTimeout, UpstreamUnavailable
from app.simulator.scenario import Content, Fault, Scenario
from app.simulator.server import Simulator
from app.upstream.client import UpstreamClient
from app.upstream.failure import Cause, ExchangeFailed
from app.upstream.keys import State
from tests.catalog.asking import LAX, ask, form
from tests.support.waiting import until
from tests.upstream.http1.scripted import transporting
from tests.upstream.test_form import image

BUSY = Scenario(status=429, code="rate_limited")
NO_CHANNEL = Scenario(code="model_not_found")
BAD_KEY = Scenario(status=401)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """The shipped one."""
    return load_catalog()


@pytest.fixture
def boat(catalog: Catalog) -> ImageRequest:
    """A small request."""
    return ask(catalog, model="gpt-image-2", size="1024x1024", quality="low")


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """The upstream; keys with an x in them are bad."""
    async with Simulator(accepts_key=lambda key: "x" not in key) as running:
        yield running


@asynccontextmanager
async def asking(
    url: str, *keys: str, transport: Any = None, total_seconds: float = 30
) -> AsyncIterator[UpstreamClient]:
    """A client of the simulator at this address."""
    async with transporting(**(transport or {})) as connections:
        yield UpstreamClient(
            connections, url, keys or ("sk-a",), retries=2, total_seconds=total_seconds, user_agent="tests"
        )


class Buyer:
    """Whoever has to know whether the request counts as sent."""

    def __init__(self, patience: int = 100) -> None:
        self.seen: list[str] = []
        self._patience = patience

    def dispatched(self) -> None:
        """The first byte of an attempt leaves; a client without patience left has hung up."""
        if self.seen.count("sent") == self._patience:
            raise ClientGone("gone")
        self.seen.append("sent")

    def taken_back(self) -> None:
        """Nothing was made of it."""
        self.seen.append("not sent")

    async def is_waiting(self) -> bool:
        """Whether it was sent and taken back."""
        return self.seen == ["sent", "not sent"]


async def buy(client: UpstreamClient, request: ImageRequest, buyer: Buyer | None = None) -> int:
    """Read a whole answer; how many pictures it has."""
    buyer = buyer or Buyer()
    async with client.exchange(request, buyer.dispatched, buyer.taken_back) as exchange:
        async for _ in exchange.segments():
            pass
        assert exchange.answer is not None
        return exchange.answer.delivered


def used(simulator: Simulator) -> list[str]:
    """The keys of the requests, in order."""
    return [(request.header("authorization") or "").removeprefix("Bearer ") for request in simulator.received]


@pytest.mark.parametrize("refusal", [BUSY, NO_CHANNEL], ids=["429", "no channel"])
async def test_a_refusal_that_passes_is_survived(simulator: Simulator, boat: ImageRequest, refusal: Scenario) -> None:
    """It is sent again, counts as not sent in between, and one picture is made."""
    simulator.next(refusal, refusal)
    buyer = Buyer()
    async with asking(simulator.url) as client:
        assert await buy(client, boat, buyer) == 1

    assert buyer.seen == ["sent", "not sent", "sent", "not sent", "sent"]
    assert (simulator.exchanges, simulator.pictures) == (3, 1)
    assert client.attempts.total() == 3
    assert client.attempts["answered"] == 1
    assert client.retries.made.total() == 2


async def test_a_lost_answer_is_never_asked_for_again(simulator: Simulator, boat: ImageRequest) -> None:
    """A reset after the request may have bought a picture: one call, and the failure says so."""
    simulator.default = Scenario(fault=Fault.RESET_BEFORE_HEADERS)
    async with asking(simulator.url, "sk-a", "sk-b") as client:
        with pytest.raises(ExchangeFailed) as caught:
            await buy(client, boat)

    assert (caught.value.charged, caught.value.nothing_made, simulator.exchanges) == (True, False, 1)


async def test_an_error_inside_a_200_is_not_sent_again(simulator: Simulator, boat: ImageRequest) -> None:
    """Behind the head of a 200 nothing is certain any more."""
    simulator.default = Scenario(content=Content.ERROR_INSIDE_200)
    async with asking(simulator.url, "sk-a", "sk-b") as client:
        with pytest.raises(ExchangeFailed) as caught:
            await buy(client, boat)

    assert (caught.value.nothing_made, simulator.exchanges) == (False, 1)


async def test_nobody_buys_for_a_client_that_has_left(simulator: Simulator, boat: ImageRequest) -> None:
    """It hung up during the pause: the next attempt does not begin, and the request counts as not sent."""
    simulator.default = BUSY
    buyer = Buyer(patience=1)
    async with asking(simulator.url) as client:
        with pytest.raises(ClientGone):
            await buy(client, boat, buyer)

    assert buyer.seen == ["sent", "not sent"]
    assert simulator.exchanges == 1


async def test_an_edit_is_sent_whole_again(simulator: Simulator, catalog: Catalog) -> None:
    """The pictures are read from their first byte for each attempt, in a form of its own."""
    request = normalise(form(image(), model="gpt-image-2", size="1024x1024", quality="low"), catalog, LAX)
    simulator.next(BUSY, BUSY)
    async with asking(simulator.url) as client:
        with pytest.raises(ExchangeFailed):  # the picture is none that the simulator can open
            await buy(client, request)

    assert len(simulator.received) == 3
    assert len({len(request.body) for request in simulator.received}) == 1
    assert all(b"\x89PNG\r\n\x1a\n\x00--\r\n\r\n--imagegate-" in request.body for request in simulator.received)


async def test_keys_fail_over_in_order(simulator: Simulator, boat: ImageRequest) -> None:
    """A bad key is passed over at once, and not asked again by those who come later."""
    async with asking(simulator.url, "sk-x", "sk-b", "sk-c") as client:
        for _ in range(3):
            assert await buy(client, boat) == 1

    assert used(simulator) == ["sk-x", "sk-b", "sk-b", "sk-b"]
    assert client.keys.states == {
        "key 1 of 3": State.OPEN,
        "key 2 of 3": State.CLOSED,
        "key 3 of 3": State.CLOSED,
    }
    assert +client.attempts == {"answered": 3, "key_refused": 1}


async def test_with_every_key_out_nobody_is_asked(simulator: Simulator, boat: ImageRequest) -> None:
    """The first request has tried them all; the next is refused before dispatch and told when to come back."""
    buyer = Buyer()
    async with asking(simulator.url, "sk-x1", "sk-x2") as client:
        with pytest.raises(ExchangeFailed) as tried:
            await buy(client, boat)
        with pytest.raises(ExchangeFailed) as caught:
            await buy(client, boat, buyer)

    assert tried.value.cause is Cause.ACCOUNT
    assert (caught.value.cause, caught.value.charged, buyer.seen) == (Cause.KEYS_OUT, False, [])
    assert isinstance(caught.value.error, UpstreamUnavailable)
    assert caught.value.error.retry_after_seconds is not None
    assert 20 < caught.value.error.retry_after_seconds <= 37.5
    assert "sk-" not in f"{caught.value} {caught.value.error.detail}"
    assert used(simulator) == ["sk-x1", "sk-x2"]


async def test_a_busy_key_hands_over(simulator: Simulator, boat: ImageRequest) -> None:
    """A 429 moves the request to the next key without a pause, and the following ones stay there."""
    simulator.next(replace(BUSY, retry_after_seconds=200))
    async with asking(simulator.url, "sk-a", "sk-b") as client:
        assert await buy(client, boat) == 1
        assert await buy(client, boat) == 1

    assert used(simulator) == ["sk-a", "sk-b", "sk-b"]


async def test_a_connection_that_fails_is_tried_again(simulator: Simulator, boat: ImageRequest) -> None:
    """Nothing left the house: as many attempts as allowed, no key is blamed, nobody was told of a dispatch."""
    buyer, url = Buyer(), simulator.url
    await simulator.stop()
    async with asking(url, "sk-a", "sk-b") as client:
        with pytest.raises(ExchangeFailed) as caught:
            await buy(client, boat, buyer)

    assert (caught.value.cause, caught.value.nothing_made, buyer.seen) == (Cause.UNREACHABLE, True, [])
    assert +client.attempts == {"not_sent": 3}
    assert set(client.keys.states.values()) == {State.CLOSED}


async def test_one_deadline_covers_all_attempts(simulator: Simulator, boat: ImageRequest) -> None:
    """What the first attempts leave is all the last one has; then the outcome is unknown, for it was sent."""
    simulator.next(BUSY)
    simulator.default = Scenario(fault=Fault.HANG)
    async with asking(simulator.url, total_seconds=1.0) as client:
        with pytest.raises(ExchangeFailed) as caught:
            await buy(client, boat)

    assert isinstance(caught.value.error, UpstreamTimeout)
    assert (caught.value.charged, simulator.exchanges) == (True, 2)


async def test_a_pause_that_does_not_fit_is_not_begun(simulator: Simulator, boat: ImageRequest) -> None:
    """Who is asked to wait longer than the deadline hears of the refusal at once, and of the wait."""
    simulator.default = replace(BUSY, retry_after_seconds=5)
    async with asking(simulator.url, total_seconds=4.0) as client:
        with pytest.raises(ExchangeFailed) as caught:
            await buy(client, boat)

    assert (caught.value.cause, caught.value.error.retry_after_seconds) == (Cause.BUSY, 5)
    assert simulator.exchanges == 1


async def test_the_connections_cap_what_is_under_way(simulator: Simulator, boat: ImageRequest) -> None:
    """With one connection one of two requests is at the upstream; who waits too long is refused before dispatch."""
    simulator.default = Scenario(withhold=True)
    buyer = Buyer()
    async with asking(simulator.url, transport={"max_connections": 1, "pool_seconds": 0.2}) as client:
        first = asyncio.create_task(buy(client, boat))
        await simulator.waiting(1)
        with pytest.raises(ExchangeFailed) as caught:
            await buy(client, boat, buyer)
        assert simulator.in_flight == 1
        simulator.release()
        assert await first == 1

    assert (caught.value.cause, caught.value.nothing_made, buyer.seen) == (Cause.CROWDED, True, [])
    assert +client.attempts == {"not_sent": 1, "answered": 1}


async def test_the_pause_is_over_with_its_task(simulator: Simulator, boat: ImageRequest) -> None:
    """Cancelled while it waits (the gateway stops), the request counts as not sent."""
    simulator.default = replace(BUSY, retry_after_seconds=9)
    buyer = Buyer()
    async with asking(simulator.url) as client:
        task = asyncio.create_task(buy(client, boat, buyer))
        await until(buyer.is_waiting)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert buyer.seen == ["sent", "not sent"]
