"""The throttle of wrong credentials: how it counts, how long it waits, and whom it never touches."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from app.metrics import Metrics
from app.web.throttle import DELAY_SECONDS, DELAYED_FAILURES, FREE_FAILURES, Failures, Throttle, delay_seconds


class Clock:
    """A clock that the test sets."""

    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_failures_are_forgiven_with_time() -> None:
    """One every five seconds, and never more than there were."""
    clock = Clock()
    failures = Failures(clock)
    assert [failures.count("a") for _ in range(3)] == [1, 2, 3]
    assert failures.count("b") == 1
    clock.seconds += 5
    assert failures.count("a") == 3
    clock.seconds += 3600
    assert failures.count("a") == 1


def test_a_long_guess_is_forgiven_as_soon_as_a_short_one() -> None:
    """The level has a top: who stops is answered in full again within minutes."""
    clock = Clock()
    failures = Failures(clock)
    assert max(failures.count("a") for _ in range(1000)) == DELAYED_FAILURES + 1
    clock.seconds += 5 * (DELAYED_FAILURES + 1)
    assert failures.count("a") == 1


def test_memory_of_addresses_is_bounded() -> None:
    """Those that failed longest ago are forgotten first."""
    failures = Failures(Clock(), most=3)
    for address in ("a", "b", "c", "a", "d"):
        failures.count(address)
    assert len(failures) == 3
    assert failures.count("a") == 3
    assert failures.count("b") == 1


@given(st.floats(1, 1000))
def test_a_delay_rises_to_its_most(failures: float) -> None:
    """Nothing at first, then more and more, then no answer but 429."""
    delay = delay_seconds(failures)
    if failures > DELAYED_FAILURES:
        assert delay is None
    else:
        assert delay is not None
        assert 0 <= delay <= DELAY_SECONDS
        assert (delay == 0) == (failures <= FREE_FAILURES)


async def answered(throttle: Throttle, *, key: str | None = "wrong", path: str = "/v1/models") -> list[Message]:
    """What a request is answered."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("nobody reads the body")

    headers = [(b"authorization", key.encode())] if key else []
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": path, "headers": headers}
    await throttle({**scope, "client": ("192.0.2.1", 1)}, receive, send)
    return sent


async def door(scope: Scope, receive: Receive, send: Send) -> None:
    """Lets ``right`` in and nobody else."""
    is_right = (b"authorization", b"right") in scope["headers"]
    await send({"type": "http.response.start", "status": 200 if is_right else 401, "headers": []})
    await send({"type": "http.response.body", "body": b"a", "more_body": True})
    await send({"type": "http.response.body", "body": b"b"})


def guessed(times: int) -> Failures:
    """An address that has guessed before."""
    failures = Failures(Clock())
    for _ in range(times):
        failures.count("192.0.2.1")
    return failures


async def test_a_wrong_one_too_many_is_told_so() -> None:
    """429 in the form of the door, with nothing of the answer that was held back; who sends none does not guess."""
    failures = guessed(DELAYED_FAILURES)
    throttle = Throttle(door, failures=failures, trusted=(), metrics=Metrics("0", "0"), most_waiting=0)
    start, body = await answered(throttle)
    assert start["status"] == 429
    assert (b"retry-after", b"5") in start["headers"]
    assert (b"x-should-retry", b"false") in start["headers"]
    assert b'"code":"too_many_failures"' in body["body"]
    start, _ = await answered(throttle, path="/admin/v1/teams")
    assert (b"content-type", b"application/problem+json") in start["headers"]
    assert (await answered(throttle, key=None))[0]["status"] == 401


async def test_a_good_one_is_served_whatever_its_address() -> None:
    """Its answer passes as it is, and counts for nothing."""
    failures = guessed(DELAYED_FAILURES * 2)
    throttle = Throttle(door, failures=failures, trusted=(), metrics=Metrics("0", "0"))
    start, *rest = await answered(throttle, key="right")
    assert start["status"] == 200
    assert [message["body"] for message in rest] == [b"a", b"b"]


@pytest.mark.parametrize("places", [0, 1])
async def test_those_who_wait_are_bounded(places: int) -> None:
    """Where no place is left nobody waits: it is a 429 at once, and a waiting one is answered in its time."""
    metrics = Metrics("0", "0")
    throttle = Throttle(door, failures=guessed(FREE_FAILURES), trusted=(), metrics=metrics, most_waiting=places)
    both = await asyncio.gather(answered(throttle), answered(throttle))
    assert sorted(sent[0]["status"] for sent in both) == ([429, 429] if places == 0 else [401, 429])
    again = await answered(throttle)
    assert again[0]["status"] == (429 if places == 0 else 401)
    refused = counted(metrics, "public", "refused")
    assert (refused, counted(metrics, "public", "delayed")) == ((3, 0) if places == 0 else (1, 2))


async def test_wrong_ones_are_counted_by_door_and_answer() -> None:
    """What was answered at once, late and not at all; what was right, or not sent, is no failure."""
    metrics = Metrics("0", "0")
    throttle = Throttle(door, failures=Failures(Clock()), trusted=(), metrics=metrics, most_waiting=0)
    for _ in range(FREE_FAILURES + 2):
        await answered(throttle, path="/admin/v1/teams")
    await answered(throttle, key="right")
    await answered(throttle, key=None)
    assert counted(metrics, "operator", "at_once") == FREE_FAILURES
    assert counted(metrics, "operator", "refused") == 2
    assert sum(counted(metrics, "public", answer) for answer in ("at_once", "delayed", "refused")) == 0


def counted(metrics: Metrics, door: str, answer: str) -> float:
    """How many wrong credentials were answered so."""
    labels = {"door": door, "answer": answer}
    return metrics.registry.get_sample_value("imagegate_wrong_credentials_total", labels) or 0
