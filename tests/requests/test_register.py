"""The register tells what truly became of a request, to the key that sent it and to no other."""

from datetime import UTC, datetime

import pytest

from app.datastore.datastore import Datastore
from app.errors import LimitExceeded
from app.requests.models import StoredError
from app.requests.register import is_request_id
from app.web.middleware import new_request_id
from tests.requests.scene import ADMITTED_MS, Scene, open_scene

FIVE_MINUTES_MS = 300_000
RESERVATION = "50000000|1|0|key|month|month||||1800000000000|gpt-image-2|{}"


@pytest.fixture
def scene(datastore: Datastore) -> Scene:
    return open_scene(datastore)


def at(milliseconds: int) -> datetime:
    """A server's time."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


async def test_a_delivered_request_is_told_whole(scene: Scene) -> None:
    """Every field of the record comes out in its own type."""
    name = "1800000900-0123456789abcdefghijKL.json"
    about = '{"stages":{"forward":12.3},"normalized":["style;dropped"]}'
    request_id = await scene.deliver(result=name, about=about)
    found = await scene.find(request_id)
    assert (found.id, found.key_id, found.state, found.has_ended) == (request_id, scene.key_id, "delivered", True)
    assert (found.model, found.operation) == ("gpt-image-2", "generations")
    assert (found.admitted_at, found.resolved_at) == (at(ADMITTED_MS), at(ADMITTED_MS + 12_345))
    assert (found.quote, found.cost, found.images, found.result) == (50_000_000, 41_200_000, 1, name)
    assert found.error is None
    assert found.about == {"stages": {"forward": 12.3}, "normalized": ["style;dropped"]}


async def test_a_key_sees_its_own_requests_only(scene: Scene) -> None:
    """Another key of the team, an id that never was, and what is no id find nothing; the list is the key's own too."""
    foreign = await scene.deliver(key="otherKey")
    own = await scene.deliver()
    for request_id in (foreign, new_request_id(), "", "req_", own + "x", "team", f"{own}:x"):
        assert await scene.register.find(scene.team_id, scene.key_id, request_id) is None
    assert [record.id for record in await scene.register.recent(scene.team_id, scene.key_id, 100)] == [own]


async def test_a_refused_request_has_failed(scene: Scene) -> None:
    """Whose fault it was stands in its error; a request that was given back may be sent again."""
    error = StoredError(400, {"error": {"message": "no", "type": "x", "param": None, "code": "moderation_blocked"}})
    request_id = await scene.write("refused", resolved=ADMITTED_MS + 1, cost=0, error=error.as_json(), again="1")
    found = await scene.find(request_id)
    assert (found.state, found.cost, found.error, found.again) == ("failed", 0, error, True)


async def test_who_gave_up_in_the_queue_paid_nothing(scene: Scene) -> None:
    """The books leave no cost and no error of such a request; it cost nothing, and there is one to tell."""
    found = await scene.find(await scene.write("failed", resolved=ADMITTED_MS + 1, again="1"))
    assert (found.state, found.cost) == ("failed", 0)
    assert found.error is not None
    assert found.error.status == 503


async def test_a_held_request_is_in_progress(scene: Scene) -> None:
    """As long as its reservation stands, and no longer: without one nobody knows what became of it."""
    request_id = await scene.write("in_progress")
    await scene.hold(request_id)
    found = await scene.find(request_id)
    assert (found.state, found.cost, found.resolved_at, found.has_ended) == ("in_progress", None, None, False)
    await scene.datastore.command("HDEL", scene.names.reservations, request_id)
    found = await scene.find(request_id)
    assert (found.state, found.cost, found.has_ended) == ("unknown", None, True)


async def test_an_expired_hold_is_an_unknown_outcome_at_the_quote(scene: Scene) -> None:
    """The record still says in_progress; the expiry tells what was charged, and its tombstone when."""
    request_id = await scene.write("in_progress")
    await scene.datastore.command("HSET", scene.names.named("expired"), request_id, RESERVATION)
    await scene.datastore.command("ZADD", scene.names.named("resolved"), ADMITTED_MS + 60_000, request_id)
    found = await scene.find(request_id)
    assert (found.state, found.cost, found.resolved_at) == ("unknown", 50_000_000, at(ADMITTED_MS + 60_000))
    assert found.error is not None
    assert (found.error.status, found.error.envelope["error"]["code"]) == (502, "upstream_outcome_unknown")


async def test_a_waiting_request_has_a_living_ticket(scene: Scene) -> None:
    """Without a ticket, or with one that was last used long ago (or by a clock set back), it has failed."""
    request_id = await scene.write("waiting")
    await scene.ask_for_turn(request_id)
    assert (await scene.find(request_id)).state == "waiting"
    for before_ms in (FIVE_MINUTES_MS, -FIVE_MINUTES_MS):
        await scene.ask_for_turn(request_id, before_ms)
        found = await scene.find(request_id)
        assert (found.state, found.cost, found.again) == ("failed", 0, True)
    await scene.datastore.command("HDEL", scene.names.named("tickets"), request_id)
    found = await scene.find(request_id)
    assert (found.state, found.cost) == ("failed", 0)
    assert found.error is not None


