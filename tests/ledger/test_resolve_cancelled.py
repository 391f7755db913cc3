"""A resolution whose caller is cancelled is made all the same, once."""

import asyncio
from pathlib import Path

import pytest

from app.accounts.store import AccountStore
from app.datastore.datastore import Datastore
from app.ledger.books import Books
from app.ledger.journal import Journal
from app.ledger.ledger import Ledger
from app.ledger.models import Hold, Resolution
from tests.ledger.scene import Scene, budget, delivered, open_scene, quote
from tests.support.redis_server import RedisServer

RESOLUTIONS = [delivered(60), Resolution("failed", charged=False, again=True)]


@pytest.fixture
async def scene(patient: Datastore) -> Scene:
    """A team that may spend 1000 nano-dollars."""
    return await open_scene(patient, budget(1000))


@pytest.fixture
def ledger(patient: Datastore, tmp_path: Path) -> Ledger:
    """It waits for Redis however long that takes, so that nothing goes to the journal."""
    return Ledger(Books(patient), Journal(tmp_path), AccountStore(patient).team_ids, patient.replication_ids)


async def held(ledger: Ledger, scene: Scene) -> Hold:
    admission = await ledger.admit(scene.principal(), "r", "model", quote(100), {})
    assert admission.hold is not None
    return admission.hold


async def begun(ledger: Ledger, hold: Hold, resolution: Resolution) -> asyncio.Task[None]:
    """A caller that resolves its hold, and has come as far as it comes in its first turn of the loop."""
    task = asyncio.create_task(ledger.resolve(hold, resolution))
    await asyncio.sleep(0)
    return task


@pytest.mark.parametrize("resolution", RESOLUTIONS, ids=["settled", "released"])
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("turns", range(6))
async def test_a_caller_that_leaves_during_its_resolution_changes_nothing_about_it(
    ledger: Ledger, scene: Scene, turns: int, times: int, resolution: Resolution
) -> None:
    """Cancelled after any number of turns of the loop, once or again: it is made, and made once."""
    task = await begun(ledger, await held(ledger, scene), resolution)
    for _ in range(times):
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (ledger.open_holds, ledger.journal_length) == (0, 0)
    assert (await scene.standing()).held == {}
    assert await scene.spent() == resolution.cost
    [entry] = await scene.entries()
    assert entry.outcome == resolution.outcome
    await ledger.aclose()


async def test_a_ledger_that_closes_waits_for_the_resolution_of_a_cancelled_caller(
    ledger: Ledger, scene: Scene
) -> None:
    """The second try counts as under way, too: the journal it may need is still open."""
    task = await begun(ledger, await held(ledger, scene), delivered(60))
    task.cancel()
    await ledger.aclose()
    assert task.done()
    assert await scene.spent() == 60


async def test_a_caller_that_leaves_hears_of_it_when_its_resolution_stands(
    ledger: Ledger, scene: Scene, durable_redis: RedisServer
) -> None:
    """While Redis is silent nothing is certain, so neither the hold nor its caller is let go."""
    hold = await held(ledger, scene)
    durable_redis.pause()
    task = await begun(ledger, hold, delivered(60))
    task.cancel()
    for _ in range(20):
        await asyncio.sleep(0)
    assert not task.done()
    assert ledger.open_holds == 1
    durable_redis.resume()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (ledger.open_holds, ledger.journal_length) == (0, 0)
    assert await scene.spent() == 60
    assert len(await scene.entries()) == 1
    await ledger.aclose()
