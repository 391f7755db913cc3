"""Tries of the same purchase: who asks for it first, who asks again, who leaves, who is told."""

from dataclasses import dataclass

from msgspec.structs import replace

from app.accounts.models import Limits
from app.datastore.datastore import Datastore
from app.ledger.models import Admission, Ending, Hold, Identity, Mode, Outcome, Resolution, Verdict
from app.requests.register import Register
from tests.ledger.scene import Scene, delivered, now_ms, open_scene, quote

SAME = Identity("generations", "print-of-the-boat")
OTHER = replace(SAME, fingerprint="print-of-the-ship")
NAMED = replace(SAME, idempotency="digest-of-the-order")
FOR_LATER = replace(SAME, attended=False)
SERVED = Ending(attended=True, result="1800000900-answer.json")
LEFT_ALONE = replace(SERVED, attended=False)
ONE_SLOT = Limits(concurrent_images=1)


def retry(count: int, identity: Identity = SAME) -> Identity:
    """An SDK asks for it again, for this many-th time."""
    return replace(identity, retry_count=count)


@dataclass(frozen=True, slots=True)
class Tries:
    """A team of some keys, and what their clients do."""

    scene: Scene

    @property
    def datastore(self) -> Datastore:
        """Where it all stands."""
        return self.scene.datastore

    async def ask(
        self, request_id: str, identity: Identity = SAME, *, key: int = 0, mode: Mode = Mode.ADMIT
    ) -> Admission:
        """Ask the books."""
        return await self.scene.books.admit(
            self.scene.principal(key), request_id, "model", quote(100), {}, mode, identity
        )

    async def buy(self, request_id: str, identity: Identity = SAME, *, key: int = 0) -> Hold:
        """Ask the books, and be admitted."""
        admission = await self.ask(request_id, identity, key=key)
        assert admission.verdict is Verdict.ADMITTED
        assert admission.hold is not None
        return admission.hold

    async def settle(self, hold: Hold, ending: Ending = SERVED) -> None:
        """Its picture has come."""
        await self.scene.books.settle(hold, delivered(70), ending)

    async def lose(self, hold: Hold, ending: Ending) -> None:
        """Nobody knows what came of it."""
        lost = Resolution("unknown", charged=True, cost=hold.quote, flags=("at_quote",))
        await self.scene.books.settle(hold, lost, ending)

    async def give_back(self, hold: Hold, *, again: bool, attended: bool = True, outcome: Outcome = "failed") -> str:
        """It failed, and is not charged."""
        failed = Resolution(outcome, charged=False, again=again)
        ending = Ending(attended=attended)
        return await self.scene.books.release(hold.team_id, hold.key_id, hold.request_id, failed, hold.identity, ending)

    async def give_up(self, request_id: str, identity: Identity) -> None:
        """Leave the queue."""
        gone = Resolution("refused", charged=False, again=True)
        await self.scene.books.release(self.scene.team.id, self.scene.keys[0].id, request_id, gone, identity)

    async def leave(self, request_id: str, identity: Identity = SAME, *, key: int = 0) -> None:
        """Its client hangs up."""
        await Register(self.datastore).left(*self._whose(request_id, identity, key))

    async def be_told(self, request_id: str, identity: Identity = SAME, *, key: int = 0) -> None:
        """Somebody who joined was given its whole answer."""
        await Register(self.datastore).given(*self._whose(request_id, identity, key))

    async def fetch(self, request_id: str) -> None:
        """Somebody comes for its answer by its id."""
        await Register(self.datastore).fetched(*self._whose(request_id, SAME, 0))

    def _whose(self, request_id: str, identity: Identity, key: int) -> tuple[str, str, str, str]:
        kind = identity.naming(request_id).retries
        return self.scene.team.id, self.scene.keys[key].id, request_id, kind

    @property
    def claimable_key(self) -> str:
        """The key of what retries may claim."""
        return self.scene.names.retries(self.scene.keys[0].id, SAME.fingerprint)

    async def claimable(self) -> dict[str, str]:
        """What retries may claim, as it is stored."""
        found = await self.datastore.command("HGETALL", self.claimable_key)
        return {name.decode(): entry.decode() for name, entry in found.items()}

    async def age(self, name: str, seconds: float) -> None:
        """Move the time of such an entry so far into the past."""
        since, _, rest = (await self.claimable())[name].partition("|")
        await self.datastore.command("HSET", self.claimable_key, name, f"{int(since) - int(seconds * 1000)}|{rest}")

    async def end_long_ago(self, request_id: str, seconds: float) -> None:
        """Move its end so far into the past."""
        resolved = self.scene.names.named("resolved")
        ended = await self.datastore.command("ZSCORE", resolved, request_id)
        await self.datastore.command("ZADD", resolved, "XX", int(float(ended) - seconds * 1000), request_id)

    async def record(self, request_id: str) -> dict[str, str]:
        """What stands of a request."""
        found = await self.datastore.command("HGETALL", self.scene.names.request(request_id))
        return {name.decode(): value.decode() for name, value in found.items()}

    async def lifetime_ms(self, key: str) -> int:
        """How long a key still lives."""
        return int(await self.datastore.command("PTTL", key))

    async def let_ticket_die(self, request_id: str) -> None:
        """Its process vanished while it waited for its turn."""
        tickets = self.scene.names.named("tickets")
        waits_for = (await self.datastore.command("HGET", tickets, request_id)).partition(b"|")[2].decode()
        await self.datastore.command("HSET", tickets, request_id, f"{await now_ms(self.datastore) - 6000}|{waits_for}")


async def open_tries(datastore: Datastore, team: Limits | None = None) -> Tries:
    """A team with two keys of no limits of their own."""
    return Tries(await open_scene(datastore, team, Limits(), Limits()))


async def claim(tries: Tries, request_id: str, count: int = 1) -> str:
    """What a retry joins; "" where it buys."""
    admission = await tries.ask(request_id, retry(count))
    assert admission.verdict in (Verdict.JOIN, Verdict.ADMITTED)
    return admission.earlier
