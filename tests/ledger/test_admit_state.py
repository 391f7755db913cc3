"""Admission against what the server knows: the records behind a principal, the request id, and the time."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from app.accounts.credentials import new_id
from app.accounts.models import Budget, Period, Principal
from app.datastore.datastore import Datastore
from app.errors import StoreUnavailable
from app.ledger.books import Books
from app.ledger.models import Resolution, Verdict
from app.ledger.periods import window
from app.ledger.scripts import ADMIT
from app.money import Money
from tests.ledger.scene import budget, delivered, dump, now_ms, on_books, open_scene, quote

HOUR_SECONDS = 3600.0
DAY_SECONDS = 24 * HOUR_SECONDS


async def script_calls(datastore: Datastore) -> int:
    """How often a script was called since the statistics were reset."""
    statistics: dict[str, dict[str, int]] = await datastore.command("INFO", "commandstats")
    return sum(numbers["calls"] for name, numbers in statistics.items() if name.startswith("cmdstat_eval"))


@pytest.mark.parametrize("record", ["team", "key"])
@pytest.mark.parametrize("change", ["version", "missing"])
async def test_a_changed_record_makes_the_principal_stale(datastore: Datastore, record: str, change: str) -> None:
    """A team or key that was changed or removed since it was read: nothing is held, the caller authenticates again."""
    scene = await open_scene(datastore)
    name = scene.names.record if record == "team" else scene.names.key(scene.keys[0].id)
    if change == "version":
        await datastore.command("HINCRBY", name, "version", 1)
    else:
        await datastore.command("DEL", name)
    before = await dump(datastore)

    admission = await scene.admit("r")

    assert admission.verdict is Verdict.STALE
    assert admission.hold is None
    assert await dump(datastore) == before


@pytest.mark.parametrize(("expires_in_seconds", "verdict"), [(-1, Verdict.STALE), (60, Verdict.ADMITTED)])
async def test_a_key_expires_by_the_servers_clock(
    datastore: Datastore, expires_in_seconds: int, verdict: Verdict
) -> None:
    """A cached principal whose key has run out meanwhile is not admitted."""
    scene = await open_scene(datastore)
    key = replace(scene.keys[0], expires_at=datetime.now(UTC) + timedelta(seconds=expires_in_seconds))
    admission = await scene.books.admit(Principal(scene.team, key), "r", "model", quote(1), {})
    assert admission.verdict is verdict


async def test_admitting_an_id_twice_is_one_admission(datastore: Datastore) -> None:
    """The same request asked again, also many times at once, is admitted again and held once."""
    scene = await open_scene(datastore, budget(100))
    first = await scene.hold("r", 100)
    before = await dump(datastore)

    again = await asyncio.gather(*[scene.admit("r", 100) for _ in range(10)])

    assert {admission.verdict for admission in again} == {Verdict.ADMITTED}
    assert {admission.hold.team_period for admission in again if admission.hold} == {first.team_period}
    assert await dump(datastore) == before


@pytest.mark.parametrize("ending", ["settled", "released", "expired", "never admitted"])
async def test_an_id_that_was_resolved_is_never_admitted_again(datastore: Datastore, ending: str) -> None:
    """However a request ended, and even when its release came first, a late admit of it refuses and holds nothing."""
    scene = await open_scene(datastore)
    if ending != "never admitted":
        hold = await scene.hold("r", 100)
    if ending == "settled":
        await scene.books.settle(hold, delivered(60))
    elif ending == "expired":
        await scene.let_lease_run_out("r")
        assert await scene.books.expire(scene.team.id) == 1
    else:
        assert await scene.release("r") == ("released" if ending == "released" else "tombstone")

    late = await scene.admit("r", 100)

    assert (late.verdict, late.reason.code) == (Verdict.REFUSED, "resolved")
    assert (await scene.standing()).held == {}


@pytest.mark.parametrize(
    "offset_seconds", [0, 2 * HOUR_SECONDS, -2 * HOUR_SECONDS, 40 * DAY_SECONDS, -400 * DAY_SECONDS]
)
@pytest.mark.parametrize("period", ["day", "week", "month"])
async def test_period_and_hour_are_the_servers_however_wrong_our_clock_is(
    datastore: Datastore, offset_seconds: float, period: Period
) -> None:
    """A replica whose clock is hours or months off books into the right period and hour, at one more call, once."""
    scene = await open_scene(datastore, budget(1000, period))
    hold = await scene.hold("with the right clock", 1)  # also makes the server know the script
    off = on_books(scene, Books(datastore, clock=lambda: time.time() + offset_seconds))
    await datastore.command("CONFIG", "RESETSTAT")

    admission = await off.admit("r", 100)

    assert await script_calls(datastore) == (2 if offset_seconds else 1)
    right = window(scene.team.limits.budget, admission.now_ms)
    assert admission.hold is not None
    assert admission.hold.team_period == right.id == hold.team_period
    assert abs(admission.now_ms - time.time() * 1000) < 60_000

    await datastore.command("CONFIG", "RESETSTAT")
    await off.books.settle(await off.hold("s", 100), delivered(70))
    assert await script_calls(datastore) <= 3, "what was learnt of the clock is kept (a new script is sent twice)"
    assert (await scene.standing()).spend[f"team:{right.id}"] == 70
    await scene.assert_books_agree()


@pytest.mark.parametrize("offset_seconds", [7200.0, -7200.0, 18.0])
async def test_many_at_once_learn_the_same_of_the_clock(datastore: Datastore, offset_seconds: float) -> None:
    """Fifty calls whose clock is off correct it once, not fifty times."""
    scene = await open_scene(datastore, budget(10**9))
    off = on_books(scene, Books(datastore, clock=lambda: time.time() + offset_seconds))

    for turn in range(3):
        admissions = await asyncio.gather(*[off.admit(f"r{turn}-{number}") for number in range(50)])
        assert {admission.verdict for admission in admissions} == {Verdict.ADMITTED}


@pytest.mark.parametrize("ending", ["settle", "release", "expire", "renew"])
async def test_every_script_works_with_a_clock_that_is_off(datastore: Datastore, ending: str) -> None:
    """A replica whose clock is a day off resolves and renews like any other."""
    scene = await open_scene(datastore)
    hold = await scene.hold("r", 100)
    off = Books(datastore, clock=lambda: time.time() + DAY_SECONDS)
    if ending == "settle":
        assert (await off.settle(hold, delivered(10))).came == "settled"
    elif ending == "release":
        assert await off.release(scene.team.id, hold.key_id, "r", Resolution("failed", charged=False)) == "released"
    elif ending == "expire":
        await scene.let_lease_run_out("r")
        assert await off.expire(scene.team.id) == 1
    else:
        assert await off.renew(scene.team.id, ["r"]) == 1
    await scene.assert_books_agree()


async def test_a_clock_that_never_fits_is_a_refusal_that_did_nothing(datastore: Datastore) -> None:
    """Should the clocks race each other, the books refuse as if Redis were away, and say that nothing happened."""
    scene = await open_scene(datastore)
    readings = iter(range(0, 10**9, 10**7))
    racing = on_books(scene, Books(datastore, clock=lambda: time.time() + next(readings)))
    await racing.hold("the first reading is right")
    with pytest.raises(StoreUnavailable) as refused:
        await racing.admit("r")
    assert refused.value.may_have_happened is False
    assert len(await datastore.command("HKEYS", scene.names.reservations)) == 1


@pytest.mark.parametrize(("starts_in_ms", "next_ends_in_ms"), [(60_000, 180_000), (-180_000, -60_000)])
async def test_a_server_outside_both_periods_says_so_and_does_nothing(
    datastore: Datastore, starts_in_ms: int, next_ends_in_ms: int
) -> None:
    """Right hour, wrong period (a boundary within the hour): the script asks for the right boundaries."""
    scene = await open_scene(datastore)
    now = await now_ms(datastore)
    no_limits: list[str | int] = [-1] * 6
    ends_in_ms = next_ends_in_ms - 60_000
    off: list[str | int] = ["p", now + starts_in_ms, now + ends_in_ms, "q", now + next_ends_in_ms]
    fitting: list[str | int] = ["p", 0, now + 60_000, "q", now + 120_000]
    key = scene.keys[0].id
    hold: list[str | int] = ["r", key, 1, 1, 0, 100, 1, 0, "model", "{}", "admit", 100, "generations", "f", 0, 0, 1]
    before = await dump(datastore)
    for team_period, key_period in ((off, fitting), (fitting, off)):
        periods = [*no_limits, *team_period, *fitting, "team", *no_limits, *key_period, *fitting, f"key:{key}"]
        words = [now // 3_600_000, *hold, *periods]
        reply = await datastore.run(ADMIT, scene.names.books(key, now), words)
        assert reply[0] == b"clock"
        assert int(reply[1]) >= now
    assert await dump(datastore) == before


async def test_the_next_period_begins_by_the_servers_clock(datastore: Datastore) -> None:
    """Just after midnight a replica that is slow by an hour still passes yesterday; the server books into today."""
    hour = datetime.now(UTC).hour
    east = -hour if hour <= 12 else 24 - hour  # the zone in which it is between 0 and 1 o'clock now
    zone = f"Etc/GMT{-east:+d}" if east else "Etc/GMT"  # POSIX counts westwards
    limit = Budget(Money(100), "day", zone)
    scene = await open_scene(datastore, budget(100, "day", zone))
    slow = on_books(scene, Books(datastore, clock=lambda: time.time() - HOUR_SECONDS))
    yesterday = window(limit, int((time.time() - HOUR_SECONDS) * 1000)).id
    await datastore.command("HSET", scene.names.spend, f"team:{yesterday}", 100)

    admission = await slow.admit("r", 100)

    assert admission.hold is not None, "yesterday's spend does not count today"
    assert admission.hold.team_period == window(limit, admission.now_ms).id != yesterday


async def test_a_request_belongs_to_the_period_of_its_admission(datastore: Datastore) -> None:
    """What was admitted in one period and settled in the next is spend of the first; the next has its whole budget."""
    scene = await open_scene(datastore, budget(100, "day"))
    hold = await scene.hold("r", 100)
    earlier = replace(hold, team_period="day:2001-01-01")

    await scene.books.settle(earlier, delivered(80))

    assert (await scene.standing()).spend["team:day:2001-01-01"] == 80
    assert (await scene.admit("s", 100)).verdict is Verdict.ADMITTED


async def test_teams_do_not_share_anything(datastore: Datastore) -> None:
    """Two teams with equal key ids and request ids keep separate books."""
    one, other = await open_scene(datastore, budget(100)), await open_scene(datastore, budget(100))
    request = new_id()
    await one.hold(request, 100)
    assert (await other.admit(request, 100)).verdict is Verdict.ADMITTED
    assert await other.release(request) == "released"
    assert await one.held() == 100
