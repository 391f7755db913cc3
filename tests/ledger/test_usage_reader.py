"""Reading the books back: sums over a time, and a verification that notices every figure that was touched."""

import pytest

from app.accounts.models import Limits
from app.catalog.pricing import TokenUsage
from app.datastore.datastore import Datastore
from app.ledger.usage import UsageReader
from tests.ledger.scene import Scene, delivered, open_scene

HOUR_MS = 3_600_000


@pytest.fixture
async def scene(datastore: Datastore) -> Scene:
    """A team with two keys, two models, a settlement of each, and one standing hold."""
    opened = await open_scene(datastore, None, Limits(), Limits())
    for key, model in ((0, "a"), (0, "b"), (1, "a")):
        hold = await opened.hold(f"{key}{model}", 100, key=key, model=model)
        await opened.books.settle(hold, delivered(60, usage=TokenUsage(1, 2, 3, 4)))
    await opened.hold("standing", 5, images=2)
    return opened


async def test_sums_are_by_key_and_model(datastore: Datastore, scene: Scene) -> None:
    """Every key and model has sums of its own; an hour that only touches the time asked for counts whole."""
    reader, [entry, *_] = UsageReader(datastore), await scene.entries()
    hour = entry.resolved_ms // HOUR_MS * HOUR_MS
    sums = await reader.sums(scene.team.id, hour, hour + 2 * HOUR_MS)
    one, other = (key.id for key in scene.keys)
    assert sums.keys() == {(one, "a"), (one, "b"), (other, "a")}
    assert sums[one, "a"] == {
        "requests": 1,
        "delivered": 1,
        "images": 1,
        "cost": 60,
        "text_input": 1,
        "image_input": 2,
        "text_output": 3,
        "image_output": 4,
    }
    assert await reader.sums(scene.team.id, hour + HOUR_MS - 1, hour + HOUR_MS)
    assert await reader.sums(scene.team.id, hour - HOUR_MS, hour) == {}
    assert await reader.sums(scene.team.id, hour - 2000 * HOUR_MS, hour + HOUR_MS - 1) == sums


async def test_entries_are_read_in_order_over_pages(datastore: Datastore) -> None:
    """A ledger longer than a page comes back whole, each entry once."""
    scene = await open_scene(datastore)
    for start in range(0, 2500, 500):
        added = [
            ("XADD", scene.names.ledger, f"{number + 1}-0", *_fields(number)) for number in range(start, start + 500)
        ]
        await datastore.commands(added)
    assert [entry.request for entry in await scene.entries()] == [f"r{number}" for number in range(2500)]
    verified = await UsageReader(datastore).recompute(scene.team.id)
    assert verified.entries == 2500
    assert verified.differences


def _fields(number: int) -> list[str]:
    numbers = ("cost", "quote", "images", "text_input", "image_input", "text_output", "image_output")
    texts = {"kind": "settle", "request": f"r{number}", "outcome": "delivered", "key": "K", "model": "m", "note": ""}
    texts |= {"team_period": "total", "key_period": "total", "flags": "", "admitted_ms": "1", "resolved_ms": "1"}
    texts |= dict.fromkeys(numbers, "1")
    return [word for pair in texts.items() for word in pair]


async def test_sound_books_verify(datastore: Datastore, scene: Scene) -> None:
    """Settlements and a standing hold: nothing differs, and the entries are counted."""
    for team_id, number in ((scene.team.id, 3), ("nobody", 0)):
        verified = await UsageReader(datastore).recompute(team_id)
        assert (verified.entries, verified.differences) == (number, ())


async def test_every_touched_figure_is_noticed(datastore: Datastore, scene: Scene) -> None:
    """Spend, held money, a roll-up, a lease: whichever figure is changed by hand, the verification names it."""
    names, key = scene.names, scene.keys[0].id
    hour = (await scene.entries())[0].resolved_ms // HOUR_MS
    touches = {
        "spend team:total": ("HINCRBY", names.spend, "team:total", 1),
        f"spend key:{key}:total": ("HINCRBY", names.spend, f"key:{key}:total", 1),
        "spend team:day:2001-01-01": ("HSET", names.spend, "team:day:2001-01-01", 1),
        "held team:cost": ("HINCRBY", names.held, "team:cost", 1),
        f"held key:{key}:images": ("HINCRBY", names.held, f"key:{key}:images", 1),
        f"usage {key} a cost": ("HINCRBY", names.usage(hour), f"{key}|a|cost", 1),
        "usage X m images": ("HINCRBY", names.usage(hour), "X|m|images", 1),
        "holds without a lease or leases without a hold": ("ZREM", names.holds, "standing"),
    }
    for what, touch in touches.items():
        await datastore.command(*touch)
        differences = (await UsageReader(datastore).recompute(scene.team.id)).differences
        assert what in [difference.what for difference in differences]
    assert len(differences) == len(touches)
