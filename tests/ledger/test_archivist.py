"""The hourly run over all teams: one process at a time, told how it ended, and harmless whatever happens to Redis."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from app.accounts.store import AccountStore
from app.datastore.datastore import Datastore
from app.datastore.opening import open_datastore
from app.errors import Conflict, InternalError, StoreUnavailable
from app.keyspace import ARCHIVING
from app.ledger.archive import LedgerArchive
from app.ledger.archived import ArchivedEntries
from app.ledger.archiving_lock import LOCK_MS, ArchivingLock
from app.ledger.archivist import Archived, Archivist, Result, archive_all
from app.ledger.brought_forward import read_brought_forward
from app.ledger.periods import DAY_MS
from tests.ledger.archives import MemoryStore, archived, assert_archive_agrees, carry_all, refuse
from tests.ledger.long_ledger import write_ledger
from tests.ledger.scene import Scene, now_ms, open_scene
from tests.support.datastore import datastore_on
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

DAYS = 10
RUN_OUT = "ledger entries cannot be archived; they stay in redis"


@pytest.fixture
async def scene(datastore: Datastore) -> Scene:
    """A team with entries of three weeks."""
    opened = await open_scene(datastore)
    await write_ledger(opened, 60, days=20)
    return opened


@asynccontextmanager
async def running(
    datastore: Datastore, store: MemoryStore, ran: list[Result], again_seconds: float = 0.01
) -> AsyncIterator[Archivist]:
    """An archivist that begins at once, and does not wait long to try again."""
    team_ids = AccountStore(datastore).team_ids
    archivist = Archivist(
        LedgerArchive(datastore, store),
        datastore,
        team_ids,
        DAYS,
        ran.append,
        first_seconds=0,
        every_seconds=3600,
        again_seconds=again_seconds,
    )
    archivist.start()
    yield archivist
    await archivist.aclose()


async def test_every_team_has_its_turn(datastore: Datastore, scene: Scene) -> None:
    """Old entries of all teams are archived, the run is told, and the lock is given back."""
    other, store, ran = await open_scene(datastore), MemoryStore(), list[Result]()
    await write_ledger(other, 30, days=15)
    async with running(datastore, store, ran):
        await until(lambda: asyncio.sleep(0, ran))
    assert ran == ["ok"]
    for team in (scene, other):
        assert await archived(team, store)
        await assert_archive_agrees(team, store)
        assert min(entry.resolved_ms for entry in await team.entries()) >= await now_ms(datastore) - (DAYS + 1) * DAY_MS
    assert await datastore.command("EXISTS", ARCHIVING) == 0


async def test_a_store_that_fails_is_told_once(
    datastore: Datastore, scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    """One line when it begins and one when it is over, however often it is tried; each failure is counted."""
    caplog.set_level(logging.INFO, "app.ledger.archivist")
    store, ran = MemoryStore(before=refuse("put")), list[Result]()
    before = await scene.entries()

    async def has_failed_thrice() -> bool:
        return len(ran) >= 3

    async def is_done() -> bool:
        return "ok" in ran

    async with running(datastore, store, ran):
        await until(has_failed_thrice)
        assert await scene.entries() == before
        store.before = lambda _: None
        await until(is_done)
    lines = [record.message for record in caplog.records]
    assert lines == [RUN_OUT, "ledger entries can be archived again", "ledger entries archived"]
    assert set(ran[:-1]) == {"failed"}


async def test_one_process_at_a_time(datastore: Datastore, scene: Scene) -> None:
    """While another has the lock nothing is done; it ends by itself, and its holder can renew it."""
    own, other, store = ArchivingLock(datastore), ArchivingLock(datastore), MemoryStore()
    assert await other.hold()
    assert not await own.hold()
    horizon = await now_ms(datastore) - DAYS * DAY_MS
    assert await archive_all(LedgerArchive(datastore, store), datastore, [scene.team.id], horizon) is None
    assert store.files == {}
    await own.release()
    assert await other.hold()
    assert 0 < await datastore.command("PTTL", ARCHIVING) <= LOCK_MS
    await other.release()
    assert isinstance(await archive_all(LedgerArchive(datastore, store), datastore, [scene.team.id], horizon), Archived)


async def test_who_loses_the_lock_stops(datastore: Datastore, scene: Scene) -> None:
    """A run whose lock ran out ends with the file under way; the rest is for whoever has the lock."""
    store, thief = MemoryStore(), ArchivingLock(datastore)

    async def steal() -> None:
        await datastore.command("DEL", ARCHIVING)
        await thief.hold()

    stealing: list[asyncio.Task[None]] = []

    def stolen(_: object) -> None:
        stealing.append(asyncio.create_task(steal()))

    archive = LedgerArchive(datastore, store, entries_per_file=1)
    horizon = await now_ms(datastore) - DAYS * DAY_MS
    done = await archive_all(archive, datastore, [scene.team.id], horizon, stolen)
    await asyncio.gather(*stealing)
    assert done is not None
    assert done.files < await archive.count(scene.team.id, horizon)
    assert await thief.hold()
    await assert_archive_agrees(scene, store)


async def test_a_broken_team_keeps_no_other_from_its_turn(datastore: Datastore, scene: Scene) -> None:
    """What cannot be archived of one team fails the run, after all others had theirs."""
    broken, store = await open_scene(datastore), MemoryStore()
    [first, *_] = await write_ledger(broken, 3, days=20)
    await datastore.command("DEL", broken.names.ledger)
    await datastore.command("XADD", broken.names.ledger, first, "kind", "settle")
    horizon = await now_ms(datastore) - DAYS * DAY_MS
    with pytest.raises(InternalError):
        await archive_all(LedgerArchive(datastore, store), datastore, [broken.team.id, scene.team.id], horizon)
    assert await archived(scene, store)
    assert await archived(broken, store) == []


async def test_a_full_redis_is_emptied(own_redis: RedisServer) -> None:
    """At its memory limit Redis takes no writes; archiving goes on, since it is what helps."""
    datastore = datastore_on(own_redis.url, timeout_seconds=10, failures_to_open=1000)
    scene, store = await open_scene(datastore), MemoryStore()
    await write_ledger(scene, 400, days=20)
    before = await scene.entries()
    own_redis.ask("CONFIG", "SET", "maxmemory-policy", "noeviction", "maxmemory", "1mb")
    with pytest.raises(StoreUnavailable):
        await datastore.command("SET", "ig:x", "y")
    horizon = await now_ms(datastore) - DAYS * DAY_MS
    done = await archive_all(LedgerArchive(datastore, store), datastore, [scene.team.id], horizon)
    assert done is not None
    assert done.entries == len(await archived(scene, store)) > 100
    assert await archived(scene, store) + await scene.entries() == before
    await assert_archive_agrees(scene, store)
    await datastore.aclose()


async def test_a_frozen_redis_is_gone_on_from(own_redis: RedisServer) -> None:
    """Frozen when the file is there: the caller cannot know what came of it, and the next run finds each entry once."""
    patient = datastore_on(own_redis.url, timeout_seconds=20, failures_to_open=1000)
    hasty = open_datastore(own_redis.url, timeout_seconds=1.5)
    scene, store = await open_scene(patient), MemoryStore()
    await write_ledger(scene, 60, days=20)
    before = await scene.entries()
    other = await open_scene(patient)
    await write_ledger(other, 1, days=20)
    # So that Redis has the script, and does it when it wakes up.
    await carry_all(LedgerArchive(hasty, store, least_age_ms=-2 * DAY_MS), other.team.id)
    store.puts.clear()

    def freeze(doing: str) -> None:
        if doing == "get" and store.puts:
            own_redis.pause()

    store.before = freeze
    with pytest.raises(StoreUnavailable) as failed:
        await carry_all(LedgerArchive(hasty, store), scene.team.id)
    assert failed.value.may_have_happened
    own_redis.resume()
    store.before = lambda _: None

    async def is_forward() -> bool:
        return (await read_brought_forward(patient, scene.team.id)).entries > 0

    await until(is_forward)
    assert await archived(scene, store) + await scene.entries() == before
    await carry_all(LedgerArchive(patient, store, least_age_ms=-2 * DAY_MS), scene.team.id)
    assert await archived(scene, store) == before
    await assert_archive_agrees(scene, store)
    await hasty.aclose()
    await patient.aclose()


async def test_it_works_on_a_cluster(cluster_url: str) -> None:
    """Each team's entries, spend and balance are in one slot; teams on several masters are archived in one run."""
    datastore, store = open_datastore(cluster_url, timeout_seconds=10), MemoryStore()
    teams = [await open_scene(datastore) for _ in range(4)]
    for scene in teams:
        await write_ledger(scene, 20, days=20)
    horizon = await now_ms(datastore) - DAYS * DAY_MS
    ids = [scene.team.id for scene in teams]
    done = await archive_all(LedgerArchive(datastore, store), datastore, ids, horizon)
    assert done is not None
    assert done.teams == 4
    for scene in teams:
        await assert_archive_agrees(scene, store)
    await datastore.aclose()


async def test_verifying_beside_an_archivist_finds_no_difference(datastore: Datastore, scene: Scene) -> None:
    """Entries that leave while they are read are read again, or it is said why that cannot be; none is missed."""
    store, done = MemoryStore(), list[bool]()
    archive = LedgerArchive(datastore, store, entries_per_file=1)
    horizon = await now_ms(datastore) - 9 * DAY_MS

    async def check() -> None:
        while not done:
            with suppress(Conflict):
                await scene.assert_books_agree()

    async def carry() -> None:
        await carry_all(archive, scene.team.id, horizon)
        done.append(True)

    await asyncio.gather(check(), check(), carry())
    await assert_archive_agrees(scene, store)
    assert (await ArchivedEntries(datastore, store).compare(scene.team.id)).entries > 10
