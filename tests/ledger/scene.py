"""One team with some virtual keys on real books, and the few words with which the ledger's tests speak to them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from app.accounts.credentials import new_id
from app.accounts.models import Budget, Limits, Principal, Team, VirtualKey
from app.accounts.store import AccountStore
from app.catalog.pricing import NO_USAGE, Quote, TokenUsage
from app.catalog.profile import UnitPrices
from app.datastore.datastore import Datastore
from app.keyspace import TeamKeys
from app.ledger.books import Books
from app.ledger.models import Admission, Entry, Hold, Outcome, Resolution
from app.ledger.pages import LedgerPages
from app.ledger.usage import TeamBooks, UsageReader
from app.money import Money

FUTURE_MS = 8 * 10**12
"""A bucket written then does not fill while a test looks at it."""

_FREE = UnitPrices(Money(0), Money(0), Money(0), Money(0), Money(0), "nowhere")


def quote(cost: int, images: int = 1, tokens: int = 0) -> Quote:
    """The most a request can cost, without a request."""
    return Quote(cost=Money(cost), images=images, usage=TokenUsage(0, 0, 0, tokens), prices=_FREE)


def budget(limit: int, period: Any = "month", timezone: str = "UTC") -> Limits:
    """Limits of money alone."""
    return Limits(budget=Budget(Money(limit), period, timezone))


def delivered(cost: int, images: int = 1, usage: TokenUsage = NO_USAGE, **note: Any) -> Resolution:
    """A picture came, at this cost."""
    return Resolution("delivered", charged=True, cost=Money(cost), delivered=images, usage=usage, note=note)


@dataclass(frozen=True, slots=True)
class Scene:
    """A team, its keys and their books."""

    datastore: Datastore
    books: Books
    team: Team
    keys: tuple[VirtualKey, ...]

    @property
    def names(self) -> TeamKeys:
        """The names of the team's keys in Redis."""
        return TeamKeys(self.team.id)

    def principal(self, key: int = 0) -> Principal:
        """Who asks, when it is the owner of this key."""
        return Principal(self.team, self.keys[key])

    async def admit(
        self,
        request_id: str,
        cost: int = 1,
        *,
        images: int = 1,
        tokens: int = 0,
        key: int = 0,
        model: str = "model",
        **note: Any,
    ) -> Admission:
        """Ask the books."""
        return await self.books.admit(self.principal(key), request_id, model, quote(cost, images, tokens), note)

    async def hold(self, request_id: str, cost: int = 1, **given: Any) -> Hold:
        """Ask the books, and be admitted."""
        admission = await self.admit(request_id, cost, **given)
        assert admission.hold is not None, admission
        return admission.hold

    async def release(
        self, request_id: str, outcome: Outcome = "failed", flags: Sequence[str] = (), *, key: int = 0, **note: Any
    ) -> str:
        """Give a hold back."""
        given_back = Resolution(outcome, charged=False, flags=tuple(flags), note=note)
        return await self.books.release(self.team.id, self.keys[key].id, request_id, given_back)

    async def let_lease_run_out(self, *request_ids: str) -> None:
        """Move the end of these leases into the past."""
        for request_id in request_ids:
            await self.datastore.command("ZADD", self.names.holds, "XX", 1, request_id)

    async def lease_left_ms(self, request_id: str) -> float:
        """How long a lease still runs, by the server's clock."""
        score = await self.datastore.command("ZSCORE", self.names.holds, request_id)
        return float(score) - await now_ms(self.datastore)

    async def standing(self) -> TeamBooks:
        """Spend and holds as they stand."""
        return await UsageReader(self.datastore).standing(self.team.id)

    async def spent(self) -> int:
        """What the team has spent over all periods."""
        spend = (await self.standing()).spend
        return sum(amount for field, amount in spend.items() if field.startswith("team:"))

    async def held(self) -> int:
        """The money the team has on hold."""
        return (await self.standing()).held.get("team:cost", 0)

    async def entries(self) -> list[Entry]:
        """The ledger, oldest first."""
        return [entry async for entry in LedgerPages(self.datastore).oldest_first(self.team.id)]

    async def assert_books_agree(self) -> None:
        """Everything recomputed from the entries is what stands on the books."""
        assert (await UsageReader(self.datastore).recompute(self.team.id)).differences == ()


async def open_scene(
    datastore: Datastore, team: Limits | None = None, *keys: Limits, books: Books | None = None
) -> Scene:
    """A team of these limits and a key for each of the others (one without limits when there are none)."""
    accounts = AccountStore(datastore)
    born = datetime.now(UTC)
    owner = Team(new_id(), f"team {new_id()}", born, team or Limits())
    await accounts.create_team(owner)
    minted = tuple(VirtualKey(new_id(), owner.id, "a key", "0" * 64, born, limits) for limits in keys or (Limits(),))
    for key in minted:
        await accounts.create_key(key)
    return Scene(datastore, books or Books(datastore), owner, minted)


def on_books(scene: Scene, books: Books) -> Scene:
    """The same team, asked for through other books (another replica's)."""
    return replace(scene, books=books)


async def now_ms(datastore: Datastore) -> int:
    """The server's clock."""
    seconds, micros = await datastore.command("TIME")
    return int(seconds) * 1000 + int(micros) // 1000


async def dump(datastore: Datastore) -> dict[bytes, bytes]:
    """Every byte of Redis, key by key."""
    names = sorted(await datastore.command("KEYS", "*"))
    return dict(zip(names, await datastore.commands([("DUMP", name) for name in names]), strict=True))


async def fill(scene: Scene, field: str, level: float, at_ms: int, scope: str = "team") -> None:
    """Write a token bucket as if the last admission had left it so at that time."""
    await scene.datastore.command(
        "HSET", scene.names.named(f"buckets:{scope}"), field, repr(level), f"{field}:at", at_ms
    )
