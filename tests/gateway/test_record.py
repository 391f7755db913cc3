"""What is known of a request: times add up, the first stage that fails is told, spans are noted only where kept."""

import time

import pytest

from app.gateway.record import Record
from app.traces.context import SAMPLED, TraceContext
from app.traces.tracer import Trace

CALLER = TraceContext("0" * 31 + "1", "0" * 15 + "1", SAMPLED)
"""One who keeps the trace."""


def fail(record: Record, *stages: str) -> None:
    """Fail in one stage after the other."""
    for stage in stages:
        with pytest.raises(KeyError), record.timed(stage):
            raise KeyError


def test_a_stage_can_come_again() -> None:
    """The time of each stay counts, and so does that of one which failed."""
    record = Record("req_1", "generations")
    with record.timed("admit"):
        pass
    first = record.seconds["admit"]
    fail(record, "admit")
    assert record.seconds["admit"] > first > 0
    assert set(record.seconds) == {"admit"}


def test_the_entrance_is_ours() -> None:
    """Who stood there for a minute came a minute ago, and that minute is our own share; the calendar says the same."""
    before_ns, record = time.time_ns(), Record("req_1", "generations", entrance_seconds=60)
    with record.timed("admit"):
        pass
    assert record.total_seconds > record.own_seconds > 60
    assert record.own_seconds - 60 == pytest.approx(record.seconds["admit"])
    assert before_ns <= record.started_at_ns + 60 * 10**9 <= time.time_ns()


def test_the_first_stage_that_fails_is_told() -> None:
    """What fails behind it, to clean up, is not where the request ended."""
    record = Record("req_1", "generations")
    assert record.stage == "settle"
    with record.timed("authenticate"):
        pass
    assert record.error_stage is None
    fail(record, "forward", "settle")
    assert record.stage == "forward"


def test_our_share_is_without_upstream_and_client() -> None:
    """Neither the exchange nor a wait is ours; waits are told by themselves, those that fail too."""
    record = Record("req_1", "generations")
    with record.timed("normalise"), record.waiting():
        pass
    with pytest.raises(KeyError), record.waiting():
        raise KeyError
    assert record.waited_seconds > 0
    record.seconds, record.waited_seconds = {"normalise": 3.0, "forward": 60.0, "settle": 1.0}, 2.5
    assert record.own_seconds == 1.5
    record.waited_seconds = 5.0
    assert record.own_seconds == 0.0


@pytest.mark.parametrize(
    ("trace", "noted"),
    [
        (None, []),
        (Trace(CALLER, CALLER), []),  # it passes through, and nothing of ours is kept in it
        (Trace(CALLER, CALLER.child()), ["quote", "admit"]),
    ],
)
def test_stays_are_noted_for_spans_alone(trace: Trace | None, noted: list[str]) -> None:
    """In the order of their ends, and only where somebody keeps them."""
    record = Record("req_1", "generations", trace)
    with record.timed("admit"), record.timed("quote"):
        pass
    assert [visit.stage for visit in record.visits] == noted
    assert all(record.started <= visit.started <= visit.ended for visit in record.visits)
