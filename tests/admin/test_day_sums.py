"""Days of teams: finished ones are remembered, open ones are not, and nothing that is remembered can change."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from app.accounts.models import Limits
from app.admin.day_sums import DaySums, Used
from app.datastore.datastore import Datastore
from app.ledger.credits import Credit, Credits
from app.ledger.usage import UsageReader
from app.money import Money
from tests.ledger.long_ledger import COST, write_ledger
from tests.ledger.scene import Scene, delivered, dump, now_ms, open_scene

HOUR_MS = 3_600_000


class Source:
    """Where Redis says its data comes from."""

    ids = frozenset({"first"})

    async def __call__(self) -> frozenset[str]:
        return self.ids


async def clock(datastore: Datastore) -> datetime:
    """The server's, so that a test at midnight has one today."""
    return datetime.fromtimestamp(await now_ms(datastore) / 1000, UTC)


async def bump(scene: Scene, day: date) -> None:
    """One request more on a day, as nothing but a test writes it."""
    hour = int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp() * 1000) // HOUR_MS
    await scene.datastore.command("HINCRBY", scene.names.usage(hour), f"{scene.keys[0].id}|late|requests", 1)


def total(days: dict[Any, Any]) -> Used:
    """Everything together."""
    used = Used()
    for models in days.values():
        for of in models.values():
            used = used.plus(of)
    return used


async def test_finished_days_are_read_once(datastore: Datastore) -> None:
    """Today and yesterday are looked at every time, the days before never again; sums are those of the ledger."""
    scene, idle = await open_scene(datastore, Limits()), await open_scene(datastore, Limits())
    await write_ledger(scene, 300)
    now = await clock(datastore)
    teams, since = [scene.team.id, idle.team.id], now.date() - timedelta(days=29)
    sums = DaySums(UsageReader(datastore), Source())
    first = await sums.read(teams, since, now)
    assert total(first) == Used(300, 270, 270, 270 * COST)
    assert len(first) == 2 * 30
    assert sums.remembered == 2 * 28
    for ago in (0, 1, 2, 20):
        await bump(scene, now.date() - timedelta(days=ago))
    again = await sums.read(teams, since, now + timedelta(hours=12))
    changed = {(now.date() - day).days for (_, day), models in again.items() if "late" in models}
    assert changed <= {0, 1}
    assert 1 in changed
    assert total(await DaySums(UsageReader(datastore), Source()).read(teams, since, now)).requests >= 303


async def test_what_comes_late_is_booked_today(datastore: Datastore) -> None:
    """A settlement after its expiry, one out of a journal and credits leave every roll-up of the past as it was."""
    scene = await open_scene(datastore, Limits())
    await write_ledger(scene, 50)
    expired, waited = await scene.hold("expired", 500), await scene.hold("waited", 700)
    await scene.let_lease_run_out("expired")
    now = await clock(datastore)
    this_hour = int(now.timestamp() * 1000) // HOUR_MS
    # The hours around this one: the test may run over the end of it.
    fresh = {scene.names.usage(this_hour + near).encode() for near in (0, 1)}
    before = {name: kept for name, kept in (await dump(datastore)).items() if b":usage:" in name and name not in fresh}
    await scene.books.expire(scene.team.id)
    await scene.books.settle(expired, delivered(300))
    await scene.books.settle(waited, delivered(600))
    giving = Credits(datastore)
    await giving.credit_request(scene.team, f"req_{0:020d}", Credit("credit_to_request", Money(10), "blurred"))
    await giving.credit_request(scene.team, "expired", Credit("credit_to_expired", Money(5), "late"))
    after = await dump(datastore)
    assert before.keys() <= after.keys()
    assert {name: after[name] for name in before} == before
    assert {name for name in after if b":usage:" in name} - before.keys() <= fresh


async def test_other_books_are_read_anew(datastore: Datastore) -> None:
    """After a failover, or with a backup put back, nothing of before is believed."""
    scene, source = await open_scene(datastore, Limits()), Source()
    await write_ledger(scene, 60)
    now = await clock(datastore)
    day = now.date() - timedelta(days=10)
    sums = DaySums(UsageReader(datastore), source)
    await sums.read([scene.team.id], day, now)
    await bump(scene, day)
    assert "late" not in (await sums.read([scene.team.id], day, now))[scene.team.id, day]
    source.ids = frozenset({"second"})
    assert (await sums.read([scene.team.id], day, now))[scene.team.id, day]["late"] == Used(requests=1)


async def test_memory_is_bounded(datastore: Datastore) -> None:
    """What finds no room is read every time and counted all the same; days that nobody asks for any more go."""
    scene = await open_scene(datastore, Limits())
    await write_ledger(scene, 300)
    now = await clock(datastore)
    since = now.date() - timedelta(days=29)
    sums = DaySums(UsageReader(datastore), Source(), most_remembered=5)
    for _ in range(2):
        assert total(await sums.read([scene.team.id], since, now)).requests == 300
        assert sums.remembered == 5
    assert len(await sums.read([scene.team.id], now.date() - timedelta(days=3), now)) == 4
    assert sums.remembered == 2


async def test_a_short_time_has_no_finished_days(datastore: Datastore) -> None:
    """Today alone, and a team of which nothing is known."""
    now = await clock(datastore)
    sums = DaySums(UsageReader(datastore), Source())
    assert await sums.read(["nobody"], now.date(), now) == {("nobody", now.date()): {}}
    assert await sums.read([], now.date(), now) == {}
    assert sums.remembered == 0
