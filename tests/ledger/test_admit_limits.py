"""Admission against every limit of team and key: exactly up to it, all or nothing, and which refusal is told."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from app.accounts.models import Budget, Limits
from app.datastore.datastore import Datastore
from app.ledger.models import Verdict
from app.money import Money
from tests.ledger.scene import FUTURE_MS, budget, delivered, dump, fill, open_scene


@dataclass(frozen=True, slots=True)
class Case:
    """A limit that three requests of one image and 100 nano-dollars fill exactly."""

    limits: Limits
    reason: str
    heals: bool


CASES = {
    "requests": Case(Limits(requests_per_minute=3), "requests_per_minute", heals=True),
    "images": Case(Limits(images_per_minute=3), "images_per_minute", heals=True),
    "concurrent": Case(Limits(concurrent_images=3), "concurrent_images", heals=True),
    "budget": Case(budget(300), "budget", heals=False),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("scope", ["team", "key"])
async def test_a_limit_admits_exactly_up_to_it_and_its_refusal_changes_nothing(
    datastore: Datastore, case: Case, scope: str
) -> None:
    """Three requests fill the limit to the last one; the fourth is told which limit of whom, and no byte moves."""
    team, key = (case.limits, Limits()) if scope == "team" else (Limits(), case.limits)
    scene = await open_scene(datastore, team, key)
    for number in range(3):
        assert (await scene.admit(f"r{number}", 100)).verdict is Verdict.ADMITTED
    before = await dump(datastore)

    refused = await scene.admit("one too many", 100)

    assert refused.verdict is Verdict.REFUSED
    assert refused.hold is None
    assert refused.reason.code == case.reason
    assert refused.reason.scope == ("team" if scope == "team" else f"key:{scene.keys[0].id}")
    assert (refused.reason.retry_after_ms > 0) is case.heals
    assert await dump(datastore) == before


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("scope", ["team", "key"])
async def test_of_fifty_at_once_exactly_as_many_are_admitted_as_fit(
    datastore: Datastore, case: Case, scope: str
) -> None:
    """Fifty requests at one moment against a limit for three: three are admitted, forty-seven refused."""
    team, key = (case.limits, Limits()) if scope == "team" else (Limits(), case.limits)
    scene = await open_scene(datastore, team, key)

    admissions = await asyncio.gather(*[scene.admit(f"r{number}", 100) for number in range(50)])

    assert sum(admission.verdict is Verdict.ADMITTED for admission in admissions) == 3
    assert {admission.reason.code for admission in admissions if admission.hold is None} == {case.reason}
    assert await scene.held() == 300
    await scene.assert_books_agree()


async def test_budget_is_filled_to_the_last_nano_dollar(datastore: Datastore) -> None:
    """With 1 nano-dollar too little the quote is refused, and the caller hears what is left; with as much it fits."""
    scene = await open_scene(datastore, budget(1000))
    await scene.books.settle(await scene.hold("a", 300), delivered(250))
    await scene.hold("b", 350)

    refused = await scene.admit("c", 401)
    assert (refused.reason.code, refused.reason.limit, refused.reason.available) == ("budget", 1000, 400)

    assert (await scene.admit("d", 400)).verdict is Verdict.ADMITTED
    assert (await scene.admit("e", 1)).verdict is Verdict.REFUSED
    assert (await scene.admit("f", 0)).verdict is Verdict.ADMITTED


async def test_what_the_team_refuses_is_not_taken_from_the_key(datastore: Datastore) -> None:
    """Limits of team and key are taken together or not at all, whichever of the two refuses."""
    scene = await open_scene(datastore, Limits(requests_per_minute=1), Limits(requests_per_minute=5), Limits())
    await scene.hold("a", key=0)
    await scene.admit("b", key=0)
    await scene.admit("c", key=1)

    buckets = await datastore.command("HGET", scene.names.named(f"buckets:key:{scene.keys[0].id}"), "requests")
    assert float(buckets) == 4


async def test_keys_of_a_team_share_its_budget_and_not_each_others(datastore: Datastore) -> None:
    """Each key stops at its own budget, all of them together at the team's."""
    scene = await open_scene(datastore, budget(250), budget(100), budget(200))
    await scene.hold("a", 100, key=0)
    assert (await scene.admit("b", 1, key=0)).reason.scope == f"key:{scene.keys[0].id}"
    await scene.hold("c", 150, key=1)
    assert (await scene.admit("d", 1, key=1)).reason.scope == "team"


