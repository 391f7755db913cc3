"""The ledger as a replica has it: outages of Redis, vanished processes, callers that leave."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from app.accounts.store import AccountStore
from app.datastore.datastore import Datastore
from app.errors import StoreUnavailable
from app.ledger.books import Books
from app.ledger.journal import Journal
from app.ledger.ledger import Ledger
from app.ledger.models import Admission, Resolution
from app.money import Money
from tests.ledger.conftest import OpenLedger
from tests.ledger.scene import Scene, budget, delivered, open_scene, quote
from tests.support.redis_server import RedisServer


@pytest.fixture
async def scene(patient: Datastore) -> Scene:
    """A team that may spend 1000 nano-dollars."""
    return await open_scene(patient, budget(1000))


async def admit(ledger: Ledger, scene: Scene, request_id: str, cost: int = 100) -> Admission:
    return await ledger.admit(scene.principal(), request_id, "model", quote(cost), {})


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Let everything else go on until the condition holds."""
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110 - what changes is in another process
            await asyncio.sleep(0.01)


async def kinds(scene: Scene) -> list[str]:
    return [entry.kind for entry in await scene.entries()]


async def test_a_request_from_admission_to_settlement(open_ledger: OpenLedger, scene: Scene) -> None:
    """An admitted hold is answered for until it is resolved; a refusal is not."""
    async with open_ledger() as ledger:
        admission = await admit(ledger, scene, "r")
        await admit(ledger, scene, "too dear", 901)
        assert admission.hold is not None
        assert repr(ledger) == "<Ledger [1 holds open, 0 journalled]>"

        await ledger.resolve(admission.hold, delivered(60))

        assert (ledger.open_holds, ledger.journal_length) == (0, 0)
        assert await scene.spent() == 60
        second = await admit(ledger, scene, "s")
        assert second.hold is not None
        await ledger.resolve(second.hold, Resolution("failed", charged=False, flags=("f",), note={"status": 500}))
    _, entry = await scene.entries()
    assert (entry.kind, entry.outcome, entry.cost, entry.flags) == ("release", "failed", 0, "f")
    assert entry.note == {"status": 500}
    await scene.assert_books_agree()


async def test_a_frozen_redis_that_thaws_charges_nobody(
    open_ledger: OpenLedger, scene: Scene, durable_redis: RedisServer
) -> None:
    """The admission is refused; when Redis executes it after all, the journal's release undoes it."""
    async with open_ledger() as ledger:
        before = await admit(ledger, scene, "before the frost")
        durable_redis.pause()
        with pytest.raises(StoreUnavailable) as refused:
            await admit(ledger, scene, "r")
        assert refused.value.may_have_happened
        assert (ledger.open_holds, ledger.journal_length) == (1, 1)

        durable_redis.resume()
        ledger.start()

        async def is_empty() -> bool:
            return ledger.journal_length == 0

        await until(is_empty)
        assert before.hold is not None
        await ledger.resolve(before.hold, delivered(0))

    assert await scene.spent() == 0
    assert (await scene.standing()).held == {}
    assert (await scene.admit("r")).reason.code == "resolved"
    await scene.assert_books_agree()


async def test_a_resolution_waits_on_the_disk_until_redis_is_back(
    open_ledger: OpenLedger, scene: Scene, durable_redis: RedisServer
) -> None:
    """With Redis dead the settlement is safe at once, in the journal; when Redis is back it is written, once."""
    async with open_ledger() as ledger:
        admission = await admit(ledger, scene, "r")
        assert admission.hold is not None
        durable_redis.kill()

        await ledger.resolve(admission.hold, delivered(60))

        assert (ledger.open_holds, ledger.journal_length) == (0, 1)
        durable_redis.start()
        ledger.start()

        async def is_settled() -> bool:
            return await scene.spent() == 60 and ledger.journal_length == 0

        await until(is_settled)
        await ledger.resolve(admission.hold, delivered(60))
    assert await kinds(scene) == ["settle"]
    assert (await scene.standing()).held == {}
    await scene.assert_books_agree()


async def test_what_was_written_and_not_confirmed_is_written_once(
    open_ledger: OpenLedger, scene: Scene, durable_redis: RedisServer
) -> None:
    """A settlement whose reply is lost goes to the journal too; the replay finds it done."""
    async with open_ledger() as ledger:
        admission = await admit(ledger, scene, "r")
        assert admission.hold is not None
        durable_redis.pause()
        await ledger.resolve(admission.hold, delivered(60))
        assert ledger.journal_length == 1
        durable_redis.resume()
    assert await kinds(scene) == ["settle"]
    assert await scene.spent() == 60
    await scene.assert_books_agree()


