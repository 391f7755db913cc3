"""The axes for which Redis is filled first: how many teams, virtual keys and ledger entries there are."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final, Literal

from app.accounts.models import Budget, Limits
from app.datastore.datastore import Datastore
from app.datastore.opening import open_datastore
from app.keyspace import TEAMS, TeamKeys
from app.ledger.books import Books
from app.money import Money
from tests.load.scale_books import admit_and_settle, hold, settle
from tests.load.scale_fill import copies, copy_id, make_team, principal, text_of
from tests.load.scale_points import Figures, Point, Setting, flood, in_turn
from tests.load.scale_world import filled_redis, gateway
from tests.load.servers import Server
from tests.support.redis_server import RedisServer

Kind = Literal["teams", "keys", "entries"]
AMOUNTS: Final[dict[Kind, tuple[int, ...]]] = {
    "teams": (10, 1_000, 10_000, 100_000),
    "keys": (10, 1_000, 100_000, 1_000_000),
    "entries": (10, 1_000, 100_000, 1_000_000),
}
"""A team takes 8 KB of Redis, once it has bought something; keys and entries take 2 KB."""
TEAM: Final = "TTTTTTTT"
KEY: Final = "KKKKKKKK"
_CALLERS: Final = 500
"""Different keys that ask in turn, where there are so many; more would make wrk's script long."""
_AT_ONCE: Final = 64
_SWEEP_ROUND_SECONDS: Final = 15
"""In which the gateway looks at every team once (`app.ledger.upkeep`)."""


@dataclass(frozen=True, slots=True)
class _Filled:
    """A Redis, and the teams and keys of those who ask."""

    redis: RedisServer
    callers: tuple[tuple[str, str], ...]


def growth(kind: Kind, setting: Setting) -> list[Point]:
    """The axis of one kind: what Redis takes for a request, then what the gateway does.

    Where a gateway does not come up, or does not answer, its figures are missing.
    """
    amounts = [amount for amount in AMOUNTS[kind] if amount <= setting.plan.largest]
    with ExitStack() as stack:
        filled = {amount: _filled(kind, amount, stack) for amount in amounts}
        points = in_turn(amounts, setting.plan, lambda amount: asyncio.run(_books(filled[int(amount)], setting)))
        servers = {}
        for amount, at in filled.items():
            try:
                running = gateway(setting, at.redis.url, f"{kind}-{amount}", at.callers[0])
                servers[amount] = stack.enter_context(running)
            except RuntimeError as error:
                print(f"  with {amount:,} {kind}: {error}", flush=True)
        idle = _idle(servers)
        stack.enter_context(_frozen(list(servers.values())))

        def ask(place: float) -> Figures:
            amount = int(place)
            return _ask(servers[amount], filled[amount], kind, setting) if amount in servers else {}

        for point, further in zip(points, in_turn(amounts, setting.plan, ask), strict=True):
            point.figures.update(further.figures)
            if int(point.at) in idle:
                point.figures["idle_share"] = [idle[int(point.at)]]
    return points


def _filled(kind: Kind, amount: int, stack: ExitStack) -> _Filled:
    began = time.monotonic()
    redis = stack.enter_context(filled_redis())
    callers = asyncio.run(_filled_with(redis, kind, amount))
    print(f"  {amount:,} {kind} in {time.monotonic() - began:.0f} s", flush=True)
    return _Filled(redis, callers)


def _ask(server: Server, filled: _Filled, kind: Kind, setting: Setting) -> Figures:
    """A burst on one gateway, which alone is not frozen; a longer one where it has work beside its requests."""
    keys = [text_of(*caller) for caller in filled.callers]
    least_seconds = setting.plan.longer_seconds if kind == "teams" else 0
    os.kill(server.process.pid, signal.SIGCONT)
    try:
        return flood(server, [server.process], setting, connections=_AT_ONCE, keys=keys, least_seconds=least_seconds)
    except RuntimeError as error:
        print(f"  {server.name}: {error}", flush=True)
        return {}
    finally:
        os.kill(server.process.pid, signal.SIGSTOP)


async def _filled_with(redis: RedisServer, kind: Kind, amount: int) -> tuple[tuple[str, str], ...]:
    datastore = open_datastore(redis.url, timeout_seconds=120)
    try:
        return await fill(datastore, kind, amount)
    finally:
        await datastore.aclose()


async def fill(datastore: Datastore, kind: Kind, amount: int) -> tuple[tuple[str, str], ...]:
    """One team with one key and one picture, and copies until there are so many of that kind; gives who may ask."""
    names, books = TeamKeys(TEAM), Books(datastore)
    who = await make_team(datastore, TEAM, KEY, Limits(budget=Budget(Money(9 * 10**15))))
    held = await hold(books, who)
    await settle(books, held)
    asking = range(min(amount - 1, _CALLERS))
    match kind:
        case "teams":
            await copies(datastore, TEAM, amount - 1, [TEAMS])
            return (TEAM, KEY), *((copy_id(at), KEY) for at in asking)
        case "keys":
            # Its own field of the spend and of the usage; the team's sums stay those of one key.
            shared = [names.keys, names.spend, names.ledger]
            usages = await datastore.command("KEYS", names.named("usage:*"))
            await copies(datastore, KEY, amount - 1, [*shared, *(name.decode() for name in usages)])
            return (TEAM, KEY), *((TEAM, copy_id(at)) for at in asking)
        case "entries":
            await copies(datastore, held.request_id, amount - 1, [names.ledger, names.named("resolved")])
            return ((TEAM, KEY),)


async def _books(at: _Filled, setting: Setting) -> Figures:
    datastore = open_datastore(at.redis.url, timeout_seconds=120)
    try:
        callers = [await principal(datastore, *caller) for caller in at.callers[:100]]
        costs = await admit_and_settle(datastore, at.redis.pid, callers, setting.plan.batch)
        memory = (await datastore.memory()).used_bytes
    finally:
        await datastore.aclose()
    return {
        "admission_seconds": costs.admission_seconds,
        "settlement_seconds": costs.settlement_seconds,
        "redis_bytes": memory,
    }


def _idle(servers: dict[int, Server]) -> dict[int, float]:
    """The share of a core each takes while nobody asks."""
    before = {amount: server.process.cpu_seconds() for amount, server in servers.items()}
    time.sleep(_SWEEP_ROUND_SECONDS)
    return {
        amount: (server.process.cpu_seconds() - before[amount]) / _SWEEP_ROUND_SECONDS
        for amount, server in servers.items()
    }


@contextmanager
def _frozen(servers: Sequence[Server]) -> Iterator[None]:
    """Stop them all, so that what they do beside the requests is not in another's figures."""
    for server in servers:
        os.kill(server.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for server in servers:
            os.kill(server.process.pid, signal.SIGCONT)
