"""The budgets of all teams together stay under their total, whoever changes them at the same moment."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from app.accounts.credentials import new_id
from app.accounts.models import Budget, Limits, Team
from app.accounts.store import AccountStore
from app.accounts.total_budget import BudgetLock, check_total
from app.datastore.datastore import Datastore
from app.datastore.opening import open_datastore
from app.errors import Conflict, GatewayError, InvalidRequest, StoreUnavailable
from app.keyspace import BUDGETS
from app.money import Money, parse_dollars
from tests.support.redis_server import RedisServer

BORN = datetime(2026, 11, 22, 12, tzinfo=UTC)
TOTAL = parse_dollars("100")


def a_team(name: str, dollars: str | None) -> Team:
    limits = Limits(budget=Budget(parse_dollars(dollars)) if dollars is not None else None)
    return Team(new_id(), name, BORN, limits)


def budgeting(dollars: str | None) -> Callable[[Team], Team]:
    """A change of the budget's amount alone."""

    def change(team: Team) -> Team:
        budget = replace(team.limits.budget or Budget(Money(0)), limit=parse_dollars(dollars)) if dollars else None
        return replace(team, limits=replace(team.limits, budget=budget))

    return change


async def promised(store: AccountStore) -> Money:
    """What stands promised to all teams together."""
    return Money(sum(team.limits.budget.limit for team in await store.teams() if team.limits.budget))


@pytest.fixture
def store(datastore: Datastore) -> AccountStore:
    return AccountStore(datastore, TOTAL)


@pytest.fixture
async def second(redis_url: str) -> AsyncIterator[AccountStore]:
    """Another replica's store, over a connection of its own."""
    async with aclosing(open_datastore(redis_url, timeout_seconds=10)) as opened:
        yield AccountStore(opened, TOTAL)


async def test_budgets_fit_under_the_total_to_the_last_nano_dollar(store: AccountStore) -> None:
    """Making and changing teams: what fits exactly stands; a nano-dollar more is refused, naming what is left."""
    design, video = a_team("design", "60"), a_team("video", "39.999999999")
    await store.create_team(design)
    await store.create_team(video)

    with pytest.raises(Conflict) as told:
        await store.create_team(a_team("third", "0.000000002"))
    assert "$0.000000001 is left" in told.value.message
    assert told.value.param == "limits.budget.limit"
    with pytest.raises(Conflict, match=r"\$60\.000000001 is left for it"):
        await store.change_team(design.id, budgeting("60.000000002"))

    await store.change_team(design.id, budgeting("60.000000001"))
    assert await promised(store) == TOTAL
    await store.change_team(video.id, budgeting("10"))
    await store.create_team(a_team("third", "29"))
    assert [team.name for team in await store.teams()] == ["design", "third", "video"]


async def test_while_there_is_a_total_every_team_needs_a_budget(store: AccountStore) -> None:
    """None can be made without one, and none can lose its own."""
    design = a_team("design", "60")
    await store.create_team(design)
    with pytest.raises(InvalidRequest) as told:
        await store.create_team(a_team("free", None))
    assert told.value.param == "limits.budget"
    with pytest.raises(InvalidRequest, match="IMAGEGATE_TOTAL_BUDGET"):
        await store.change_team(design.id, budgeting(None))
    assert await store.teams() == [design]


async def test_what_stood_before_the_total_can_still_be_lowered(datastore: Datastore, store: AccountStore) -> None:
    """Teams without a budget, and budgets above the total, may stay and shrink; they may not grow."""
    before = AccountStore(datastore)
    rich, free = a_team("rich", "500"), a_team("free", None)
    await before.create_team(rich)
    await before.create_team(free)

    await store.change_team(free.id, lambda team: replace(team, limits=Limits(images_per_minute=1)))
    await store.change_team(rich.id, budgeting("400"))
    with pytest.raises(Conflict, match=r"\$0\.00 is left"):
        await store.change_team(free.id, budgeting("1"))
    with pytest.raises(Conflict, match=r"\$100\.00 is left for it"):
        await store.change_team(rich.id, budgeting("401"))
    await store.change_team(rich.id, budgeting("99"))
    await store.change_team(free.id, budgeting("1"))
    assert await promised(store) == TOTAL


