"""Amounts exact to the nano-dollar and texts exact to the byte, through every script."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.datastore.datastore import Datastore
from app.ledger.models import Verdict
from app.money import MAX_MONEY
from tests.ledger.scene import budget, delivered, open_scene

AMOUNTS = [1, 10**14 - 1, 100_000_123_456_789, 999_999_999_999_999, 1_234_567_890_123_457, int(MAX_MONEY) - 1]
"""A nano-dollar; around 10¹⁴, where Lua's own conversion begins to round; up to the $9,000,000 the books allow."""


@pytest.mark.parametrize("amount", AMOUNTS)
async def test_amounts_are_exact_through_every_script(datastore: Datastore, amount: int) -> None:
    """Held, settled, released, expired and corrected to the digit; and one nano-dollar beside the budget decides."""
    scene = await open_scene(datastore, budget(amount), budget(amount))
    assert (await scene.admit("too much", amount + 1)).reason.available == amount

    hold = await scene.hold("settled", amount)
    assert await scene.held() == amount
    assert (await scene.admit("no room", 1)).verdict is Verdict.REFUSED
    await scene.release("settled")
    await scene.hold("expired", amount)
    await scene.let_lease_run_out("expired")
    await scene.books.expire(scene.team.id)
    assert await scene.spent() == amount
    await scene.release("expired")
    assert await scene.spent() == 0

    hold = await scene.hold("again", amount)
    await scene.books.settle(hold, delivered(amount - 1))
    assert await scene.spent() == amount - 1
    assert (await scene.admit("last", 2)).reason.available == 1
    await scene.hold("last", 1)
    assert await scene.held() == 1
    assert [entry.cost for entry in await scene.entries()] == [0, amount, -amount, amount - 1]
    await scene.assert_books_agree()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(costs=st.lists(st.integers(0, MAX_MONEY // 8), min_size=1, max_size=6))
async def test_any_amounts_add_up(datastore: Datastore, costs: list[int]) -> None:
    """Sums of any quotes are held and spent exactly."""
    scene = await open_scene(datastore, budget(MAX_MONEY))
    holds = [await scene.hold(f"r{number}", cost) for number, cost in enumerate(costs)]
    assert await scene.held() == sum(costs)
    for hold in holds:
        await scene.books.settle(hold, delivered(hold.quote))
    assert await scene.held() == 0
    assert await scene.spent() == sum(costs)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    model=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
    note=st.dictionaries(st.text(max_size=10), st.text(max_size=40) | st.integers(-(2**53), 2**53), max_size=4),
)
async def test_any_model_name_and_note_come_back(datastore: Datastore, model: str, note: dict[str, Any]) -> None:
    """Bars, quotes, newlines, zero bytes, emoji: what goes in with the hold stands in the entry of every resolution."""
    scene = await open_scene(datastore)
    await scene.hold("released", model=model, note=note)
    await scene.release("released")
    await scene.hold("expired", model=model, note=note)
    await scene.let_lease_run_out("expired")
    await scene.books.expire(scene.team.id)
    await scene.books.settle(await scene.hold("settled", model=model, note=note), delivered(1))

    for entry in await scene.entries():
        assert entry.model == model.replace("|", "_")
        assert entry.note == {"note": note}
    await scene.assert_books_agree()


async def test_a_bar_in_a_name_or_a_note_moves_no_field(datastore: Datastore) -> None:
    """The bar separates the fields of a stored hold: in a model's name it is replaced, in the note it is kept."""
    scene = await open_scene(datastore)
    await scene.hold("r", 100, model="a|9|b", note="x|y|5")
    await scene.let_lease_run_out("r")
    await scene.books.expire(scene.team.id)
    [entry] = await scene.entries()
    assert (entry.model, entry.cost, entry.note) == ("a_9_b", 100, {"note": "x|y|5"})
    await scene.assert_books_agree()