async def test_the_newest_come_first_and_the_gone_are_left_out(scene: Scene) -> None:
    """The list is by admission, as long as was asked for, and knows nothing of records that have ended."""
    ids = [await scene.deliver(admitted=ADMITTED_MS + number) for number in range(5)]
    held = await scene.write("in_progress", admitted=ADMITTED_MS + 10)
    await scene.hold(held)
    await scene.datastore.command("DEL", scene.names.request(ids[3]))
    recent = await scene.register.recent(scene.team_id, scene.key_id, 100)
    assert [(record.id, record.state) for record in recent] == [
        (held, "in_progress"),
        *((ids[number], "delivered") for number in (4, 2, 1, 0)),
    ]
    assert [record.id for record in await scene.register.recent(scene.team_id, scene.key_id, 2)] == [held, ids[4]]
    assert await open_scene(scene.datastore).register.recent("nobody", "none", 100) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("1800000000000|1|0|,1,2,", b"1800000000000|0|0|,1,2,"),
        ("1800000000000|2|0|", b"1800000000000|1|0|"),
        ("1800000000000|0|0|", b"1800000000000|0|0|"),
        ("1800000000000|1|2|", b"1800000000000|0|0|"),
        ("1800000000000|1|1|", b"1800000000000|0|1|"),
    ],
)
async def test_one_that_waited_for_a_request_leaves(scene: Scene, before: str, after: bytes) -> None:
    """One less is connected for it, and what had left for it did not arrive; its claims stay."""
    request_id, retries = new_request_id(), scene.names.retries(scene.key_id, "print")
    await scene.datastore.command("HSET", retries, request_id, before)
    await scene.register.left(scene.team_id, scene.key_id, request_id, "print")
    assert await scene.datastore.command("HGET", retries, request_id) == after
    await scene.register.left(scene.team_id, scene.key_id, new_request_id(), "print")
    assert await scene.datastore.command("HLEN", retries) == 1


async def test_what_became_of_a_request_is_noted_for_its_retries(scene: Scene) -> None:
    """Given to one who joined, told its error, or fetched by its id, which ends all claims."""
    request_id, other, retries = new_request_id(), new_request_id(), scene.names.retries(scene.key_id, "print")
    whose = (scene.team_id, scene.key_id, request_id, "print")
    await scene.datastore.command("HSET", retries, request_id, "1|1|0|,1,", other, "2|0|0|")
    for noted, mark in ((scene.register.given, b"2"), (scene.register.told, b"1")):
        await noted(*whose)
        since, *rest = (await scene.datastore.command("HGET", retries, request_id)).split(b"|")
        assert int(since) > 1_600_000_000_000
        assert rest == [b"1", mark, b",1,"]
    await scene.register.fetched(*whose)
    await scene.register.given(*whose)
    assert await scene.datastore.command("HGETALL", retries) == {other.encode(): b"2|0|0|"}


async def test_a_result_is_forgotten_once(scene: Scene) -> None:
    """Its name is given back the first time; the rest of the record stays, for as long as it would have."""
    request_id = await scene.deliver(result="1800000900-0123456789abcdefghijKL.json")
    forget = scene.register.forget_result
    assert await forget(scene.team_id, "otherKey", request_id) is None
    assert await forget(scene.team_id, scene.key_id, request_id) == "1800000900-0123456789abcdefghijKL.json"
    assert await forget(scene.team_id, scene.key_id, request_id) is None
    assert await forget(scene.team_id, scene.key_id, new_request_id()) is None
    assert await forget(scene.team_id, scene.key_id, "no id") is None
    found = await scene.find(request_id)
    assert (found.state, found.cost, found.result) == ("delivered", 41_200_000, None)
    assert await scene.datastore.command("PTTL", scene.names.request(request_id)) > 0


async def test_a_refusal_behind_the_answer_is_kept(scene: Scene) -> None:
    """A request that waited, or gave up without a word, gets the error; what has ended otherwise stays as it is."""
    error = StoredError.of(LimitExceeded("Too many at once."))
    waiting = await scene.write("waiting")
    await scene.ask_for_turn(waiting)
    given_up = await scene.write("failed", resolved=ADMITTED_MS + 7)
    delivered = await scene.deliver()
    for request_id in (waiting, given_up, delivered):
        await scene.register.refuse(scene.team_id, scene.key_id, request_id, error)
    for request_id in (waiting, given_up):
        found = await scene.find(request_id)
        assert (found.state, found.cost, found.error, found.again) == ("failed", 0, error, True)
        assert found.resolved_at is not None
    assert (await scene.find(given_up)).resolved_at == at(ADMITTED_MS + 7)
    assert (await scene.find(delivered)).state == "delivered"
    await scene.register.refuse(scene.team_id, scene.key_id, unheard := new_request_id(), error)
    assert await scene.datastore.command("EXISTS", scene.names.request(unheard)) == 0


def test_ids_are_told_by_their_shape() -> None:
    """What the middleware makes is one; a piece of another key's name is none."""
    assert is_request_id(new_request_id())
    for text in ("", "req_", "req_" + "a" * 19, "req_" + "a" * 21, "req_" + "é" * 20, "req_" + "a" * 20 + "\n", "x"):
        assert not is_request_id(text)
