"""Resolving holds: settle, release, expire and renew, each at most once, and truth that comes late."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from app.accounts.models import Limits
from app.catalog.pricing import TokenUsage
from app.datastore.datastore import Datastore
from app.ledger.models import Resolution, Verdict
from app.ledger.usage import UsageReader
from app.money import Money
from tests.ledger.scene import Scene, budget, delivered, dump, now_ms, open_scene

USAGE = TokenUsage(text_input=11, image_input=22, text_output=33, image_output=44)


async def expired(scene: Scene, request_id: str, cost: int = 100) -> Any:
    """A hold whose process vanished, after the sweeper has been there."""
    hold = await scene.hold(request_id, cost, note="of the hold")
    await scene.let_lease_run_out(request_id)
    assert await scene.books.expire(scene.team.id) == 1
    return hold


async def sums(scene: Scene) -> dict[str, int]:
    """The team's roll-up over all keys and models."""
    now = await now_ms(scene.datastore)
    by_model = await UsageReader(scene.datastore).sums(scene.team.id, now - 3_600_000, now + 1)
    total: Counter[str] = Counter()
    for measures in by_model.values():
        total.update(measures)
    return {name: amount for name, amount in total.items() if amount}


async def test_settle_turns_a_hold_into_spend_an_entry_and_sums(datastore: Datastore) -> None:
    """The hold goes, its true cost is spend of team and key, and the entry tells everything about it."""
    scene = await open_scene(datastore)
    hold = await scene.hold("r", 100, images=2, model="gpt-image-2", unit="30")
    resolution = Resolution(
        "delivered", charged=True, cost=Money(60), delivered=2, usage=USAGE, flags=("assumed", "x"), note={"id": "up-1"}
    )

    assert (await scene.books.settle(hold, resolution)).came == "settled"

    [entry] = await scene.entries()
    assert (entry.kind, entry.request, entry.outcome, entry.key) == ("settle", "r", "delivered", scene.keys[0].id)
    assert (entry.model, entry.cost, entry.quote, entry.images) == ("gpt-image-2", 60, 100, 2)
    assert TokenUsage(entry.text_input, entry.image_input, entry.text_output, entry.image_output) == USAGE
    assert (entry.team_period, entry.admitted_ms, entry.flags) == ("total", hold.admitted_ms, "assumed,x")
    assert entry.note == {"unit": "30", "id": "up-1"}
    standing = await scene.standing()
    assert standing.held == {}
    assert standing.spend == {"team:total": 60, f"key:{scene.keys[0].id}:total": 60}
    assert await sums(scene) == {
        "requests": 1,
        "delivered": 1,
        "images": 2,
        "cost": 60,
        "text_input": 11,
        "image_input": 22,
        "text_output": 33,
        "image_output": 44,
    }
    await scene.assert_books_agree()


async def test_release_gives_everything_back_and_is_counted(datastore: Datastore) -> None:
    """A released hold costs nothing; its entry has the hold's note unless the release brings its own."""
    scene = await open_scene(datastore)
    await scene.hold("a", 100, unit="30")
    await scene.hold("b", 100, unit="30")

    assert await scene.release("a", "failed", ("f",)) == "released"
    assert await scene.release("b", "refused", code="moderation") == "released"

    a, b = await scene.entries()
    assert (a.kind, a.outcome, a.cost, a.quote, a.flags, a.note) == ("release", "failed", 0, 100, "f", {"unit": "30"})
    assert (b.outcome, b.note) == ("refused", {"code": "moderation"})
    assert (await scene.standing()).held == {}
    assert await scene.spent() == 0
    assert await sums(scene) == {"requests": 2, "failed": 1, "refused": 1}
    await scene.assert_books_agree()


@pytest.mark.parametrize("first", ["settle", "release"])
@pytest.mark.parametrize("second", ["settle", "release"])
async def test_a_hold_resolves_once(datastore: Datastore, first: str, second: str) -> None:
    """Whatever comes after a settlement or a release changes no byte, also when it comes ten times at once."""
    scene = await open_scene(datastore)
    hold = await scene.hold("r", 100)

    async def resolve(how: str) -> str:
        return (await scene.books.settle(hold, delivered(60))).came if how == "settle" else await scene.release("r")

    await resolve(first)
    before = await dump(datastore)

    assert set(await asyncio.gather(*[resolve(second) for _ in range(10)])) == {"already"}
    assert await dump(datastore) == before


