"""What the scripts cost inside Redis, counted in commands: few for each request, and no more for a large team."""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.accounts.models import Budget, Limits
from app.catalog.pricing import TokenUsage
from app.datastore.datastore import Datastore
from app.keyspace import hour_of
from app.ledger.models import Ending, Hold, Identity, Resolution
from app.money import Money
from tests.ledger.scene import Scene, budget, delivered, now_ms, open_scene, quote

MONEY = budget(10**12)
EVERY_LIMIT = Limits(
    requests_per_minute=10**6,
    images_per_minute=10**6,
    tokens_per_minute=10**9,
    concurrent_images=10**6,
    images_per_day=10**6,
    budget=Budget(Money(10**12), "month", "UTC"),
)
MOST = {"money": (23, 28), "every limit": (31, 30)}
"""Commands of an admission and of a settlement, each some half a microsecond of the one thread that Redis has, and as
much again for whatever is written. Raise a number here only for something that is worth it to every request."""

READS_OF_EVERYTHING = {"hgetall", "hkeys", "hvals", "smembers", "keys", "scan", "hscan", "sscan", "zscan", "xrange"}
EXPIRED_AT_ONCE = 100
LOOKED_AT = 1 + 3 * 2
"""Three forgotten ones are looked for, and of each is asked whether it is held or was long ago."""
DELIVERED = delivered(70, usage=TokenUsage(text_input=20, image_input=0, text_output=0, image_output=1056))


async def commands_of(datastore: Datastore, act: Callable[[], Awaitable[Any]]) -> Counter[str]:
    """How often Redis ran each command meanwhile, those inside scripts alone."""
    before = await _commands_run(datastore)
    await act()
    ran = await _commands_run(datastore) - before
    return Counter({name: calls for name, calls in ran.items() if name not in ("info", "eval", "evalsha")})


async def _commands_run(datastore: Datastore) -> Counter[str]:
    statistics = await datastore.command("INFO", "commandstats")
    return Counter({name.removeprefix("cmdstat_"): numbers["calls"] for name, numbers in statistics.items()})


async def admit(scene: Scene, request_id: str, fingerprint: str = "") -> Hold:
    """Admit one request as most are: known by a fingerprint that no other has, unless one is given."""
    identity = Identity("generations", fingerprint or f"print-of-{request_id}")
    asked_for = quote(100, tokens=1800)
    admission = await scene.books.admit(scene.principal(), request_id, "model", asked_for, {}, identity=identity)
    assert admission.hold is not None
    return admission.hold


async def settle(scene: Scene, hold: Hold) -> None:
    """A picture came, and its client was there."""
    settled = await scene.books.settle(hold, DELIVERED, Ending(attended=True))
    assert settled.came == "settled"


async def buy(scene: Scene, request_id: str) -> tuple[Counter[str], Counter[str]]:
    """The commands of an admission and of its settlement."""
    admitting = await commands_of(scene.datastore, lambda: admit(scene, request_id))
    hold = await admit(scene, f"{request_id}, too")
    return admitting, await commands_of(scene.datastore, lambda: settle(scene, hold))


async def in_use(scene: Scene) -> Scene:
    """The same, with a request that stays under way and one that has ended."""
    await admit(scene, "stays")
    await settle(scene, await admit(scene, "first"))
    return scene


@pytest.mark.parametrize(("limits", "most"), [(MONEY, MOST["money"]), (EVERY_LIMIT, MOST["every limit"])])
async def test_a_request_takes_few_commands(datastore: Datastore, limits: Limits, most: tuple[int, int]) -> None:
    """An admission and a settlement run no more commands than is written above, with limits on team and key."""
    scene = await in_use(await open_scene(datastore, limits, limits))

    admitted, settled = await buy(scene, "r")

    assert admitted.total() <= most[0], admitted
    assert settled.total() <= most[1], settled


