"""Each check of a soak run is seen to hold over sound facts, and to fail over facts that are not."""

import json
from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import Any

import pytest

from tests.soak import checks
from tests.soak.checks import CHECKS, Check, judge
from tests.soak.errands import wanted
from tests.soak.facts import Answer, Books, Drawn, Facts, Fault, Kind, Order, Purchase, Rest, Sample, Spending
from tests.soak.forms import complaint_of_error, complaint_of_head
from tests.soak.log_lines import own_faults
from tests.soak.memory import slope
from tests.soak.report import write_report

DELIVERED, UNKNOWN, NAMED = 1, 2, 3
"""The orders of a sound run: one delivered, one of unknown outcome that was never drawn, one sent twice."""
PAID = 5_000_000


def _answer(errand: int = DELIVERED, **given: Any) -> Answer:
    plain: dict[str, Any] = {"kind": "generation", "attempt": 0, "replica": "one", "at_seconds": 10.0, "seconds": 1.0}
    plain |= {"ended": "whole", "status": 200, "pictures": 1, "digest": "d"}
    return Answer(errand, **plain | given)


def _purchase(errand: int, outcome: str = "delivered", **given: Any) -> Purchase:
    plain: dict[str, Any] = {"cost": PAID, "images": 1, "flags": ""}
    return Purchase(f"req_{errand}", errand, outcome, **plain | given)


def _line(replica: str, seconds: int, bytes_per_second: float) -> tuple[Sample, ...]:
    return tuple(Sample(replica, 1, float(at), int(90e6 + at * bytes_per_second)) for at in range(seconds))


BOOKS = Books(
    purchases=(_purchase(DELIVERED), _purchase(UNKNOWN, "unknown", images=0), _purchase(NAMED)),
    spendings=(Spending("team", 10 * PAID, 3 * PAID, 4 * PAID),),
    differences=0,
    verified="team: 3 entries, 0 differences",
    verify_status=0,
)
SOUND = Facts(
    seed=1,
    traffic_seconds=300.0,
    seconds=300.0,
    rest_seconds=40.0,
    orders={
        DELIVERED: Order(DELIVERED, "generation"),
        UNKNOWN: Order(UNKNOWN, "generation"),
        NAMED: Order(NAMED, "generation", is_named=True),
    },
    answers=(
        _answer(),
        _answer(UNKNOWN, at_seconds=50.5, ended="no head", status=0, pictures=0, digest=""),
        _answer(NAMED, digest="n"),
        _answer(NAMED, digest="n", attempt=1, is_replayed=True),
    ),
    drawn={DELIVERED: Drawn(1, 1, PAID), NAMED: Drawn(1, 1, PAID)},
    books=BOOKS,
    faults=(Fault(Kind.KILL, 51.0, 53.0, "one"),),
    wanted_faults=(Kind.KILL,),
    samples=_line("one", 300, 1000),
    before=(Rest("one", 16, 1),),
    after=(Rest("one", 20, 8),),
)


def _with_answer(**given: Any) -> Facts:
    return replace(SOUND, answers=(*SOUND.answers, _answer(**given)))


def _with_books(**given: Any) -> Facts:
    return replace(SOUND, books=replace(BOOKS, **given))


def _booked(*purchases: Purchase) -> Facts:
    return _with_books(purchases=purchases)


