"""Measures what is left of a server when ten times as much is asked of it as it can do.

    python -m tests.load.overload [--repetitions 3] [--seconds 4]

*By connections*: answers of 315 bytes and of 2.1 MB, on as many connections as keep a core busy, then on ten times as
many. *By places*: pictures that take half a second, asked for in even steps whether or not earlier ones are there, as
many as the gateway has places for, then ten times as many, nine tenths of them by one key.
"""

import argparse
import asyncio
import itertools
import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvloop

from tests.load import wrk
from tests.load.answers import MEDIUM, SMALL, Answer, Menu
from tests.load.bursts import Caller, request_bytes
from tests.load.other_gateways import installed_gateways
from tests.load.process import drain
from tests.load.servers import (
    Server,
    ask_once,
    bare_nginx,
    canned_upstream,
    imagegate,
    new_key,
    scratch_folder,
    settle_in,
)
from tests.load.table import markdown

CONNECTIONS: Final = {"S": 64, "M": 8}
TIMES: Final = 10
PLACES: Final = 100
_PICTURE: Final = Answer("picture", SMALL.body, slow_seconds=0.5)
_MENU: Final = Menu((SMALL, MEDIUM, _PICTURE))
_MODEST_KEYS: Final = 9
_OF_ONE_KEY: Final = 0.9
"""The share of the places that one key can have at most."""
_REST_SECONDS: Final = 10.0
_LONGER: Final = 3
"""For servers that would answer nobody in a burst of that many connections."""


@dataclass(frozen=True, slots=True)
class Round:
    """One server, asked for what it can do and for ten times as much."""

    peak: wrk.Measured
    over: wrk.Measured
    before_bytes: int
    most_bytes: int
    after_bytes: int


def by_connections(server: Server, answer: str, folder: Path, seconds: float) -> Round:
    """Ask on few connections, then on many, and look at the memory when all is done and 10 s have gone by."""
    body, script = _MENU.request(answer, server.model), folder / "script.lua"

    def ask(connections: int) -> wrk.Measured:
        found = wrk.burst(server.port, body, server.all_headers(), script, connections=connections, seconds=seconds)
        drain([server.process])
        return found

    peak = ask(CONNECTIONS[answer])
    before = server.process.resident_bytes()
    server.process.forget_most()
    over = ask(CONNECTIONS[answer] * TIMES)
    most = server.process.most_resident_bytes()
    time.sleep(_REST_SECONDS)
    return Round(peak, over, before, most, server.process.resident_bytes())


def connections_table(rounds: dict[str, list[Round]]) -> str:
    """Medians of the repetitions."""
    lines = [["", "peak, a second", "at ten times", "of the peak", "p50, ms", "p99, ms", "not served", "memory, MB"]]
    for name, found in rounds.items():
        over = [one.over for one in found]
        share = statistics.median(one.over.per_second / one.peak.per_second for one in found)
        memory = "{:,.0f} / {:,.0f} / {:,.0f}".format(
            *(
                statistics.median(sizes) / 1e6
                for sizes in zip(*((one.before_bytes, one.most_bytes, one.after_bytes) for one in found), strict=True)
            )
        )
        lines.append(
            [
                name,
                f"{statistics.median(one.peak.per_second for one in found):,.0f}",
                f"{statistics.median(one.per_second for one in over):,.0f}",
                f"{share:.0%}",
                f"{statistics.median(one.p50_seconds for one in over) * 1000:,.0f}",
                f"{statistics.median(one.p99_seconds for one in over) * 1000:,.0f}",
                f"{sum(one.failed for one in over):,}",
                memory,
            ]
        )
    return markdown(lines)


@dataclass(frozen=True, slots=True)
class Told:
    """What some callers were told, who asked in even steps."""

    asked: int
    seconds: tuple[float, ...]
    """Of each picture, ascending."""


