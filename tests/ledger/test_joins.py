"""An Idempotency-Key stands for one purchase: what is joined, what frees it, and what is written down of a request."""

import pytest
from msgspec.structs import replace

from app.datastore.datastore import Datastore
from app.ledger.models import Ending, Mode, Verdict
from tests.ledger.scene import dump
from tests.ledger.tries import FOR_LATER, NAMED, ONE_SLOT, SAME, SERVED, Tries, open_tries, retry

DAY_MS, HOUR_MS, A_WHILE_MS = 86_400_000, 3_600_000, 60_000
ERROR = {"status": 502, "envelope": {"error": {"message": "no"}}}


@pytest.fixture
async def tries(datastore: Datastore) -> Tries:
    return await open_tries(datastore)


@pytest.mark.parametrize("state", ["in flight", "delivered", "failed", "unknown", "expired"])
async def test_the_same_purchase_is_joined_whatever_became_of_it(tries: Tries, state: str) -> None:
    """The earlier request is named, and nothing is set aside."""
    hold = await tries.buy("a", NAMED)
    if state == "delivered":
        await tries.settle(hold)
    elif state == "failed":
        await tries.give_back(hold, again=False)
    elif state == "unknown":
        await tries.lose(hold, SERVED)
    elif state == "expired":
        await tries.scene.let_lease_run_out("a")
        await tries.scene.books.expire(hold.team_id)
    held = await tries.scene.held()
    joined = await tries.ask("b", NAMED)

    assert (joined.verdict, joined.earlier, joined.hold) == (Verdict.JOIN, "a", None)
    assert await tries.scene.held() == held
    assert await tries.record("b") == {}


async def test_another_body_under_the_same_key_is_a_mismatch(tries: Tries) -> None:
    """So it is for a retry of an SDK, in flight and after."""
    hold = await tries.buy("a", NAMED)
    other = replace(NAMED, fingerprint="print-of-the-ship")
    verdicts = [await tries.ask("b", other), await tries.ask("c", retry(1, other))]
    await tries.settle(hold)
    verdicts.append(await tries.ask("d", other))

    assert [(found.verdict, found.earlier) for found in verdicts] == [(Verdict.MISMATCH, "a")] * 3


async def test_another_virtual_key_has_keys_of_its_own(tries: Tries) -> None:
    """The same Idempotency-Key under another virtual key of the team is another purchase; and so is another one."""
    await tries.buy("a", NAMED)
    await tries.buy("b", NAMED, key=1)
    await tries.buy("c", replace(NAMED, idempotency="digest-of-another"))
    await tries.buy("d", SAME)


async def test_a_request_is_not_its_own_forerunner(tries: Tries) -> None:
    """Asking once more under the same id is the same admission."""
    await tries.buy("a", NAMED)
    await tries.buy("a", NAMED)
    assert await tries.scene.held() == 100


async def test_who_comes_for_it_later_joins_who_waits(tries: Tries) -> None:
    """An Idempotency-Key is the same for both ways of asking."""
    await tries.buy("a", NAMED)
    assert (await tries.ask("b", replace(NAMED, attended=False))).earlier == "a"


@pytest.mark.parametrize("again", [True, False])
async def test_what_can_have_made_nothing_frees_the_key(tries: Tries, again: bool) -> None:
    """A release that says so lets the next one buy; any other answers with its error from then on."""
    await tries.give_back(await tries.buy("a", NAMED), again=again)
    verdict = (await tries.ask("b", NAMED)).verdict
    assert verdict is (Verdict.ADMITTED if again else Verdict.JOIN)
    later = await tries.ask("c", NAMED)
    assert (later.verdict, later.earlier) == (Verdict.JOIN, "b" if again else "a")


async def test_a_late_release_does_not_free_the_key_of_the_next_one(tries: Tries) -> None:
    """The key stands for who bought meanwhile; a repeated release of the one before takes nothing from it."""
    hold = await tries.buy("a", NAMED)
    for _ in range(2):
        await tries.give_back(hold, again=True)
        assert (await tries.ask("b", NAMED)).verdict is Verdict.ADMITTED
    assert (await tries.ask("c", NAMED)).earlier == "b"


async def test_the_late_truth_that_nothing_was_made_frees_the_key(tries: Tries) -> None:
    """An expired hold keeps it, until its process is back and says so."""
    hold = await tries.buy("a", NAMED)
    await tries.scene.let_lease_run_out("a")
    await tries.scene.books.expire(hold.team_id)
    assert (await tries.ask("b", NAMED)).verdict is Verdict.JOIN
    assert await tries.give_back(hold, again=True) == "corrected"
    assert (await tries.ask("b", NAMED)).verdict is Verdict.ADMITTED