async def test_settling_at_once_settles_once(datastore: Datastore) -> None:
    """Ten settlements of one hold at the same moment: one settles, nine are told."""
    scene = await open_scene(datastore)
    hold = await scene.hold("r", 100)
    came = await asyncio.gather(*[scene.books.settle(hold, delivered(60)) for _ in range(10)])
    assert sorted(settled.came for settled in came) == ["already"] * 9 + ["settled"]
    assert await scene.spent() == 60
    await scene.assert_books_agree()


async def test_an_expired_hold_is_charged_at_its_quote_as_unknown(datastore: Datastore) -> None:
    """Nobody knows what came of it, so the quote is spent; slots and holds are free again."""
    scene = await open_scene(datastore)
    await expired(scene, "r")
    [entry] = await scene.entries()
    assert (entry.kind, entry.outcome, entry.cost, entry.flags) == ("expire", "unknown", 100, "at_quote")
    assert entry.note == {"note": "of the hold"}
    assert (await scene.standing()).held == {}
    assert await scene.spent() == 100
    assert await sums(scene) == {"requests": 1, "unknown": 1, "cost": 100}
    await scene.assert_books_agree()


@pytest.mark.parametrize("true_cost", [0, 60, 100, 130])
async def test_a_settlement_after_the_expiry_corrects_it(datastore: Datastore, true_cost: int) -> None:
    """The late truth is a new entry of the difference; the sums then say what a timely settlement would have said."""
    scene = await open_scene(datastore)
    hold = await expired(scene, "r")

    assert (await scene.books.settle(hold, delivered(true_cost))).came == "corrected"
    assert (await scene.books.settle(hold, delivered(true_cost))).came == "already"

    _, correction = await scene.entries()
    assert (correction.kind, correction.outcome, correction.cost) == ("correction", "delivered", true_cost - 100)
    assert await scene.spent() == true_cost
    expected = {"requests": 1, "delivered": 1, "images": 1, "cost": true_cost}
    assert await sums(scene) == {name: amount for name, amount in expected.items() if amount}
    await scene.assert_books_agree()


async def test_an_unknown_end_after_the_expiry_stays_one_unknown(datastore: Datastore) -> None:
    """A correction that knows no more than the expiry did leaves the counts as they are."""
    scene = await open_scene(datastore)
    hold = await expired(scene, "r")
    assert (await scene.books.settle(hold, Resolution("unknown", charged=True, cost=Money(100)))).came == "corrected"
    assert await sums(scene) == {"requests": 1, "unknown": 1, "cost": 100}
    await scene.assert_books_agree()


async def test_a_release_after_the_expiry_gives_the_money_back(datastore: Datastore) -> None:
    """The upstream refused after all: the quote that the expiry charged comes back by a new entry, once."""
    scene = await open_scene(datastore)
    await expired(scene, "r")

    assert await scene.release("r", "failed") == "corrected"
    assert await scene.release("r", "failed") == "already"

    assert [entry.cost for entry in await scene.entries()] == [100, -100]
    assert await scene.spent() == 0
    assert await sums(scene) == {"requests": 1, "failed": 1}
    await scene.assert_books_agree()


async def test_a_settlement_whose_hold_was_lost_is_recorded_whole(datastore: Datastore) -> None:
    """A failover may lose the reservation: the settlement says everything, so nothing is lost with it."""
    scene = await open_scene(datastore)
    hold = await scene.hold("r", 100)
    lost = [scene.names.holds, scene.names.reservations, scene.names.held]
    await datastore.command("DEL", *lost)

    assert (await scene.books.settle(hold, delivered(60, usage=USAGE))).came == "settled"
    assert (await scene.books.settle(hold, delivered(60, usage=USAGE))).came == "already"

    [entry] = await scene.entries()
    assert (entry.cost, entry.quote, entry.image_output, entry.team_period) == (60, 100, 44, hold.team_period)
    await scene.assert_books_agree()


async def test_a_cost_above_the_quote_is_recorded_in_full(datastore: Datastore) -> None:
    """What the upstream billed is spent, even where that exceeds the budget; the next request is refused."""
    scene = await open_scene(datastore, budget(100))
    await scene.books.settle(await scene.hold("r", 100), delivered(130))
    assert await scene.spent() == 130
    assert (await scene.admit("s", 1)).reason.available == -30
    await scene.assert_books_agree()


