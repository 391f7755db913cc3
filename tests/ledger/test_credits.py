"""Money given back: once, never more than was charged, and the books agree afterwards."""

import asyncio
from typing import Any

import pytest
from typing_extensions import override

from app.accounts.models import Limits
from app.datastore.address import parse_address
from app.datastore.connector import Connector
from app.datastore.datastore import Argument, Datastore
from app.datastore.node import Node
from app.datastore.servers import OneServer
from app.errors import Conflict, InvalidRequest, NotFound
from app.ledger.credits import NOBODY, Credit, Credits
from app.ledger.models import Resolution
from app.ledger.usage import UsageReader
from app.money import MAX_MONEY, Money
from tests.ledger.scene import Scene, budget, delivered, now_ms, open_scene

HOUR_MS = 3_600_000


def a_credit(amount: int, number: int = 0, reason: str = "blurred") -> Credit:
    return Credit(f"credit-{number}", Money(amount), reason)


@pytest.fixture
def desk(datastore: Datastore) -> Credits:
    return Credits(datastore)


@pytest.fixture
async def scene(datastore: Datastore) -> Scene:
    """A team with a budget by the week and two keys; one of them has bought a picture for 100."""
    opened = await open_scene(datastore, budget(10_000, "week"), budget(1_000), Limits())
    await opened.books.settle(await opened.hold("bought", 150, model="a model"), delivered(100))
    return opened


async def test_a_request_is_credited_where_it_was_charged(scene: Scene, desk: Credits) -> None:
    """Key, model and periods are its own; no count changes; the reason stands in the entry."""
    assert await desk.credit_request(scene.team, "bought", a_credit(40)) == "credited"

    bought, credit = await scene.entries()
    assert (credit.kind, credit.flags, credit.cost) == ("correction", "credit", -40)
    assert credit.note == {"credit": "credit-0", "reason": "blurred"}
    for name in ("request", "key", "model", "quote", "team_period", "key_period", "admitted_ms"):
        assert getattr(credit, name) == getattr(bought, name)
    now = await now_ms(scene.datastore)
    sums = await UsageReader(scene.datastore).sums(scene.team.id, now - HOUR_MS, now + HOUR_MS)
    counts = {name: number for name, number in sums[bought.key, bought.model].items() if number}
    assert counts == {"requests": 1, "delivered": 1, "images": 1, "cost": 60}
    standing = await scene.standing()
    assert standing.spent("team", bought.team_period) == 60
    assert standing.spent(f"key:{bought.key}", bought.key_period) == 60
    await scene.assert_books_agree()


async def test_one_credit_is_given_once(scene: Scene, desk: Credits) -> None:
    """Whoever repeats it after a lost reply, at the same moment or later, finds it given."""
    done = await asyncio.gather(*[desk.credit_request(scene.team, "bought", a_credit(40)) for _ in range(5)])
    assert sorted(done) == ["already"] * 4 + ["credited"]
    assert await desk.credit_request(scene.team, "bought", a_credit(40)) == "already"
    assert await scene.spent() == 60
    await scene.assert_books_agree()


async def test_no_more_is_given_back_than_was_charged(scene: Scene, desk: Credits) -> None:
    """Earlier credits count, also those of the same moment; the refusal names what is left."""
    asked = [desk.credit_request(scene.team, "bought", a_credit(30, number)) for number in range(5)]
    done = await asyncio.gather(*asked, return_exceptions=True)
    assert sorted(str(result) for result in done if not isinstance(result, InvalidRequest)) == ["credited"] * 3
    assert await scene.spent() == 10
    with pytest.raises(InvalidRequest, match=r"At most \$0\.00000001 can be credited") as told:
        await desk.credit_request(scene.team, "bought", a_credit(11, 9))
    assert told.value.param == "amount"
    assert await desk.credit_request(scene.team, "bought", a_credit(10, 9)) == "credited"
    assert await scene.spent() == 0
    await scene.assert_books_agree()


async def test_a_team_is_credited_in_its_current_period(scene: Scene, desk: Credits) -> None:
    """At most what it has spent in that; no key and no model has anything to do with it."""
    with pytest.raises(InvalidRequest, match="has spent in the current period"):
        await desk.credit_team(scene.team, a_credit(101))
    assert await desk.credit_team(scene.team, a_credit(70)) == "credited"
    bought, credit = await scene.entries()
    assert (credit.key, credit.model, credit.request, credit.cost) == (NOBODY, NOBODY, "", -70)
    assert (credit.team_period, credit.key_period) == (bought.team_period, bought.team_period)
    assert await scene.spent() == 30
    await scene.assert_books_agree()
    # What the team got back cannot be given back once more for the request.
    with pytest.raises(InvalidRequest, match=r"At most \$0\.00000003"):
        await desk.credit_request(scene.team, "bought", a_credit(31, 1))


async def test_what_is_credited_can_be_spent_again(datastore: Datastore, desk: Credits) -> None:
    """The budget is as if it had not been charged."""
    scene = await open_scene(datastore, budget(100))
    await scene.books.settle(await scene.hold("one", 100), delivered(100))
    assert (await scene.admit("two", 60)).hold is None
    await desk.credit_request(scene.team, "one", a_credit(60))
    assert (await scene.admit("three", 60)).hold is not None