def by_places(server: Server, modest: Sequence[str], per_second: float, seconds: float) -> tuple[Told, Told]:
    """Nine of ten requests are of one key, and every tenth of one of the others, in turn."""
    keys = [server.key] * 9 + [""]
    others = itertools.cycle(modest)
    body = _MENU.request("picture")

    async def ask(key: str, into: list[float | None]) -> None:
        _, caller = await asyncio.get_running_loop().create_connection(Caller, "127.0.0.1", server.port)
        began = time.perf_counter()
        headers = server.all_headers() | {"Authorization": f"Bearer {key}"}
        is_good = await caller.ask(request_bytes(body, headers))
        into.append(time.perf_counter() - began if is_good else None)
        caller.close()

    async def ask_all() -> tuple[list[float | None], list[float | None]]:
        began, asking = time.perf_counter(), []
        found: tuple[list[float | None], list[float | None]] = ([], [])
        for number in range(round(per_second * seconds)):
            await asyncio.sleep(began + number / per_second - time.perf_counter())
            key = keys[number % 10]
            asking.append(asyncio.ensure_future(ask(key or next(others), found[not key])))
        await asyncio.gather(*asking)
        return found

    one, many = uvloop.run(ask_all())
    drain([server.process])
    return _told(one), _told(many)


def _told(found: list[float | None]) -> Told:
    return Told(len(found), tuple(sorted(taken for taken in found if taken is not None)))


def _within(told: Told, per_cent: int) -> str:
    """The milliseconds within which so many of those who were served were."""
    return f"{told.seconds[len(told.seconds) * per_cent // 100] * 1000:,.0f}" if told.seconds else "none"


def places_table(found: Mapping[str, Told], seconds: float) -> str:
    """A line for each pace and kind of key."""
    lines = [["", "asked a second", "served a second", "p50, ms", "p99, ms", "told 503"]]
    for title, told in found.items():
        lines.append(
            [
                title,
                f"{told.asked / seconds:,.0f}",
                f"{len(told.seconds) / seconds:,.0f}",
                _within(told, 50),
                _within(told, 99),
                f"{told.asked - len(told.seconds):,}",
            ]
        )
    return markdown(lines)


def main() -> None:
    """Measure both, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.overload", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0)
    given = parser.parse_args()
    cores = settle_in()
    with ExitStack() as stack:
        folder = stack.enter_context(scratch_folder())
        upstream = stack.enter_context(canned_upstream(folder, cores, _MENU))
        nginx, _ = stack.enter_context(bare_nginx(folder, cores, upstream))
        servers = [nginx, stack.enter_context(imagegate(folder, cores, upstream.base_url()))]
        slow = [stack.enter_context(start(folder, cores, upstream)) for start in installed_gateways().values()]
        for answer, connections in CONNECTIONS.items():
            rounds: dict[str, list[Round]] = {server.name: [] for server in (*servers, *slow)}
            for repetition in range(given.repetitions):
                for server in (*servers, *slow):
                    print(f"{answer}, repetition {repetition + 1}: {server.name}", flush=True)
                    ask_once(server, _MENU.request(answer, server.model))
                    seconds = given.seconds * (_LONGER if server in slow else 1)
                    rounds[server.name].append(by_connections(server, answer, folder, seconds))
            print(f"\n{answer}, {connections} connections and {connections * TIMES}\n\n{connections_table(rounds)}\n")
        settings = {"IMAGEGATE_MAX_IN_FLIGHT": str(PLACES)}
        few = stack.enter_context(imagegate(folder, cores, upstream.base_url(), name="few places", settings=settings))
        modest = [new_key(few.port, f"modest-{number}") for number in range(_MODEST_KEYS)]
        found: dict[str, Told] = {}
        for title, times in (("as many as it can", 1), ("ten times as many", TIMES)):
            print(f"places: {title}", flush=True)
            one, many = by_places(few, modest, PLACES / _PICTURE.slow_seconds * _OF_ONE_KEY * times, given.seconds * 2)
            found |= {f"{title}: one key": one, f"{title}: {_MODEST_KEYS} keys together": many}
        print(f"\n{PLACES} places\n\n{places_table(found, given.seconds * 2)}")


if __name__ == "__main__":
    main()