async def test_a_free_request_leaves_nothing_behind(datastore: Datastore) -> None:
    """Quotes of 0 are held, settled, released and expired like any other (minus zero is not a number to Redis)."""
    scene = await open_scene(datastore)
    await scene.books.settle(await scene.hold("a", 0), delivered(0))
    await scene.hold("b", 0)
    assert await scene.release("b") == "released"
    await expired(scene, "c", 0)
    assert await scene.release("c") == "corrected"
    assert (await scene.standing()).held == {}
    assert await scene.spent() == 0
    await scene.assert_books_agree()


async def test_renewal_extends_a_lease_and_wakes_no_dead(datastore: Datastore) -> None:
    """A standing hold gets another minute, even one just overdue; a resolved or unknown one gets nothing."""
    scene = await open_scene(datastore)
    await expired(scene, "expired")
    for request_id in ("standing", "overdue", "released"):
        await scene.hold(request_id)
    await scene.release("released")
    await scene.let_lease_run_out("overdue")

    assert await scene.books.renew(scene.team.id, ["standing", "overdue", "released", "expired", "unheard of"]) == 2

    assert 40_000 < await scene.lease_left_ms("standing") <= 45_000
    assert set(await datastore.command("HKEYS", scene.names.reservations)) == {b"standing", b"overdue"}
    await scene.assert_books_agree()


async def test_a_lease_is_a_minute_by_the_servers_clock(datastore: Datastore) -> None:
    """Long enough for two missed renewals, short enough that a dead process's holds resolve soon."""
    scene = await open_scene(datastore)
    await scene.hold("r")
    assert 40_000 < await scene.lease_left_ms("r") <= 45_000


async def test_one_call_expires_a_hundred_at_most(datastore: Datastore) -> None:
    """An admission and a sweep each visit a hundred overdue holds; who comes next does the rest."""
    scene = await open_scene(datastore, Limits(concurrent_images=230))
    ids = [f"r{number}" for number in range(230)]
    await asyncio.gather(*[scene.hold(request_id) for request_id in ids])
    await scene.let_lease_run_out(*ids)

    assert (await scene.admit("next")).verdict is Verdict.ADMITTED
    assert (await scene.standing()).held["team:images"] == 131
    assert await scene.books.expire(scene.team.id) == 100
    assert await scene.books.expire(scene.team.id) == 30
    assert await scene.books.expire(scene.team.id) == 0
    await scene.assert_books_agree()


async def test_tombstones_older_than_a_week_go_a_few_at_a_time(datastore: Datastore) -> None:
    """Each resolution clears away twenty old tombstones with what an expiry left beside them, and no younger one."""
    scene = await open_scene(datastore)
    resolved, left_by_expiry = scene.names.named("resolved"), scene.names.named("expired")
    await expired(scene, "young")
    for number in range(25):
        await datastore.command("ZADD", resolved, number, f"old{number}")
        await datastore.command("HSET", left_by_expiry, f"old{number}", "x")

    await scene.release("a")
    assert await datastore.command("ZCARD", resolved) == 25 - 20 + 2
    await scene.release("b")
    assert set(await datastore.command("ZRANGE", resolved, 0, -1)) == {b"young", b"a", b"b"}
    assert await datastore.command("HKEYS", left_by_expiry) == [b"young"]
    for name in (resolved, left_by_expiry):
        assert 0 < await datastore.command("PTTL", name) <= 7 * 24 * 3600 * 1000


async def test_a_lease_without_a_hold_is_cleared_away(datastore: Datastore) -> None:
    """Half of a hold (which no script leaves, but a person might) does not stop the sweep for ever."""
    scene = await open_scene(datastore)
    await datastore.command("ZADD", scene.names.holds, 1, "nothing")
    assert await scene.books.expire(scene.team.id) == 1
    assert await scene.books.expire(scene.team.id) == 0
    assert await scene.entries() == []


async def test_roll_ups_are_kept_a_year_and_a_month(datastore: Datastore) -> None:
    """An hour's sums live 400 days; the ledger itself for ever."""
    scene = await open_scene(datastore)
    await scene.books.settle(await scene.hold("r", 1), delivered(1))
    hour = (await scene.entries())[0].resolved_ms // 3_600_000
    left_seconds = await datastore.command("TTL", scene.names.usage(hour))
    assert 399 * 86_400 < left_seconds <= 400 * 86_400
    assert await datastore.command("TTL", scene.names.ledger) == -1