WRONG: dict[str, tuple[Callable[[Facts], Check], Facts]] = {
    "an answer with a complaint": (checks.answers_are_sound, _with_answer(complaint="status 500 is not expected")),
    "no answer": (checks.all_are_answered, _with_answer(ended="silence", status=0)),
    "cut while all was well": (checks.breaks_have_a_cause, _with_answer(ended="cut", at_seconds=200.0)),
    "cut when the other replica died": (
        checks.breaks_have_a_cause,
        _with_answer(ended="cut", at_seconds=50.5, replica="two"),
    ),
    "delivered, no entry": (checks.delivered_is_booked, _booked(*BOOKS.purchases[1:])),
    "delivered, free of charge": (
        checks.delivered_is_booked,
        _booked(_purchase(DELIVERED, cost=0), *BOOKS.purchases[1:]),
    ),
    "delivered, marked unknown": (
        checks.delivered_is_booked,
        _booked(_purchase(DELIVERED, "unknown", images=0), *BOOKS.purchases[1:]),
    ),
    "a picture of a cut stream, no entry": (
        checks.delivered_is_booked,
        replace(_with_answer(errand=4, ended="cut", digest=""), orders={**SOUND.orders, 4: Order(4, "stream")}),
    ),
    "charged as delivered, never drawn": (
        checks.charged_was_made,
        replace(SOUND, drawn={NAMED: SOUND.drawn[NAMED]}),
    ),
    "charged as failed": (
        checks.charged_was_made,
        _booked(*BOOKS.purchases, _purchase(DELIVERED, "failed", images=0)),
    ),
    "billed, not charged": (checks.billed_is_charged, _booked(*BOOKS.purchases[1:])),
    "billed, charged too little": (
        checks.billed_is_charged,
        _booked(_purchase(DELIVERED, cost=PAID - 1), *BOOKS.purchases[1:]),
    ),
    "charged twice": (checks.bought_once, _booked(*BOOKS.purchases, _purchase(NAMED))),
    "drawn twice": (checks.bought_once, replace(SOUND, drawn={**SOUND.drawn, NAMED: Drawn(2, 2, PAID)})),
    "another answer the second time": (checks.bought_once, _with_answer(errand=NAMED, attempt=2, digest="other")),
    "verify fails": (checks.books_agree, _with_books(verify_status=1)),
    "verify tells a difference": (checks.books_agree, _with_books(verified="team: 3 entries, 1 difference")),
    "verify says nothing": (checks.books_agree, _with_books(verified="")),
    "our own sum differs": (checks.books_agree, _with_books(differences=1)),
    "a budget exceeded in the end": (
        checks.budgets_hold,
        _with_books(spendings=(Spending("team", PAID, PAID + 1, 0),)),
    ),
    "a budget exceeded on the way": (
        checks.budgets_hold,
        _with_books(spendings=(Spending("team", PAID, 0, PAID + 1),)),
    ),
    "no rest": (checks.comes_to_rest, replace(SOUND, rest_seconds=inf)),
    "holds are left": (checks.comes_to_rest, _with_books(held=1)),
    "a journal is left": (checks.comes_to_rest, replace(SOUND, after=(Rest("one", 20, 8, journal=1),))),
    "a request is left": (checks.comes_to_rest, replace(SOUND, after=(Rest("one", 20, 8, busy=1),))),
    "memory grows": (checks.memory_is_steady, replace(SOUND, samples=_line("one", 300, 80_000))),
    "memory grows slowly, for long": (checks.memory_is_steady, replace(SOUND, samples=_line("one", 7200, 9_000))),
    "nobody looked at memory": (checks.memory_is_steady, replace(SOUND, samples=())),
    "descriptors stay open": (checks.nothing_stays_open, replace(SOUND, after=(Rest("one", 30, 8),))),
    "a spooled picture stays open": (checks.nothing_stays_open, replace(SOUND, after=(Rest("one", 20, 8, 1),))),
    "tasks stay": (checks.nothing_stays_open, replace(SOUND, after=(Rest("one", 20, 8, tasks=30),))),
    "threads stay": (checks.nothing_stays_open, replace(SOUND, after=(Rest("one", 20, 80),))),
    "a fault of our own": (checks.no_own_faults, replace(SOUND, own_faults=("one: error: KeyError",))),
    "a kind never broken": (checks.was_hard, replace(SOUND, wanted_faults=(Kind.KILL, Kind.REDIS_FREEZE))),
    "nobody got an answer": (checks.was_hard, replace(SOUND, answers=())),
}


def test_sound_facts_pass() -> None:
    """Nothing is wrong with a run in which nothing went wrong, and the report says so."""
    verdicts = judge(SOUND)

    assert [check.what for check in verdicts if not check.holds] == []
    report = write_report(SOUND, verdicts, "a day")
    assert f"all {len(CHECKS)} checks hold" in report
    assert "| ✓ | what was delivered is in the ledger | 2 pictures in whole answers; not in the ledger: 0 |" in report


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_seen(case: str) -> None:
    """The check that is for it fails, and the report has its cross."""
    check, facts = WRONG[case]
    verdict = check(facts)

    assert not verdict.holds
    assert f"| ✗ | {verdict.what} | " in write_report(facts, judge(facts), "a day")


def test_every_check_has_been_red() -> None:
    """No check is without a case that it fails."""
    assert {check for check, _ in WRONG.values()} == set(CHECKS)


@pytest.mark.parametrize(
    "change",
    [
        {"at_seconds": 50.5},
        {"at_seconds": 52.0, "ended": "no connection", "status": 0},
        {"errand": 4, "at_seconds": 200.0},
    ],
)
def test_a_break_with_a_cause_is_none_of_ours(change: dict[str, Any]) -> None:
    """A replica that was being killed, or was not back yet; a fault of the upstream in this very order."""
    facts = _with_answer(**{"ended": "cut", "pictures": 0, "digest": ""} | change)
    facts = replace(facts, orders={**SOUND.orders, 4: Order(4, "generation", fault="fault=cut_body")})

    assert checks.breaks_have_a_cause(facts).holds


