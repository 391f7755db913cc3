"""Any interleaving of tries, hang-ups and ends: no picture is promised to two retries of the same count."""

import asyncio
from dataclasses import dataclass, field
from typing import Literal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from typing_extensions import override

from app.datastore.opening import open_datastore
from app.ledger.models import Ending, Hold, Identity, Verdict
from tests.ledger.tries import FOR_LATER, OTHER, SAME, Tries, open_tries, retry

KINDS = (SAME, OTHER, FOR_LATER)
Whose = tuple[int, int]
"""A key's number, and that of what is asked for."""


@dataclass(slots=True)
class Bought:
    """What the model knows of a request that was admitted."""

    whose: Whose
    hold: Hold
    attended: int
    """How many are connected for it."""
    told: Literal["", "its answer", "its error"] = ""
    has_ended: bool = False
    is_claimable: bool = True
    served: set[int] = field(default_factory=set)
    """The retry counts that joined it."""

    @property
    def is_gone(self) -> bool:
        """Nobody is connected for it, and nobody has anything of it."""
        return self.attended == 0 and not self.told

    @property
    def identity(self) -> Identity:
        """As what it was asked for."""
        return KINDS[self.whose[1]]


class ClaimsMachine(RuleBasedStateMachine):
    """Two keys that ask for the same two pictures, one of them both at once and for later."""

    url: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.bought: dict[str, Bought] = {}
        self.number = 0

    @initialize()
    def open_books(self) -> None:
        async def opened() -> Tries:
            self.datastore = open_datastore(self.url, timeout_seconds=10)
            return await open_tries(self.datastore)

        self.tries = self.runner.run(opened())

    @override
    def teardown(self) -> None:
        async def closed() -> None:
            await self.datastore.aclose()

        self.runner.run(closed())
        self.runner.close()

    def ask(self, whose: Whose, count: int) -> str:
        """Ask, and buy where that is the verdict; else the request that is joined."""
        self.number += 1
        key, kind = whose
        admission = self.runner.run(self.tries.ask(f"r{self.number}", retry(count, KINDS[kind]), key=key))
        if admission.hold is not None:
            is_attended = KINDS[kind].attended  # who comes later is told where, at once
            self.bought[f"r{self.number}"] = Bought(
                whose, admission.hold, int(is_attended), "" if is_attended else "its answer"
            )
            return ""
        assert admission.verdict is Verdict.JOIN
        return admission.earlier

    def pick(self, data: st.DataObject) -> tuple[str, Bought]:
        """One of the requests that were ever bought."""
        name = data.draw(st.sampled_from(sorted(self.bought)))
        return name, self.bought[name]

    @rule(key=st.integers(0, 1), kind=st.integers(0, 2))
    def try_first(self, key: int, kind: int) -> None:
        assert self.ask((key, kind), 0) == "", "a first try always buys"

    @rule(key=st.integers(0, 1), kind=st.integers(0, 2), count=st.integers(1, 2))
    def try_again(self, key: int, kind: int, count: int) -> None:
        free = {name: r for name, r in self.bought.items() if self.may_serve(r, (key, kind), count)}
        gone = {name: r for name, r in free.items() if r.is_gone}
        earlier = self.ask((key, kind), count)
        assert earlier in (gone or free) or (not earlier and not gone)
        if earlier:
            free[earlier].served.add(count)
            free[earlier].attended += KINDS[kind].attended

    def may_serve(self, request: Bought, whose: Whose, count: int) -> bool:
        """Whether a retry may have this one: of its own kind and key, and promised to none like it."""
        return request.whose == whose and request.is_claimable and count not in request.served

    @precondition(lambda self: self.bought)
    @rule(data=st.data())
    def hang_up(self, data: st.DataObject) -> None:
        """A client leaves: while it waits, or with the last bytes of its picture."""
        name, request = self.pick(data)
        self.runner.run(self.tries.leave(name, request.identity, key=request.whose[0]))
        request.attended = max(0, request.attended - 1)
        request.told = "" if request.told == "its answer" else request.told

    @precondition(lambda self: self.bought)
    @rule(data=st.data(), end=st.sampled_from(["delivered", "unknown", "failed", "again"]), attended=st.booleans())
    def end(
        self, data: st.DataObject, end: Literal["delivered", "unknown", "failed", "again"], *, attended: bool
    ) -> None:
        name, request = self.pick(data)
        if request.has_ended:
            return
        request.has_ended = True
        if not attended and not request.served:
            request.attended = 0  # its own client has gone, though that was never noted
        if end == "delivered":
            self.runner.run(self.tries.settle(request.hold, Ending(attended=attended)))
            request.told = "its answer" if attended else request.told
        elif end == "unknown":
            self.runner.run(self.tries.lose(request.hold, Ending(attended=attended)))
            request.told = "its error" if attended else request.told
        else:
            given_back = self.tries.give_back(request.hold, again=end == "again", attended=attended)
            assert self.runner.run(given_back) == "released"
            request.is_claimable = not attended and end != "again"
        assert (self.runner.run(self.tries.record(name)))["again"] == str(int(end == "again"))

    @precondition(lambda self: self.bought)
    @rule(data=st.data())
    def be_told(self, data: st.DataObject) -> None:
        """Somebody who joined was given its whole answer."""
        name, request = self.pick(data)
        if request.has_ended and request.served:
            self.runner.run(self.tries.be_told(name, request.identity, key=request.whose[0]))
            request.told = "its answer"


def test_every_interleaving_gives_each_its_own(redis_url: str) -> None:
    """First tries buy; a retry joins its own kind and key, once per count, and first what nobody has or waits for."""
    ClaimsMachine.url = redis_url
    run_state_machine_as_test(
        ClaimsMachine,
        settings=settings(
            max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