async def test_a_truth_that_comes_late_corrects_what_is_left(scene: Scene, desk: Credits) -> None:
    """An expired hold that was credited and then turns out: in the end the books say what it cost."""
    for number, resolution in enumerate((delivered(60), Resolution("failed", charged=False))):
        hold = await scene.hold(f"late-{number}", 80)
        await scene.let_lease_run_out(hold.request_id)
        assert await scene.books.expire(scene.team.id) == 1
        assert await desk.credit_request(scene.team, hold.request_id, a_credit(80, number)) == "credited"
        if resolution.charged:
            assert (await scene.books.settle(hold, resolution)).came == "corrected"
        else:
            assert await scene.release(hold.request_id) == "corrected"
        entries = [entry for entry in await scene.entries() if entry.request == hold.request_id]
        assert sum(entry.cost for entry in entries) == resolution.cost
        await scene.assert_books_agree()
    with pytest.raises(InvalidRequest, match=r"\$0\.00000006"):
        await desk.credit_request(scene.team, "late-0", a_credit(61, 9))


async def test_a_request_is_found_among_many(scene: Scene, desk: Credits) -> None:
    """Over pages, newest first; one that is not there, or another team's, is not found."""
    for start in range(0, 2_300, 100):
        holds = [await scene.hold(f"r{number}", 1, key=1) for number in range(start, start + 100)]
        await asyncio.gather(*[scene.books.settle(hold, delivered(1)) for hold in holds])
    assert await desk.credit_request(scene.team, "bought", a_credit(1)) == "credited"
    charge = await desk.find_charge(scene.team.id, "bought")
    assert charge is not None
    assert (charge.first.request, charge.cost) == ("bought", 99)
    with pytest.raises(NotFound, match="no request 'nothing'"):
        await desk.credit_request(scene.team, "nothing", a_credit(1, 1))
    other = await open_scene(scene.datastore)
    assert await desk.find_charge(other.team.id, "bought") is None
    await scene.assert_books_agree()


class _Growing(Datastore):
    """Redis as somebody sees it who reads a ledger that grows by 1000 entries just after each of his looks."""

    def __init__(self, url: str, looks: int) -> None:
        address = parse_address(url)
        way = Connector(address).socket(str(address.socket))
        super().__init__(OneServer(Node(way, timeout_seconds=10)))
        self._looks = looks

    @override
    async def command(self, *words: Argument) -> Any:
        reply = await super().command(*words)
        if words[0] == "XREVRANGE" and words[2] == "+" and self._looks:
            self._looks -= 1
            entry = [word for pair in reply[0][1].items() for word in pair]
            await self.commands([("XADD", words[1], "*", *entry, "request", f"r{n}") for n in range(1000)])
        return reply


@pytest.mark.parametrize(("looks", "came"), [(2, "credited"), (3, "Conflict")])
async def test_a_ledger_that_grows_meanwhile_is_read_again(scene: Scene, redis_url: str, looks: int, came: str) -> None:
    """What was written after the look is counted; too much of it and the look is repeated, but not for ever."""
    growing = _Growing(redis_url, looks)
    try:
        done = await Credits(growing).credit_request(scene.team, "bought", a_credit(100))
    except Conflict:
        done = None
    finally:
        await growing.aclose()
    assert (done or "Conflict") == came
    assert await scene.spent() == (0 if done else 100)


async def test_a_clock_that_is_off_changes_nothing(scene: Scene) -> None:
    """The period and the hour are the server's."""
    desk = Credits(scene.datastore, clock=lambda: 1_000_000_000)
    assert await desk.credit_team(scene.team, a_credit(40)) == "credited"
    assert await desk.credit_request(scene.team, "bought", a_credit(60, 1)) == "credited"
    assert await scene.spent() == 0
    await scene.assert_books_agree()


async def test_large_and_tiny_credits_are_exact(datastore: Datastore, desk: Credits) -> None:
    """Nine million dollars and a nano-dollar."""
    scene = await open_scene(datastore)
    await scene.books.settle(await scene.hold("dear", MAX_MONEY), delivered(MAX_MONEY))
    assert await desk.credit_request(scene.team, "dear", a_credit(1)) == "credited"
    assert await scene.spent() == MAX_MONEY - 1
    assert await desk.credit_request(scene.team, "dear", a_credit(MAX_MONEY - 1, 1)) == "credited"
    assert await scene.spent() == 0
    await scene.assert_books_agree()


async def test_an_id_stands_for_one_credit(scene: Scene, desk: Credits) -> None:
    """The same id for another amount, or for another thing, is a conflict: nobody believes in what was not given."""
    await desk.credit_request(scene.team, "bought", a_credit(40))
    assert await desk.credit_request(scene.team, "bought", a_credit(40)) == "already"

    with pytest.raises(Conflict, match="another credit"):
        await desk.credit_request(scene.team, "bought", a_credit(41))
    with pytest.raises(Conflict, match="another credit"):
        await desk.credit_team(scene.team, a_credit(40))
    assert await scene.spent() == 60