def test_a_break_without_a_cause_can_be_found_in_the_logs() -> None:
    """The report says what it broke with, and by which request id the replica's log knows it."""
    broken = _with_answer(ended="cut", at_seconds=200.0, request_id="req_1", broken_by="ReadError() behind 9 bytes")

    assert checks.breaks_have_a_cause(broken).found.endswith("200, cut, req_1, ReadError() behind 9 bytes")


def test_what_an_upstream_never_told_is_not_held_against_us() -> None:
    """A stream of two pictures that ends behind its first is charged for one; for none would be wrong even so."""
    untold = {**SOUND.orders, DELIVERED: Order(DELIVERED, "stream", fault="content=not_completed")}
    facts = replace(SOUND, orders=untold, drawn={DELIVERED: Drawn(1, 2, 2 * PAID)})

    assert checks.billed_is_charged(facts).holds
    assert not checks.billed_is_charged(replace(facts, books=replace(BOOKS, purchases=()))).holds


def test_the_slope_of_a_line() -> None:
    """Least squares find the line that the points lie on, wherever they lie; a single one has none."""
    assert slope([(1, 5), (2, 7), (4, 11)]) == pytest.approx(2)
    assert slope([(3, 3)]) == 0


@pytest.mark.parametrize(
    ("status", "headers", "complaint"),
    [
        (200, {"x-request-id": "req_1"}, ""),
        (500, {"x-request-id": "req_1"}, "status 500 is not expected"),
        (401, {"x-request-id": "req_1"}, "status 401 is not expected"),
        (200, {}, "no x-request-id"),
        (503, {"x-request-id": "req_1"}, "503 without retry-after or x-should-retry"),
        (503, {"x-request-id": "req_1", "retry-after": "2"}, ""),
        (429, {"x-request-id": "req_1", "x-should-retry": "false"}, ""),
    ],
)
def test_the_head_of_an_answer(status: int, headers: dict[str, str], complaint: str) -> None:
    """Status, request id and when to come back are looked at."""
    plain = next(order for order in (wanted(1, number) for number in range(100)) if order.order.kind == "link")

    assert complaint_of_head(plain, 0, status, headers) == complaint


def test_the_form_of_an_error() -> None:
    """OpenAI's envelope passes; anything else, and one with a gap in it, does not."""
    error = {"message": "No.", "type": "server_error", "param": None, "code": "overloaded"}

    assert complaint_of_error(json.dumps({"error": error}).encode()) == ""
    wrongs: tuple[Any, ...] = ({"error": error | {"code": ""}}, {"error": {"message": "No."}}, {"detail": "No."}, [])
    for wrong in wrongs:
        assert complaint_of_error(json.dumps(wrong).encode()) != ""
    assert complaint_of_error(b"<html>") != ""


@pytest.mark.parametrize(
    ("line", "is_fault"),
    [
        ({"level": "error", "logger": "app.ledger.recent", "message": "a resolution could not be sent again"}, True),
        ({"level": "warning", "logger": "app.web", "message": "oh", "exception": "KeyError"}, True),
        ({"level": "error", "logger": "imagegate.request", "message": "image request", "code": "internal_error"}, True),
        ({"level": "error", "logger": "imagegate.request", "message": "image request", "code": "ok"}, False),
        ({"level": "error", "logger": "app.datastore", "message": "no answer", "event": "circuit_open"}, False),
        ({"level": "info", "logger": "imagegate.request", "message": "image request"}, False),
    ],
)
def test_a_fault_of_our_own_in_the_log(line: dict[str, str], is_fault: bool) -> None:
    """Exceptions and errors are faults, but for those that tell of what was broken on purpose."""
    assert bool(own_faults("one", json.dumps(line))) is is_fault


def test_what_is_no_line_of_the_log_is_a_fault() -> None:
    """A traceback is; a process that says that Redis is away, and ends, is not."""
    assert own_faults("one", "Traceback (most recent call last):") != []
    assert own_faults("one", "Error: Redis does not answer; look at IMAGEGATE_REDIS_URL.") == []


def test_orders_come_from_the_seed() -> None:
    """The same seed and number give the same order, another seed another."""
    assert [wanted(7, number) for number in range(50)] == [wanted(7, number) for number in range(50)]
    assert [wanted(7, number) for number in range(50)] != [wanted(8, number) for number in range(50)]