async def test_the_next_process_writes_what_a_dead_one_left(
    open_ledger: OpenLedger, scene: Scene, durable_redis: RedisServer
) -> None:
    """A replica that stops while Redis is away leaves its journal; whoever starts on the folder replays it."""
    async with open_ledger() as first:
        admission = await admit(first, scene, "r")
        assert admission.hold is not None
        durable_redis.kill()
        await first.resolve(admission.hold, delivered(60))
    durable_redis.start()
    assert await scene.spent() == 0
    async with open_ledger():
        pass  # stopping replays as well
    assert await scene.spent() == 60


async def test_refused_connections_leave_nothing_to_give_back(
    open_ledger: OpenLedger, scene: Scene, durable_redis: RedisServer
) -> None:
    """Where nobody listened, nothing can have been admitted: the journal stays empty."""
    durable_redis.kill()
    async with open_ledger() as ledger:
        with pytest.raises(StoreUnavailable) as refused:
            await admit(ledger, scene, "r")
        assert not refused.value.may_have_happened
        assert ledger.journal_length == 0
    durable_redis.start()


@pytest.mark.parametrize("turns", range(6))
async def test_a_caller_that_leaves_during_its_admission_holds_nothing(
    open_ledger: OpenLedger, scene: Scene, turns: int
) -> None:
    """Cancelled after any number of turns of the loop: either it was admitted, or what it may hold is given back."""
    async with open_ledger() as ledger:
        task = asyncio.create_task(admit(ledger, scene, "r"))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert ledger.open_holds == 0
    assert (await scene.standing()).held == {}
    assert await scene.spent() == 0


