"""When a request is sent again: a pure decision on each failure."""

import itertools

import pytest

from app.errors import InvalidRequest, UpstreamUnavailable
from app.upstream.attempts import RESULT_OF_CAUSE, Result, Retries, RetryBudget, result_of
from app.upstream.failure import Cause, ExchangeFailed


def refused(cause: Cause, asked_seconds: float | None = None, *, nothing_made: bool = True) -> ExchangeFailed:
    """A refusal."""
    failure = ExchangeFailed(UpstreamUnavailable("no"), charged=False, cause=cause, nothing_made=nothing_made)
    failure.retry_after_seconds = asked_seconds
    return failure


def retries(most: int = 2, spread: float = 1.0) -> Retries:
    """A rule at a time that stands still."""
    return Retries(most, lambda: 0.0, lambda: spread)


def pause(
    rule: Retries,
    failure: ExchangeFailed,
    made: int = 0,
    *,
    left_seconds: float = 900,
    other_key: bool = False,
    key_is_out: bool = False,
) -> float | None:
    """The rule's answer."""
    return rule.pause_seconds(failure, made, left_seconds=left_seconds, other_key=other_key, key_is_out=key_is_out)


def test_pauses_grow_and_are_spread() -> None:
    """Full jitter: anything from nothing to a bound that doubles; no more attempts than allowed."""
    busy = refused(Cause.BUSY)

    assert [pause(retries(3), busy, made) for made in range(4)] == [0.25, 0.5, 1.0, None]
    assert [pause(retries(3, spread=0), busy, made) for made in range(4)] == [0, 0, 0, None]
    assert pause(retries(0), busy) is None


@pytest.mark.parametrize(
    ("asked", "left", "told"), [(2, 900, 2.25), (20, 900, None), (2, 2.2, None), (None, 0.2, None)]
)
def test_a_pause_is_never_shorter_than_asked_for(asked: float | None, left: float, told: float | None) -> None:
    """Retry-After is waited for where that is short and in time; else the client is told at once."""
    assert pause(retries(), refused(Cause.BUSY, asked), left_seconds=left) == told


@pytest.mark.parametrize("cause", [*Cause])
def test_what_may_have_made_a_picture_is_never_sent_again(cause: Cause) -> None:
    """The cause alone is no reason: an error inside a 200 may have one too."""
    assert pause(retries(), refused(cause, nothing_made=False), other_key=True, key_is_out=True) is None


@pytest.mark.parametrize("other_key", [True, False])
@pytest.mark.parametrize("cause", [*Cause])
def test_a_refusal_is_sent_again_where_that_can_help(cause: Cause, other_key: bool) -> None:
    """What the key is refused for needs another one; what we lack ourselves is not asked for again."""
    helps = {Cause.UNREACHABLE, Cause.BUSY, Cause.NO_CAPACITY} | (
        {Cause.ACCOUNT, Cause.NOT_PERMITTED} if other_key else set()
    )

    assert (pause(retries(), refused(cause), other_key=other_key) is not None) == (cause in helps)


def test_another_key_takes_over_at_once_and_free() -> None:
    """No pause, and nothing from the budget, when the refused key is out: it happens once for each key."""
    rule = retries()
    pauses = [pause(rule, refused(Cause.ACCOUNT, 30), other_key=True, key_is_out=True) for _ in range(100)]

    assert set(pauses) == {0.0}
    assert (rule.made[Cause.ACCOUNT], rule.over_budget) == (100, 0)


def test_retries_are_a_tenth_of_all_requests() -> None:
    """When every request is refused, retries add ten per cent, beyond the few that were saved up."""
    rule = retries()
    for _ in range(1000):
        rule.begin()
        pause(rule, refused(Cause.NO_CAPACITY))

    assert 100 <= rule.made.total() <= 100 + RetryBudget.MOST
    assert rule.made.total() + rule.over_budget == 1000


def test_time_pays_in_a_little() -> None:
    """A gateway with few requests may still retry now and then, and saves up no more than so many."""
    seconds = itertools.count(0.0, 1 / RetryBudget.PER_SECOND)
    budget = RetryBudget(lambda: next(seconds))
    assert all(budget.take() for _ in range(100))

    standing = RetryBudget(lambda: 0.0)
    for _ in range(1000):
        standing.pay_in()
    assert [standing.take() for _ in range(11)] == [True] * 10 + [False]


def test_every_cause_is_told_as_a_result() -> None:
    """A new cause has to be named for metrics and alerts, too; what has none is told by who is to blame."""
    assert RESULT_OF_CAUSE.keys() == set(Cause)
    assert result_of(None) is Result.ANSWERED
    assert result_of(refused(Cause.BUSY)) is Result.THROTTLED
    assert result_of(ExchangeFailed(UpstreamUnavailable("?"), charged=True)) is Result.UNKNOWN
    assert result_of(ExchangeFailed(UpstreamUnavailable("no"), charged=False)) is Result.FAILED
    assert result_of(ExchangeFailed(InvalidRequest("no"), charged=False)) is Result.REFUSED