async def test_a_large_team_costs_as_much_as_a_small_one(datastore: Datastore) -> None:
    """Ten thousand keys, entries, tombstones and records change no command, and none reads a whole collection."""
    small, large = [await open_scene(datastore, EVERY_LIMIT, EVERY_LIMIT) for _ in range(2)]
    for scene, number in ((small, 10), (large, 10_000)):
        await enlarge(scene, number)
        await in_use(scene)

    of_small, of_large = await buy(small, "r"), await buy(large, "r")

    assert of_large == of_small
    assert READS_OF_EVERYTHING.isdisjoint([*of_large[0], *of_large[1]])


async def enlarge(scene: Scene, number: int) -> None:
    """So many keys that all bought something this hour, and as many entries and tombstones."""
    names, now = scene.names, await now_ms(scene.datastore)
    ids = [f"k{at}" for at in range(number)]
    await scene.datastore.command("SADD", names.keys, *ids)
    await scene.datastore.command("HSET", names.spend, *_words(ids, "key:{}:total", 5))
    await scene.datastore.command("HSET", names.held, *_words(ids, "key:{}:cost", 5))
    await scene.datastore.command("HSET", names.named("days"), *_words(ids, "key:{}:images", 5))
    await scene.datastore.command("HSET", names.usage(hour_of(now)), *_words(ids, "{}|model|requests", 5))
    await scene.datastore.command("ZADD", names.named("resolved"), *[word for one in ids for word in (now, one)])
    for _ in range(0, number, 500):
        await scene.datastore.commands([("XADD", names.ledger, "*", "cost", 5)] * min(number, 500))


def _words(ids: list[str], field: str, value: int) -> list[str | int]:
    return [word for one in ids for word in (field.format(one), value)]


async def test_overdue_holds_cost_by_their_number_up_to_a_hundred(datastore: Datastore) -> None:
    """Each expired hold adds the same to the admission that meets it, and no admission resolves more than a hundred."""
    scene = await in_use(await open_scene(datastore, MONEY))
    at_rest = (await _meet_overdue(scene, 0)).total()
    each = (await _meet_overdue(scene, 1)).total() - at_rest

    for number in (2, 10, EXPIRED_AT_ONCE):
        assert (await _meet_overdue(scene, number)).total() == at_rest + number * each
    more = await _meet_overdue(scene, EXPIRED_AT_ONCE + 50)

    assert 0 < each <= 20
    assert more.total() == at_rest + EXPIRED_AT_ONCE * each
    assert await scene.books.expire(scene.team.id) == 50


async def _meet_overdue(scene: Scene, number: int) -> Counter[str]:
    """The commands of an admission behind so many holds whose leases have run out."""
    ids = [f"{number}-{at}" for at in range(number)]
    for request_id in ids:
        await admit(scene, request_id)
    await scene.let_lease_run_out(*ids)
    return await commands_of(scene.datastore, lambda: admit(scene, f"behind {number}"))


async def test_a_prompt_asked_for_again_and_again_costs_a_little_more(datastore: Datastore) -> None:
    """Of the requests of its kind three are looked at by each that comes, however many there are."""
    scene = await in_use(await open_scene(datastore, MONEY))
    for number in range(200):
        await settle(scene, await admit(scene, f"{number}", "print-of-the-boat"))

    ran = await commands_of(datastore, lambda: admit(scene, "r", "print-of-the-boat"))

    assert ran.total() <= MOST["money"][0] + LOOKED_AT, ran


async def test_a_release_takes_few_commands(datastore: Datastore) -> None:
    """Giving back costs no more than a settlement, and a few commands for what its retry is to find."""
    scene = await in_use(await open_scene(datastore, MONEY))
    hold = await admit(scene, "r")
    given_back = Resolution("failed", charged=False, again=True)

    async def release() -> None:
        came = await scene.books.release(hold.team_id, hold.key_id, "r", given_back, hold.identity)
        assert came == "released"

    ran = await commands_of(scene.datastore, release)

    assert ran.total() <= MOST["money"][1], ran