async def test_slots_and_money_come_back_with_the_resolution_and_request_counts_do_not(datastore: Datastore) -> None:
    """A settled or released request frees its images and its quote; the minute still remembers that it was asked."""
    limits = Limits(requests_per_minute=3, concurrent_images=1, budget=Budget(Money(100)))
    scene = await open_scene(datastore, limits)
    await scene.hold("a", 100)
    await scene.release("a")
    await scene.books.settle(await scene.hold("b", 100), delivered(0))
    await scene.hold("c", 100)
    assert await scene.release("c") == "released"

    assert (await scene.admit("d", 100)).reason.code == "requests_per_minute"


async def test_a_refusal_heals_overdue_holds_and_changes_nothing_else(datastore: Datastore) -> None:
    """The one thing a refused admission may write is the expiry of holds whose process vanished."""
    scene = await open_scene(datastore, Limits(concurrent_images=1, budget=Budget(Money(100))))
    await scene.hold("lost", 100)
    await scene.let_lease_run_out("lost")
    before = await dump(datastore)

    refused = await scene.admit("next", 1)

    assert refused.reason.code == "budget", "the slot of the lost one is free again, its money is spent"
    after = await dump(datastore)
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    names = scene.names
    healed = {names.holds, names.reservations, names.held, names.spend, names.ledger}
    healed |= {names.named("resolved"), names.named("expired"), names.usage(refused.now_ms // 3_600_000)}
    assert {name.decode() for name in changed} == healed


TOLD: list[tuple[str, Limits, Limits, int, str]] = [
    ("waiting never helps", Limits(requests_per_minute=2), budget(0), 1, "blocked"),
    ("a block before all", Limits(images_per_minute=2), Limits(requests_per_minute=0), 3, "blocked"),
    ("nor with more images than the limit", Limits(requests_per_minute=2), Limits(images_per_minute=2), 3, "too_many"),
    ("the longest wait", Limits(requests_per_minute=2), Limits(images_per_minute=1), 1, "images_per_minute"),
    ("the longest wait, of the team", Limits(images_per_minute=1), Limits(requests_per_minute=2), 1, "images"),
    ("of equals the team's", Limits(requests_per_minute=2), Limits(requests_per_minute=2), 1, "requests_per_minute"),
]


@pytest.mark.parametrize(("why", "team", "key", "images", "reason"), TOLD, ids=[case[0] for case in TOLD])
async def test_of_several_refusals_the_one_is_told_that_heals_last(
    datastore: Datastore, why: str, team: Limits, key: Limits, images: int, reason: str
) -> None:
    """Never comes before the longest wait; of two that heal alike the team's is told."""
    scene = await open_scene(datastore, team, key)
    for scope in ("team", f"key:{scene.keys[0].id}"):
        for field in ("requests", "images"):
            await fill(scene, field, 0.5, FUTURE_MS, scope)

    refused = await scene.admit("r", images=images)

    assert refused.verdict is Verdict.REFUSED
    assert refused.reason.code.startswith(reason)
    if why.startswith("of equals"):
        assert refused.reason.scope == "team"


NEVER: list[tuple[Limits, int, str]] = [
    (Limits(images_per_minute=4), 5, "too_many_images"),
    (Limits(concurrent_images=4), 5, "too_many_concurrent_images"),
    (Limits(requests_per_minute=0), 1, "blocked"),
    (Limits(images_per_minute=0), 1, "blocked"),
    (Limits(concurrent_images=0), 1, "blocked"),
    (budget(0), 1, "blocked"),
]
PLACES: dict[str, Callable[[Limits], tuple[Limits, Limits]]] = {
    "team": lambda limits: (limits, Limits()),
    "key": lambda limits: (Limits(), limits),
}


@pytest.mark.parametrize(("limits", "images", "reason"), NEVER, ids=[f"{case[2]} {case[0]}" for case in NEVER])
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
async def test_what_can_never_be_admitted_says_so(
    datastore: Datastore,
    limits: Limits,
    images: int,
    reason: str,
    place: Callable[[Limits], tuple[Limits, Limits]],
) -> None:
    """More at once than the limit is deep, or a limit of 0: no waiting helps, and the caller is told no wait."""
    scene = await open_scene(datastore, *place(limits))
    refused = await scene.admit("r", images=images)
    assert (refused.verdict, refused.reason.code, refused.reason.retry_after_ms) == (Verdict.REFUSED, reason, -1)
    assert await scene.held() == 0
