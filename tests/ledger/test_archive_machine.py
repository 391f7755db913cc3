"""Any interleaving of buying, correcting, crediting and archiving, with crashes: nothing is lost or counted twice."""

import asyncio
from contextlib import suppress

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from typing_extensions import override

from app.accounts.models import Limits
from app.datastore.opening import open_datastore
from app.errors import InvalidRequest, NotFound
from app.ledger.credits import Credit, Credits
from app.ledger.models import Hold
from app.money import Money
from tests.ledger.archives import Killed, MemoryStore, archive_on, archived, assert_archive_agrees, carry_all, killed
from tests.ledger.scene import delivered, open_scene


def ignore(_: str) -> None:
    """A store that works."""


class ArchiveMachine(RuleBasedStateMachine):
    """One team of two keys; every entry ever written is noted when it is first seen."""

    url: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.store = MemoryStore()
        self.ever: dict[str, int] = {}
        self.holds: list[Hold] = []
        self.done: list[str] = []
        self.number = 0

    @initialize()
    def open_books(self) -> None:
        async def opened() -> None:
            self.datastore = open_datastore(self.url, timeout_seconds=10)
            self.scene = await open_scene(self.datastore, None, Limits(), Limits())

        self.runner.run(opened())

    @override
    def teardown(self) -> None:
        async def closed() -> None:
            await self.datastore.aclose()

        self.runner.run(closed())
        self.runner.close()

    @rule(key=st.integers(0, 1), cost=st.integers(0, 400))
    def admit(self, key: int, cost: int) -> None:
        self.number += 1
        self.holds.append(self.runner.run(self.scene.hold(f"r{self.number}", cost, key=key)))

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), cost=st.integers(0, 500))
    def settle(self, data: st.DataObject, cost: int) -> None:
        """Also of one whose lease has run out: then it is corrected, archived or not."""
        hold = data.draw(st.sampled_from(self.holds))
        self.holds.remove(hold)
        self.done.append(hold.request_id)
        self.runner.run(self.scene.books.settle(hold, delivered(cost)))

    @precondition(lambda self: self.holds)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        hold = data.draw(st.sampled_from(self.holds))
        self.holds.remove(hold)
        self.runner.run(self.scene.release(hold.request_id))

    @precondition(lambda self: self.holds)
    @rule(data=st.data())
    def vanish(self, data: st.DataObject) -> None:
        """A process dies, and the sweeper charges what it held at the quote; its truth may still come."""
        hold = data.draw(st.sampled_from(self.holds))
        self.runner.run(self.scene.let_lease_run_out(hold.request_id))
        self.runner.run(self.scene.books.expire(self.scene.team.id))

    @precondition(lambda self: self.done)
    @rule(data=st.data(), amount=st.integers(1, 100))
    def credit(self, data: st.DataObject, amount: int) -> None:
        """Given, or refused because it is too much or its request archived: the books agree either way."""
        request = data.draw(st.sampled_from(self.done))
        self.number += 1
        credit = Credit(f"credit_{self.number}", Money(amount), "a test")
        with suppress(InvalidRequest, NotFound):
            self.runner.run(Credits(self.datastore).credit_request(self.scene.team, request, credit))

    @rule(size=st.integers(1, 4))
    def archive(self, size: int) -> None:
        self._look()
        self.runner.run(self.carried(size))

    @rule(size=st.integers(1, 4))
    def archive_and_die(self, size: int) -> None:
        """Killed when the first file is there, and before Redis is told."""
        self._look()
        self.store.after = killed
        with suppress(Killed):
            self.runner.run(self.carried(size))
        self.store.after = ignore

    @rule(one=st.integers(1, 4), other=st.integers(1, 4))
    def two_archive(self, one: int, other: int) -> None:
        """Two at once, each with files of its own size, so that they get into each other's way."""
        self._look()

        async def both() -> None:
            await asyncio.gather(self.carried(one), self.carried(other))

        self.runner.run(both())

    async def carried(self, size: int) -> None:
        """Archive everything that is there."""
        await carry_all(archive_on(self.datastore, self.store, size), self.scene.team.id)

    def _look(self) -> None:
        for entry in self.runner.run(self.scene.entries()):
            assert self.ever.setdefault(entry.id, entry.cost) == entry.cost

    @invariant()
    def books_are_right(self) -> None:
        self._look()
        self.runner.run(self._check())

    async def _check(self) -> None:
        await assert_archive_agrees(self.scene, self.store)
        gone, left = await archived(self.scene, self.store), await self.scene.entries()
        assert [entry.id for entry in (*gone, *left)] == list(self.ever)
        assert await self.scene.spent() == sum(self.ever.values())


def test_every_interleaving_keeps_every_entry_once(redis_url: str) -> None:
    """Archive and ledger together are all entries there ever were, each once, in order; and they are the spend."""
    ArchiveMachine.url = redis_url
    run_state_machine_as_test(
        ArchiveMachine,
        settings=settings(max_examples=15, stateful_step_count=25, suppress_health_check=list(HealthCheck)),
    )
