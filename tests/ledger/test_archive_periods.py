"""Periods that are over: their spend leaves the books on both sides at once, and the archive still proves it."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.accounts.models import Budget
from app.datastore.datastore import Datastore
from app.keyspace import hour_of
from app.ledger.archived import ArchivedEntries
from app.ledger.brought_forward import is_over, read_brought_forward, scope_of
from app.ledger.periods import DAY_MS, window
from app.money import Money
from tests.ledger.archives import MemoryStore, archive_on, assert_archive_agrees, carry_all
from tests.ledger.scene import Scene, now_ms, open_scene

ZONES = ("UTC", "Etc/GMT+12", "Etc/GMT-14", "Europe/Berlin", "America/St_Johns", "Pacific/Chatham")


async def buy(scene: Scene, number: int, cost: int, period: str, *, days_ago: float) -> None:
    """An entry of that period, written so many days ago, with its spend and roll-up; each is newer than the last."""
    at_ms, key = int(await now_ms(scene.datastore) - days_ago * DAY_MS), scene.keys[0].id
    fields = {"kind": "settle", "request": f"r{number}", "outcome": "delivered", "key": key, "model": "m", "note": "{}"}
    fields |= {"cost": str(cost), "quote": str(cost), "images": "1", "flags": "", "admitted_ms": str(at_ms)}
    fields |= dict.fromkeys(("text_input", "image_input", "text_output", "image_output"), "0")
    fields |= {"team_period": period, "key_period": period, "resolved_ms": str(at_ms)}
    pairs = [word for pair in fields.items() for word in pair]
    roll_up = scene.names.usage(hour_of(at_ms))
    sums = {"requests": 1, "delivered": 1, "images": 1, "cost": cost}
    await scene.datastore.commands(
        [
            ("XADD", scene.names.ledger, f"{at_ms}-{number}", *pairs),
            ("HINCRBY", scene.names.spend, f"team:{period}", cost),
            ("HINCRBY", scene.names.spend, f"key:{key}:{period}", cost),
            *[("HINCRBY", roll_up, f"{key}|m|{measure}", amount) for measure, amount in sums.items()],
        ]
    )


async def months_ago(datastore: Datastore, days: int) -> str:
    """The id of the month of so many days ago."""
    month = Budget(Money(1), "month")
    return window(month, await now_ms(datastore) - days * DAY_MS).id


async def test_what_is_over_goes_from_both_sides(datastore: Datastore) -> None:
    """An old month that is archived whole leaves spend and balance together; the young one and `total` stay."""
    scene, store = await open_scene(datastore), MemoryStore()
    old, young = await months_ago(datastore, 200), await months_ago(datastore, 0)
    archive = archive_on(datastore, store, 2)
    for number, (period, days_ago) in enumerate([(old, 200), (old, 199), ("total", 150), ("total", 149), (young, 0.1)]):
        await buy(scene, number, 10 + number, period, days_ago=days_ago)
    [key] = scene.keys
    horizon = await now_ms(datastore) - 60 * DAY_MS
    await carry_all(archive, scene.team.id, horizon)
    before = await scene.standing()
    assert before.spend[f"team:{old}"] == 21
    # What is over is known by how far the archive reaches when a run begins.
    await carry_all(archive, scene.team.id)

    spend = (await scene.standing()).spend
    assert spend == {name: cost for name, cost in before.spend.items() if not name.endswith(old)}
    forward = await read_brought_forward(datastore, scene.team.id)
    assert forward.over == {"team": 21, f"key:{key.id}": 21}
    assert f"team:{old}" not in forward.spend
    await assert_archive_agrees(scene, store)

    # A file that is gone is noticed by what its periods came to, too.
    oldest = min(store.files)
    content = store.files.pop(oldest)
    told = [found.what for found in (await ArchivedEntries(datastore, store).compare(scene.team.id)).differences]
    assert "archive team, periods that are over" in told
    store.files[oldest] = content


async def test_what_is_not_all_archived_stays(datastore: Datastore) -> None:
    """A credit of last week on a request of an old month: its field goes only when that entry is archived, too."""
    scene, store = await open_scene(datastore), MemoryStore()
    old = await months_ago(datastore, 200)
    archive = archive_on(datastore, store, 1)
    await buy(scene, 1, 10, old, days_ago=200)
    await buy(scene, 2, 1, "total", days_ago=120)
    await buy(scene, 3, 1, "total", days_ago=110)
    await buy(scene, 4, -4, old, days_ago=5)
    await buy(scene, 5, 1, "total", days_ago=4)
    for days in (115, 100):
        await carry_all(archive, scene.team.id, await now_ms(datastore) - days * DAY_MS)
        await assert_archive_agrees(scene, store)
    assert (await scene.standing()).spend[f"team:{old}"] == 6
    await carry_all(archive, scene.team.id)
    await buy(scene, 6, 1, "total", days_ago=0.1)
    await carry_all(archive, scene.team.id)
    assert f"team:{old}" not in (await scene.standing()).spend
    assert (await read_brought_forward(datastore, scene.team.id)).over["team"] == 6
    await assert_archive_agrees(scene, store)


async def test_what_comes_after_all_begins_again(datastore: Datastore) -> None:
    """An entry for a period that was taken off the books: spend and balance take it up from nothing, and agree."""
    scene, store = await open_scene(datastore), MemoryStore()
    old = await months_ago(datastore, 200)
    archive = archive_on(datastore, store, 1)
    for number, days_ago in ((1, 200), (2, 120), (3, 110)):
        await buy(scene, number, 10, old if number == 1 else "total", days_ago=days_ago)
    await carry_all(archive, scene.team.id, await now_ms(datastore) - 115 * DAY_MS)
    await carry_all(archive, scene.team.id)
    assert f"team:{old}" not in (await scene.standing()).spend
    await buy(scene, 4, 7, old, days_ago=0.1)
    assert (await scene.standing()).spend[f"team:{old}"] == 7
    await assert_archive_agrees(scene, store)
    for _ in range(2):
        await carry_all(archive, scene.team.id)
        await assert_archive_agrees(scene, store)


@given(
    at_ms=st.integers(1_600_000_000_000, 1_900_000_000_000),
    kind=st.sampled_from(["day", "week", "month"]),
    zone=st.sampled_from(ZONES),
    reset_day=st.integers(1, 7),
)
def test_no_period_is_over_before_it_is(at_ms: int, kind: str, zone: str, reset_day: int) -> None:
    """In whatever zone: not before eight days have gone by since its end, and surely after six weeks."""
    span = window(Budget(Money(1), kind, zone, reset_day=reset_day), at_ms)  # type: ignore[arg-type]  # a Period by its word
    for scope in ("team", "key:K"):
        assert not is_over(f"{scope}:{span.id}", span.ends_ms + 8 * DAY_MS)
        assert is_over(f"{scope}:{span.id}", span.ends_ms + 42 * DAY_MS)


@pytest.mark.parametrize("field", ["team:total", "key:K:total", "team:month:2026-13", "team:year:2001", "entries", "x"])
def test_what_has_no_end_is_never_over(field: str) -> None:
    """`total`, and whatever is no period of ours."""
    assert not is_over(field, 2**62)


def test_scopes_are_read_from_fields() -> None:
    """Of a team and of a key, whatever the period is called."""
    found = Counter(map(scope_of, ["team:total", "team:day:2026-01-01", "key:K:total", "key:K:week:2026-01-05"]))
    assert found == {"team": 2, "key:K": 2}