@pytest.mark.parametrize("end", ["gives up", "is refused", "dies"])
async def test_who_waits_for_its_turn_is_joined_until_it_is_known_that_it_bought_nothing(
    datastore: Datastore, end: str
) -> None:
    """In the queue it is the same purchase already; whoever comes after its end there takes its place."""
    tries = await open_tries(datastore, ONE_SLOT)
    hold = await tries.buy("other")
    assert (await tries.ask("a", NAMED, mode=Mode.WAIT)).verdict is Verdict.QUEUED
    assert (await tries.ask("b", NAMED, mode=Mode.WAIT)).earlier == "a"
    if end == "gives up":
        await tries.give_up("a", NAMED)
    elif end == "is refused":
        assert (await tries.ask("a", NAMED)).verdict is Verdict.REFUSED
    else:
        await tries.let_ticket_die("a")
    await tries.settle(hold)

    assert (await tries.ask("b", NAMED, mode=Mode.WAIT)).verdict is Verdict.ADMITTED


async def test_a_quote_neither_joins_nor_is_joined(tries: Tries) -> None:
    """Asking what would happen changes not a byte, whatever headers it came with."""
    await tries.buy("a", NAMED)
    await tries.buy("b")
    await tries.leave("b")
    before = await dump(tries.datastore)
    for identity in (NAMED, SAME, retry(1), replace(NAMED, fingerprint="another")):
        assert (await tries.ask("q", identity, mode=Mode.QUOTE)).verdict is Verdict.ADMITTED
    assert await dump(tries.datastore) == before


async def test_how_long_it_is_known(tries: Tries) -> None:
    """A day for the record, the list and the Idempotency-Key, counted from the end; an hour for retries without one."""
    names, key_id = tries.scene.names, tries.scene.keys[0].id
    hold = await tries.buy("a", NAMED)
    await tries.datastore.command("PEXPIRE", names.request("a"), A_WHILE_MS)
    await tries.settle(hold)
    day = [names.request("a"), names.recent(key_id), names.idempotency(key_id, NAMED.idempotency)]
    await tries.buy("without a key")
    for key, lifetime in [*((key, DAY_MS) for key in day), (tries.claimable_key, HOUR_MS)]:
        assert lifetime - A_WHILE_MS < await tries.lifetime_ms(key) <= lifetime, key


async def test_what_is_written_of_a_request(tries: Tries) -> None:
    """Held, settled, given back, expired and corrected: each time the record says all there is to say."""
    hold = await tries.buy("a", FOR_LATER)
    admitted = {"key": hold.key_id, "model": "model", "operation": "generations", "quote": "100"}
    started = await tries.record("a")
    under_way = {"state": "in_progress", "admitted": str(hold.admitted_ms), "retries": "print-of-the-boat-later"}
    assert started == admitted | under_way
    await tries.settle(hold, replace(SERVED, about={"upstream_id": "u"}))
    made = await tries.record("a")
    assert int(made.pop("resolved")) >= hold.admitted_ms
    end = {"state": "delivered", "cost": "70", "images": "1", "result": SERVED.result, "error": "", "again": "0"}
    assert made == started | end | {"about": '{"upstream_id":"u"}'}

    hold = await tries.buy("b")
    await tries.scene.let_lease_run_out("b")
    await tries.scene.books.expire(hold.team_id)
    assert (await tries.record("b"))["state"] == "in_progress"  # what is true of it is derived
    await tries.lose(hold, Ending(error=ERROR))
    late = await tries.record("b")
    assert (late["state"], late["cost"], late["images"], late["again"]) == ("unknown", "100", "0", "0")
    assert late["error"] == '{"status":502,"envelope":{"error":{"message":"no"}}}'

    await tries.give_back(await tries.buy("c"), again=True, outcome="refused")
    refused = await tries.record("c")
    assert (refused["state"], refused["cost"], refused["again"]) == ("refused", "0", "1")


async def test_a_lost_record_is_written_whole(tries: Tries) -> None:
    """After a failover that forgot it, the settlement says everything."""
    hold = await tries.buy("a")
    started = await tries.record("a")
    del started["retries"]  # nobody looks for it there
    await tries.datastore.command("DEL", tries.scene.names.request("a"))
    await tries.settle(hold)
    assert (await tries.record("a")).items() >= (started | {"state": "delivered", "cost": "70"}).items()
