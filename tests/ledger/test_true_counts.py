"""What is counted beforehand is set right when it is known: tokens per minute, pictures per day."""

from dataclasses import dataclass

import pytest

from app.accounts.models import Limits
from app.catalog.pricing import TokenUsage
from app.datastore.datastore import Datastore
from app.ledger.models import Resolution
from app.money import Money
from tests.ledger.scene import FUTURE_MS, Scene, delivered, fill, open_scene

LIMITS = Limits(tokens_per_minute=1000, images_per_day=10)
SPENT = TokenUsage(9, 0, 0, 196)


@dataclass(frozen=True)
class Case:
    """How a request for 4 pictures and 800 tokens ends, and what stays counted."""

    resolution: Resolution
    tokens: int
    images: int


CASES = {
    "all of it": Case(delivered(1, 4, TokenUsage(100, 0, 0, 700)), tokens=800, images=4),
    "less": Case(delivered(1, 1, SPENT), tokens=205, images=1),
    "more": Case(delivered(1, 4, TokenUsage(0, 0, 0, 900)), tokens=900, images=4),
    "pictures, and no usage": Case(
        Resolution("delivered", charged=True, delivered=1, flags=("at_quote", "bad_usage")), tokens=800, images=1
    ),
    "nobody knows": Case(Resolution("unknown", charged=True, flags=("at_quote",)), tokens=800, images=4),
    "nobody knows, and some tokens were seen": Case(
        Resolution("unknown", charged=True, cost=Money(1), usage=SPENT), tokens=205, images=4
    ),
}


async def counted(scene: Scene) -> list[tuple[float, int]]:
    """Tokens taken from the bucket and pictures of the day, of the team and of the key."""
    found = []
    for scope in ("team", f"key:{scene.keys[0].id}"):
        level = await scene.datastore.command("HGET", scene.names.named(f"buckets:{scope}"), "tokens")
        images = await scene.datastore.command("HGET", scene.names.named("days"), f"{scope}:images")
        found.append((1000 - float(level), int(images)))
    return found


async def opened(datastore: Datastore) -> Scene:
    """Books whose buckets do not fill while a test looks at them."""
    scene = await open_scene(datastore, LIMITS, LIMITS)
    for scope in ("team", f"key:{scene.keys[0].id}"):
        await fill(scene, "tokens", 1000, FUTURE_MS, scope)
    return scene


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_a_settlement_leaves_the_true_counts(datastore: Datastore, case: Case) -> None:
    """Quoted at admission, corrected at the settlement for team and key alike; what nobody knows stays as quoted."""
    scene = await opened(datastore)
    hold = await scene.hold("r", images=4, tokens=800)
    assert await counted(scene) == [(800, 4)] * 2

    await scene.books.settle(hold, case.resolution)
    await scene.books.settle(hold, case.resolution)

    assert await counted(scene) == [(case.tokens, case.images)] * 2


async def test_a_release_gives_all_of_it_back(datastore: Datastore) -> None:
    """Nothing was made: neither tokens nor pictures stay counted, however often it is said."""
    scene = await opened(datastore)
    await scene.hold("r", images=4, tokens=800)
    await scene.release("r")
    await scene.release("r")

    assert await counted(scene) == [(0, 0)] * 2


async def test_a_late_truth_corrects_what_an_expiry_left_counted(datastore: Datastore) -> None:
    """A vanished process's request stays counted as quoted, until its truth comes, once."""
    scene = await opened(datastore)
    hold = await scene.hold("r", images=4, tokens=800)
    await scene.let_lease_run_out("r")
    await scene.books.expire(scene.team.id)
    assert await counted(scene) == [(800, 4)] * 2

    for _ in range(2):
        await scene.books.settle(hold, delivered(1, 1, SPENT))

    assert await counted(scene) == [(205, 1)] * 2


async def test_yesterday_is_not_corrected_today(datastore: Datastore) -> None:
    """What belongs to another day leaves this day's count alone."""
    scene = await opened(datastore)
    hold = await scene.hold("r", images=4, tokens=800)
    for scope in ("team", f"key:{scene.keys[0].id}"):
        await datastore.command("HSET", scene.names.named("days"), f"{scope}:day", "day:tomorrow")
    await scene.books.settle(hold, delivered(1, 1, SPENT))

    assert [images for _, images in await counted(scene)] == [4, 4]


async def test_a_reservation_in_the_form_of_before_is_resolved(datastore: Datastore) -> None:
    """One written before tokens and days were counted expires like any other, and keeps no team from buying."""
    scene = await open_scene(datastore, LIMITS)
    hold = await scene.hold("r", 100)
    old = f"100|1|{hold.key_id}|{hold.team_period}|{hold.key_period}|{hold.admitted_ms}|model|{{}}"
    await datastore.command("HSET", scene.names.reservations, "r", old)
    await scene.let_lease_run_out("r")

    await scene.hold("next", 1)

    (entry,) = await scene.entries()
    assert (entry.request, entry.outcome, entry.cost) == ("r", "unknown", 100)