async def test_of_changes_at_one_moment_no_two_exceed_the_total(store: AccountStore, second: AccountStore) -> None:
    """Ten operators on two replicas, each asking for 30 of 100: three get it, the others hear what is left."""
    stores = [store, second] * 5
    teams = [a_team(f"team-{number}", "30") for number in range(10)]

    done = await asyncio.gather(
        *[each.create_team(team) for each, team in zip(stores, teams, strict=True)], return_exceptions=True
    )

    refused = [result for result in done if result is not None]
    assert len(refused) == 7
    assert all(isinstance(result, Conflict) and "$10.00 is left" in result.message for result in refused)
    assert await promised(store) == parse_dollars("90")


async def test_of_raises_at_one_moment_no_two_exceed_the_total(store: AccountStore, second: AccountStore) -> None:
    """Two teams that would be raised by all that is left: one is."""
    teams = [a_team("one", "40"), a_team("two", "40")]
    for team in teams:
        await store.create_team(team)

    done = await asyncio.gather(
        *[each.change_team(team.id, budgeting("60")) for each, team in zip((store, second), teams, strict=True)],
        return_exceptions=True,
    )

    assert sorted(type(result).__name__ for result in done) == ["Conflict", "Team"]
    assert await promised(store) == TOTAL


async def test_the_lock_ends_however_the_change_ended(store: AccountStore, datastore: Datastore) -> None:
    """After a change and after a refusal the next operator does not wait."""
    await store.create_team(a_team("design", "60"))
    assert await datastore.command("EXISTS", BUDGETS) == 0
    with pytest.raises(GatewayError):
        await store.create_team(a_team("design", "60"))
    assert await datastore.command("EXISTS", BUDGETS) == 0


async def test_the_lock_of_a_vanished_operator_is_waited_out(store: AccountStore, datastore: Datastore) -> None:
    """A change waits while another holds the lock, and goes on by itself when that one's time is over."""
    await datastore.command("SET", BUDGETS, "somebody who vanished", "PX", 200)
    await store.create_team(a_team("design", "60"))
    await datastore.command("SET", BUDGETS, "somebody else")
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(store.create_team(a_team("video", "40")))
        await asyncio.wait([waiting], timeout=0.2)
        assert not waiting.done()
        assert await datastore.command("GET", BUDGETS) == b"somebody else"
        await datastore.command("DEL", BUDGETS)
    assert await promised(store) == TOTAL


@pytest.mark.parametrize("end", ["unanswered", "cancelled"])
async def test_the_lock_outlives_a_write_that_may_still_come(own_redis: RedisServer, end: str) -> None:
    """No answer comes, or the operator leaves, in the middle of a change: nobody else counts until the lock ends."""
    async with aclosing(open_datastore(own_redis.url, timeout_seconds=1.5)) as datastore:
        store, design = AccountStore(datastore, TOTAL), a_team("design", "60")
        await store.create_team(design)

        def interrupted(team: Team) -> Team:
            if end == "unanswered":
                own_redis.command("CLIENT", "PAUSE", "2000", "WRITE")  # beyond our patience for the write
            else:
                changing.cancel()
            return budgeting("70")(team)

        changing = asyncio.create_task(store.change_team(design.id, interrupted))
        await asyncio.wait([changing])
        assert changing.cancelled() if end == "cancelled" else isinstance(changing.exception(), StoreUnavailable)
        assert own_redis.command("EXISTS", BUDGETS) == b":1"
        assert own_redis.command("TTL", BUDGETS) != b":-1", "it ends by itself"


async def test_a_change_that_takes_too_long_is_broken_off(datastore: Datastore) -> None:
    """Before the lock ends by itself, and without ending it: what was sent last may still arrive."""
    with pytest.raises(StoreUnavailable) as told:
        async with BudgetLock(datastore, change_seconds=0.01).held():
            await asyncio.Event().wait()
    assert told.value.may_have_happened
    assert await datastore.command("EXISTS", BUDGETS) == 1


def test_an_unchanged_or_smaller_budget_always_fits() -> None:
    """Whatever the total has become; the period is not looked at."""
    team = a_team("design", "60")
    check_total(Money(1), [team], team, team)
    check_total(Money(1), [team], replace(team, limits=Limits(budget=Budget(Money(5), "week"))), team)
    with pytest.raises(Conflict):
        check_total(Money(1), [team], team)