async def test_a_caller_that_leaves_during_its_resolution_is_settled_all_the_same(
    open_ledger: OpenLedger, scene: Scene, durable_redis: RedisServer
) -> None:
    """Cancelled while Redis is frozen: the resolution stands in the journal before the cancellation is passed on."""
    async with open_ledger() as ledger:
        admission = await admit(ledger, scene, "r")
        assert admission.hold is not None
        durable_redis.pause()
        task = asyncio.create_task(ledger.resolve(admission.hold, delivered(60)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (ledger.open_holds, ledger.journal_length) == (0, 1)
        durable_redis.resume()
    assert await scene.spent() == 60
    assert await kinds(scene) == ["settle"]


async def test_a_resolution_older_than_its_tombstone_is_reported_and_not_replayed(
    open_ledger: OpenLedger, scene: Scene, durable_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """After six days nothing would stop a second charge, so a person is told what the record says instead."""
    async with open_ledger() as ledger:
        admission = await admit(ledger, scene, "r")
        assert admission.hold is not None
        durable_redis.kill()
        for days in (5, 7):
            hold = admission.hold
            old = type(hold)(
                **{name: getattr(hold, name) for name in hold.__struct_fields__}
                | {"request_id": f"{days} days", "admitted_ms": hold.admitted_ms - days * 86_400_000}
            )
            await ledger.resolve(old, delivered(60))
        durable_redis.start()
    assert [entry.request for entry in await scene.entries()] == ["5 days"]
    [told] = [record for record in caplog.records if "too old" in record.message]
    assert (told.__dict__["request_id"], told.__dict__["cost"]) == ("7 days", Money(60))


async def test_leases_of_live_requests_are_renewed_and_no_others(open_ledger: OpenLedger, scene: Scene) -> None:
    """The holds this process answers for get another lease; a dead process's hold is left to run out."""
    async with open_ledger() as ledger:
        admission = await admit(ledger, scene, "mine")
        await scene.hold("a dead process's")
        soon = int(await scene.lease_left_ms("mine")) // 2
        for request_id in ("mine", "a dead process's"):
            await scene.datastore.command("ZINCRBY", scene.names.holds, -soon, request_id)
        ledger.start()

        async def is_renewed() -> bool:
            return await scene.lease_left_ms("mine") > 40_000

        await until(is_renewed)
        assert await scene.lease_left_ms("a dead process's") < 40_000
        assert admission.hold is not None
        await ledger.resolve(admission.hold, delivered(0))


async def test_the_sweeper_resolves_holds_of_teams_nobody_asks_for(
    open_ledger: OpenLedger, scene: Scene, patient: Datastore
) -> None:
    """Overdue holds of every team expire without any admission."""
    scenes = [scene, await open_scene(patient), await open_scene(patient)]
    for each in scenes:
        await each.hold("lost")
        await each.let_lease_run_out("lost")
    async with open_ledger() as ledger:
        ledger.start()

        async def are_expired() -> bool:
            return [await kinds(each) for each in scenes] == [["expire"]] * 3

        await until(are_expired)


async def test_closing_stops_the_work_beside_the_requests(open_ledger: OpenLedger, scene: Scene) -> None:
    """After aclose no task of the ledger is left."""
    before = asyncio.all_tasks()
    async with open_ledger() as ledger:
        ledger.start()
        assert len(asyncio.all_tasks() - before) >= 3
    assert asyncio.all_tasks() == before


async def test_the_work_goes_on_after_an_outage(
    open_ledger: OpenLedger, scene: Scene, durable_redis: RedisServer
) -> None:
    """Background work that met a dead Redis does its duty when Redis is back."""
    async with open_ledger() as ledger:
        admission = await admit(ledger, scene, "r")
        assert admission.hold is not None
        durable_redis.kill()
        ledger.start()
        await ledger.resolve(admission.hold, delivered(60))
        durable_redis.start()

        async def is_settled() -> bool:
            return await scene.spent() == 60

        await until(is_settled)


@pytest.mark.parametrize("lost", ["nothing", "a hold", "the reservation"])
async def test_a_full_redis_leaves_no_half_done_books(
    patient: Datastore, scene: Scene, durable_redis: RedisServer, lost: str
) -> None:
    """Out of memory a script is refused before its first write or done whole; with room again everything resolves."""
    holds = [await scene.hold(request_id) for request_id in ("settled", "released", "expired")]
    if lost == "a hold":
        await scene.let_lease_run_out("expired")
    elif lost == "the reservation":
        await patient.command("DEL", scene.names.holds, scene.names.reservations, scene.names.held)
    steps: list[Callable[[], Awaitable[object]]] = [
        lambda: scene.admit("another"),
        lambda: scene.books.settle(holds[0], delivered(1)),
        lambda: scene.release("released"),
        lambda: scene.books.expire(scene.team.id),
        lambda: scene.books.settle(holds[2], delivered(1)),
    ]
    for memory in ("1", "0"):
        assert durable_redis.command("CONFIG", "SET", "maxmemory", memory) == b"+OK"
        for step in steps:
            await asyncio.gather(step(), return_exceptions=memory == "1")
            await scene.assert_books_agree()
    assert await scene.held() == 1, "the other one"
    assert await scene.spent() == 2


class Servers:
    """Names of the servers that hold the books, which a test sets."""

    def __init__(self) -> None:
        self.names = frozenset({"first"})
        self.looks = 0

    async def identities(self) -> frozenset[str]:
        """What a datastore would tell."""
        self.looks += 1
        return self.names


async def test_what_a_failover_forgot_is_sent_again(scene: Scene, patient: Datastore, tmp_path: Path) -> None:
    """Everything resolved is remembered: behind a failover that took it back, settlements and releases are there again.

    The ledger's own task notices, and its own records are what is sent.
    """
    servers = Servers()
    ledger = Ledger(Books(patient), Journal(tmp_path / "journal"), AccountStore(patient).team_ids, servers.identities)
    bought, failed = await admit(ledger, scene, "bought"), await admit(ledger, scene, "failed")
    await ledger.give_up(scene.principal(), "left")
    names = [name.decode() for name in await patient.command("KEYS", f"ig:{{{scene.team.id}}}:*")]
    behind = {name: await patient.command("DUMP", name) for name in names}
    assert bought.hold is not None
    assert failed.hold is not None
    await ledger.resolve(bought.hold, delivered(60))
    await ledger.resolve(failed.hold, Resolution("failed", charged=False))
    for name in await patient.command("KEYS", f"ig:{{{scene.team.id}}}:*"):
        await patient.command("DEL", name)
    for name, value in behind.items():
        await patient.command("RESTORE", name, 0, value)
    ledger.start()
    await until(lambda: looked(servers))
    servers.names = frozenset({"second"})

    await until(lambda: resolved(scene))

    assert sorted(await kinds(scene)) == ["release", "settle"]
    assert await scene.spent() == 60
    await scene.assert_books_agree()
    await ledger.aclose()


async def looked(servers: Servers) -> bool:
    """Whether the ledger knows who its servers are."""
    return servers.looks > 0


async def resolved(scene: Scene) -> bool:
    """Whether both requests are resolved."""
    return len(await kinds(scene)) == 2
