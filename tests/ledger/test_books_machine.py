"""Any interleaving of what replicas do to a team's books, against a plain model of what should come of it."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

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

from app.accounts.models import Budget, Limits
from app.datastore.opening import open_datastore
from app.ledger.models import Hold, Resolution
from app.ledger.usage import UsageReader
from app.money import Money
from tests.ledger.scene import Scene, open_scene

TEAM_BUDGET, KEY_BUDGET, SLOTS, DAY = 1000, 600, 6, 12
COSTS = st.integers(0, 400)


@dataclass(slots=True)
class Request:
    """What the model knows of a request id."""

    key: int
    images: int
    quote: int
    state: Literal["held", "expired", "resolved"] = "held"
    charged: int = 0
    delivered: int = 0
    hold: Hold | None = None
    overdue: bool = False


def midday_zone() -> str:
    """A time zone in which it is about noon, so that no test sees a midnight."""
    hours = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-hours:+d}" if hours else "UTC"


class BooksMachine(RuleBasedStateMachine):
    """Two teams of two keys; every rule does the same to the books and to the model, and compares the replies."""

    url: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.teams: list[Scene] = []
        self.requests: list[dict[str, Request]] = [{}, {}]
        self.known: list[tuple[int, str]] = []
        self.number = 0

    @initialize()
    def open_books(self) -> None:
        async def opened() -> None:
            self.datastore = open_datastore(self.url, timeout_seconds=10)
            money = Budget(Money(TEAM_BUDGET), timezone=midday_zone())
            team = Limits(concurrent_images=SLOTS, images_per_day=DAY, budget=money)
            key = Limits(budget=Budget(Money(KEY_BUDGET), "total"))
            self.teams = [await open_scene(self.datastore, team, key, Limits()) for _ in range(2)]

        self.runner.run(opened())

    @override
    def teardown(self) -> None:
        async def closed() -> None:
            await self.datastore.aclose()

        self.runner.run(closed())
        self.runner.close()

    def held(self, team: int, key: int | None = None) -> list[Request]:
        """The team's (or key's) standing holds by the model."""
        requests = self.requests[team].values()
        return [r for r in requests if r.state == "held" and (key is None or r.key == key)]

    def spent(self, team: int, key: int | None = None) -> int:
        """The team's (or key's) spend by the model."""
        return sum(r.charged for r in self.requests[team].values() if key is None or r.key == key)

    def today(self, team: int) -> int:
        """The team's pictures of the day by the model: as asked for until it is known, and for ever where it is not."""
        requests = self.requests[team].values()
        return sum(r.delivered if r.state == "resolved" else r.images for r in requests)

    def expire_overdue(self, team: int) -> int:
        """What every admission and every sweep does first."""
        overdue = [request for request in self.held(team) if request.overdue]
        for request in overdue:
            request.state, request.charged = "expired", request.quote
        return len(overdue)

    def pick(self, data: st.DataObject) -> tuple[int, str]:
        """One of the request ids that were ever used."""
        return data.draw(st.sampled_from(self.known))

    @rule(team=st.integers(0, 1), key=st.integers(0, 1), cost=COSTS, images=st.integers(1, 3))
    def admit(self, team: int, key: int, cost: int, images: int) -> None:
        self.number += 1
        request_id = f"r{self.number}"
        self.expire_overdue(team)
        held = self.held(team)
        fits = (
            self.spent(team) + sum(r.quote for r in held) + cost <= TEAM_BUDGET
            and sum(r.images for r in held) + images <= SLOTS
            and self.today(team) + images <= DAY
            and (key == 1 or self.spent(team, key) + sum(r.quote for r in self.held(team, key)) + cost <= KEY_BUDGET)
        )

        admission = self.runner.run(self.teams[team].admit(request_id, cost, images=images, key=key))

        assert (admission.hold is not None) is fits, admission
        if admission.hold:
            self.requests[team][request_id] = Request(key, images, cost, hold=admission.hold)
            self.known.append((team, request_id))

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def admit_again(self, data: st.DataObject) -> None:
        team, request_id = self.pick(data)
        request = self.requests[team][request_id]
        admission = self.runner.run(
            self.teams[team].admit(request_id, request.quote, images=request.images, key=request.key)
        )
        assert (admission.hold is not None) is (request.state == "held")

    @precondition(lambda self: self.known)
    @rule(data=st.data(), part=st.floats(0, 1), charged=st.booleans())
    def resolve(self, data: st.DataObject, part: float, charged: bool) -> None:
        team, request_id = self.pick(data)
        request, scene = self.requests[team][request_id], self.teams[team]
        cost = int(request.quote * part) if charged else 0
        if charged and request.hold:
            resolution = Resolution("delivered", True, Money(cost), 1)
            came = self.runner.run(scene.books.settle(request.hold, resolution)).came
            done = "settled"
        else:
            came = self.runner.run(scene.release(request_id, key=request.key))
            done = "released"
            cost = 0
        assert came == {"held": done, "expired": "corrected", "resolved": "already"}[request.state]
        if request.state != "resolved":
            request.state, request.charged, request.delivered = "resolved", cost, int(done == "settled")

    @rule(team=st.integers(0, 1))
    def release_before_admit(self, team: int) -> None:
        self.number += 1
        request_id = f"r{self.number}"
        assert self.runner.run(self.teams[team].release(request_id)) == "tombstone"
        self.requests[team][request_id] = Request(0, 1, 1, "resolved")
        self.known.append((team, request_id))

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        """A process vanishes with some of its holds: nobody renews them."""
        lost = data.draw(st.sets(st.sampled_from(self.known), max_size=4))
        for team, request_id in sorted(lost):
            request = self.requests[team][request_id]
            if request.state == "held":
                request.overdue = True
                self.runner.run(self.teams[team].let_lease_run_out(request_id))

    @rule(team=st.integers(0, 1))
    def sweep(self, team: int) -> None:
        scene = self.teams[team]
        assert self.runner.run(scene.books.expire(scene.team.id)) == self.expire_overdue(team)

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        team, request_id = self.pick(data)
        request, scene = self.requests[team][request_id], self.teams[team]
        assert self.runner.run(scene.books.renew(scene.team.id, [request_id])) == (request.state == "held")
        request.overdue = False

    @invariant()
    def books_are_right(self) -> None:
        for number, scene in enumerate(self.teams):
            self.runner.run(self._check(number, scene))

    async def _check(self, number: int, scene: Scene) -> None:
        standing, verified = await asyncio.gather(
            scene.standing(), UsageReader(self.datastore).recompute(scene.team.id)
        )
        assert verified.differences == ()
        assert sum(v for f, v in standing.spend.items() if f.startswith("team:")) == self.spent(number)
        assert standing.held.get("team:cost", 0) == sum(request.quote for request in self.held(number))
        for key, virtual_key in enumerate(scene.keys):
            spent = sum(v for f, v in standing.spend.items() if f.startswith(f"key:{virtual_key.id}:"))
            held = standing.held.get(f"key:{virtual_key.id}:cost", 0)
            assert spent == self.spent(number, key)
            assert key == 1 or spent + held <= KEY_BUDGET
        assert self.spent(number) + standing.held.get("team:cost", 0) <= TEAM_BUDGET
        assert standing.held.get("team:images", 0) <= SLOTS
        if not self.held(number):
            assert standing.held == {}, "nothing is held for nobody"
        counted = await self.datastore.command("HGET", scene.names.named("days"), "team:images")
        assert int(counted or 0) == self.today(number)


def test_every_interleaving_keeps_the_books(redis_url: str) -> None:
    """Whatever replicas do and however they crash: spent + held ≤ budget, the ledger sums to spend, nothing leaks."""
    BooksMachine.url = redis_url
    run_state_machine_as_test(
        BooksMachine,
        settings=settings(max_examples=40, stateful_step_count=30, suppress_health_check=list(HealthCheck)),
    )
