"""The axes for which one Redis is enough: connections, sizes of answers, limits, replicas, expired holds."""

import asyncio
import math
import os
from contextlib import ExitStack
from dataclasses import replace
from typing import Final

from app.accounts.models import Budget, Limits
from app.datastore.opening import open_datastore
from app.keyspace import TeamKeys
from app.ledger.books import Books
from app.money import Money
from tests.load.scale_books import admit_and_settle, hold, settle, used_seconds
from tests.load.scale_fill import make_team, principal, text_of
from tests.load.scale_menu import MENU, SIZES_BYTES
from tests.load.scale_points import Figures, Point, Setting, flood, in_turn
from tests.load.scale_world import balanced, filled_redis, gateway
from tests.load.servers import Cores
from tests.support.redis_server import RedisServer

CONNECTIONS: Final = (1, 4, 16, 64, 256, 1_000)
EXPIRED: Final = (0, 1, 3, 10, 30, 100, 300, 1_000)
_CONNECTIONS_A_SECOND: Final = 200
_BYTES_A_SECOND: Final = 8_000_000
"""So long a burst is at least, that each connection is answered a few times, on a slow machine, too."""
_AT_ONCE: Final = 64
_LARGE_AT_ONCE: Final = 8
_EXPIRED_AT_ONCE: Final = 100
"""By one admission (`admit.lua`)."""
_TIMES_MORE: Final = 5
"""A single admission is not much to go by."""
_TEAM: Final = "TTTTTTTT"
_KEY: Final = "KKKKKKKK"
_MANY: Final = 10**9
_BUDGET: Final = Budget(Money(9 * 10**15))
"""As large as one may be."""
LIMITS: Final = (
    Limits(),
    Limits(budget=_BUDGET),
    Limits(_MANY, budget=_BUDGET),
    Limits(_MANY, _MANY, budget=_BUDGET),
    Limits(_MANY, _MANY, _MANY, budget=_BUDGET),
    Limits(_MANY, _MANY, _MANY, _MANY, budget=_BUDGET),
    Limits(_MANY, _MANY, _MANY, _MANY, _MANY, _BUDGET),
)
"""None, then one more each, the budget first: team and key both have them."""


def connections(setting: Setting) -> list[Point]:
    """Requests at once for a small answer."""
    with filled_redis() as redis:
        asyncio.run(_make(redis, _TEAM, Limits(budget=_BUDGET)))
        with gateway(setting, redis.url, "connections", (_TEAM, _KEY)) as server:
            return in_turn(
                CONNECTIONS,
                setting.plan,
                lambda number: flood(
                    server,
                    [server.process],
                    setting,
                    connections=int(number),
                    least_seconds=int(number) // _CONNECTIONS_A_SECOND,
                ),
            )


def sizes(setting: Setting) -> list[Point]:
    """Bytes of an answer, with eight requests at once."""
    with filled_redis() as redis:
        asyncio.run(_make(redis, _TEAM, Limits(budget=_BUDGET)))
        with gateway(setting, redis.url, "sizes", (_TEAM, _KEY)) as server:
            return in_turn(
                SIZES_BYTES,
                setting.plan,
                lambda size: flood(
                    server,
                    [server.process],
                    setting,
                    connections=_LARGE_AT_ONCE,
                    body=MENU.request(str(int(size))),
                    least_seconds=int(size) // _BYTES_A_SECOND,
                ),
            )


def limits(setting: Setting) -> list[Point]:
    """How many limits a team and its key have, each."""
    teams = [f"TTTTTTT{number}" for number in range(len(LIMITS))]
    with filled_redis() as redis:
        for team, given in zip(teams, LIMITS, strict=True):
            asyncio.run(_make(redis, team, given))
        with gateway(setting, redis.url, "limits", (teams[0], _KEY)) as server:

            def measure(number: float) -> Figures:
                team = teams[int(number)]
                books = asyncio.run(_books(redis, team, setting.plan.batch))
                keys = [text_of(team, _KEY)]
                return books | flood(server, [server.process], setting, connections=_AT_ONCE, keys=keys)

            return in_turn(range(len(LIMITS)), setting.plan, measure)


def replicas(setting: Setting) -> list[Point]:
    """Gateways behind one nginx: 0 stands for one without it."""
    with ExitStack() as stack:
        redis = stack.enter_context(filled_redis())
        asyncio.run(_make(redis, _TEAM, Limits(budget=_BUDGET)))
        who = (_TEAM, _KEY)
        cores = (setting.cores.measured, second_core(setting.cores))
        servers = [
            stack.enter_context(gateway(setting, redis.url, f"replica-{number}", who, core=core))
            for number, core in enumerate(cores)
        ]
        asked = [servers[0]]
        asked += [stack.enter_context(balanced(setting, servers[:number])) for number in (1, 2)]

        def measure(number: float) -> Figures:
            behind = [server.process for server in servers[: max(1, int(number))]]
            return flood(asked[int(number)], behind, setting, connections=_AT_ONCE)

        return in_turn((0, 1, 2), setting.plan, measure)


def second_core(cores: Cores) -> int:
    """Where a second gateway runs: alone, if the machine has so many cores, else beside who asks and who answers."""
    free = sorted(set(range(os.cpu_count() or 1)) - {cores.measured, cores.others})
    return free[0] if free else cores.others


def expired_holds(setting: Setting) -> list[Point]:
    """Holds whose process is gone, which the next admission of their team has to resolve."""
    often = replace(setting.plan, repetitions=_TIMES_MORE * setting.plan.repetitions)
    with filled_redis() as redis:
        return in_turn(EXPIRED, often, lambda number: asyncio.run(_expire(redis, int(number))))


async def _make(redis: RedisServer, team: str, given: Limits) -> None:
    datastore = open_datastore(redis.url, timeout_seconds=10)
    try:
        await make_team(datastore, team, _KEY, given, given)
    finally:
        await datastore.aclose()


async def _books(redis: RedisServer, team: str, number: int) -> Figures:
    """By a Redis that nobody else asks at the moment."""
    datastore = open_datastore(redis.url, timeout_seconds=10)
    try:
        who = await principal(datastore, team, _KEY)
        costs = await admit_and_settle(datastore, redis.pid, [who], number)
        return {"admission_seconds": costs.admission_seconds, "settlement_seconds": costs.settlement_seconds}
    finally:
        await datastore.aclose()


async def _expire(redis: RedisServer, number: int) -> Figures:
    """What the first admission behind a crash takes of Redis, and all of them together until no such hold is left."""
    datastore = open_datastore(redis.url, timeout_seconds=30)
    try:
        await datastore.command("FLUSHDB")
        who = await make_team(datastore, _TEAM, _KEY, Limits(budget=_BUDGET), Limits(budget=_BUDGET))
        books = Books(datastore)
        await settle(books, await hold(books, who))
        left = await asyncio.gather(*[hold(books, who) for _ in range(number)])
        for held in left:
            await datastore.command("ZADD", TeamKeys(_TEAM).holds, "XX", 1, held.request_id)
        taken = []
        for _ in range(max(1, math.ceil(number / _EXPIRED_AT_ONCE))):
            began = used_seconds(redis.pid)
            await hold(books, who)
            taken.append(used_seconds(redis.pid) - began)
    finally:
        await datastore.aclose()
    return {"first_seconds": taken[0], "all_seconds": sum(taken)}
