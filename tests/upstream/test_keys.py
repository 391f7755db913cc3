"""Which key is used, and when one is out: decided from what came, with a clock of the test's own."""

import logging

import pytest

from app.errors import GatewayError, InvalidRequest, LimitExceeded, UpstreamFailed, UpstreamUnavailable, UpstreamUnknown
from app.upstream.failure import Cause, ExchangeFailed
from app.upstream.keys import (
    FAILURES_IN_A_ROW,
    NOTHING_GOOD_SECONDS,
    PROBE_SECONDS,
    State,
    Trouble,
    UpstreamKeys,
    split_keys,
)

SECRETS = ("sk-first", "sk-second", "sk-third")


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def failure(error: GatewayError, cause: Cause | None = None, after: float | None = None) -> ExchangeFailed:
    """A failure as an exchange ends in it."""
    failed = ExchangeFailed(
        error, charged=isinstance(error, UpstreamUnknown), cause=cause, nothing_made=cause is not None
    )
    failed.retry_after_seconds = after
    return failed


REFUSED = failure(UpstreamUnavailable("no"), Cause.ACCOUNT)
BUSY = failure(LimitExceeded("no"), Cause.BUSY)
LOST = failure(UpstreamUnknown("no"))


@pytest.fixture
def clock() -> Clock:
    """The clock of the keys."""
    return Clock()


@pytest.fixture
def keys(clock: Clock) -> UpstreamKeys:
    """Three keys whose cool-downs have no jitter."""
    return UpstreamKeys(SECRETS, clock, spread=lambda: 0.0)


def use(keys: UpstreamKeys, came: ExchangeFailed | None) -> str:
    """Use a key once; which one it was."""
    turn = keys.choose()
    assert turn is not None
    keys.note(turn, came)
    return turn.key.secret


def test_the_first_key_that_works_is_used(keys: UpstreamKeys) -> None:
    """The order is the operator's; a refused key is passed over, one that came back is first again."""
    assert [use(keys, None), use(keys, REFUSED), use(keys, REFUSED), use(keys, None)] == [
        "sk-first",
        "sk-first",
        "sk-second",
        "sk-third",
    ]
    assert list(keys.states.values()) == [State.OPEN, State.OPEN, State.CLOSED]


def test_one_that_refused_this_request_is_avoided(keys: UpstreamKeys) -> None:
    """Another key goes first, and the avoided one again only when there is no other."""
    first = keys.choose()
    assert first is not None
    other = keys.choose([first.key])
    assert other is not None
    assert (first.key.secret, other.key.secret) == ("sk-first", "sk-second")
    for _ in range(2):
        use(keys, None if keys.state(first.key) is State.OPEN else REFUSED)
    alone = UpstreamKeys(["sk-only"], lambda: 0.0)
    only = alone.choose()
    assert only is not None
    assert alone.choose([only.key]) == only


def test_a_key_comes_back_by_its_first_success(keys: UpstreamKeys, clock: Clock) -> None:
    """After its time one request tries it; while that is under way the others use the next key."""
    use(keys, REFUSED)
    clock.now += 30
    probe, meanwhile = keys.choose(), keys.choose()
    assert probe is not None
    assert meanwhile is not None
    assert (probe.key.secret, meanwhile.key.secret) == ("sk-first", "sk-second")
    keys.note(probe, None)

    assert keys.state(probe.key) is State.CLOSED
    assert use(keys, None) == "sk-first"


def test_a_try_that_never_reports_locks_nobody_out(clock: Clock) -> None:
    """The try of a lone key is a lease: some seconds later the next request may try too."""
    keys = UpstreamKeys(["sk-only"], clock, spread=lambda: 0.0)
    use(keys, REFUSED)
    clock.now += 30
    assert keys.choose() is not None
    assert keys.choose() is None
    assert keys.back_in_seconds() == PROBE_SECONDS
    clock.now += PROBE_SECONDS

    assert use(keys, None) == "sk-only"


@pytest.mark.parametrize("cause", [Cause.UNREACHABLE, Cause.NO_CAPACITY, Cause.BUSY])
def test_a_try_that_decides_nothing_is_the_next_one_s(clock: Clock, cause: Cause) -> None:
    """Neither back nor out for longer: another request, or the same one again, tries at once."""
    keys = UpstreamKeys(["sk-only"], clock, spread=lambda: 0.0)
    use(keys, REFUSED)
    clock.now += 30
    use(keys, failure(UpstreamUnavailable("no"), cause))

    assert keys.states == {"key 1 of 1": State.HALF_OPEN}
    assert keys.back_in_seconds() == 0


def test_the_cool_down_grows(clock: Clock) -> None:
    """Each failed try doubles it up to ten minutes; after a success it begins anew."""
    keys = UpstreamKeys(["sk-only"], clock, spread=lambda: 0.0)
    seen = []
    for came in (REFUSED,) * 7:
        use(keys, came)
        seen.append(keys.back_in_seconds() or 0)
        clock.now += seen[-1]
    use(keys, None)
    use(keys, REFUSED)

    assert seen == [30, 60, 120, 240, 480, 600, 600]
    assert keys.back_in_seconds() == 30


def test_jitter_makes_it_longer(clock: Clock) -> None:
    """Replicas that lost a key together do not come back together."""
    keys = UpstreamKeys(["sk-only"], clock, spread=lambda: 1.0)
    use(keys, REFUSED)

    assert keys.back_in_seconds() == 37.5


def test_a_429_hands_over_only_where_somebody_is(keys: UpstreamKeys) -> None:
    """Key after key is busy; the last one stays, because its 429 may be about one model."""
    used = [use(keys, BUSY) for _ in range(4)]

    assert used == ["sk-first", "sk-second", "sk-third", "sk-third"]
    assert keys.back_in_seconds() == 0


def test_retry_after_is_honoured(keys: UpstreamKeys, clock: Clock) -> None:
    """A busy key is out for as long as it asked."""
    use(keys, failure(LimitExceeded("no"), Cause.BUSY, after=20))
    clock.now += 19
    assert use(keys, None) == "sk-second"
    clock.now += 1

    assert use(keys, None) == "sk-first"


@pytest.mark.parametrize("came", [LOST, failure(UpstreamFailed("no"))], ids=["lost", "failed"])
def test_failures_in_a_row_open_the_breaker(keys: UpstreamKeys, clock: Clock, came: ExchangeFailed) -> None:
    """So many in a row and not one less; any answer between them counts from the start."""
    for _ in range(FAILURES_IN_A_ROW - 1):
        use(keys, came)
    use(keys, failure(InvalidRequest("no")))
    clock.now += NOTHING_GOOD_SECONDS
    for _ in range(FAILURES_IN_A_ROW):
        assert use(keys, came) == "sk-first"

    assert use(keys, came) == "sk-second"
    assert keys.ejections == {("key 1 of 3", Trouble.FAILING): 1}


def test_a_key_that_still_brings_pictures_stays(keys: UpstreamKeys, clock: Clock) -> None:
    """Many requests and one failure in two: runs of failures are chance as long as something good came lately."""
    for _ in range(20):
        use(keys, None)
        clock.now += NOTHING_GOOD_SECONDS / 2
        assert {use(keys, LOST) for _ in range(2 * FAILURES_IN_A_ROW)} == {"sk-first"}


@pytest.mark.parametrize("cause", [Cause.UNREACHABLE, Cause.CROWDED, Cause.NO_CAPACITY, Cause.NOT_PERMITTED])
def test_what_is_not_about_the_key_takes_none_out(keys: UpstreamKeys, cause: Cause) -> None:
    """A connection that fails, and a model without a channel, are nobody's key's fault."""
    came = failure(UpstreamUnavailable("no"), cause)

    assert {use(keys, came) for _ in range(20)} == {"sk-first"}


def test_a_loss_that_the_taker_may_have_brought_about_tells_nothing(keys: UpstreamKeys, clock: Clock) -> None:
    """Neither good nor bad: it takes no key out, ends no row of failures, and the next request may try the key."""
    held_up = failure(UpstreamUnknown("no"))
    held_up.held_up = True
    assert {use(keys, held_up) for _ in range(20)} == {"sk-first"}
    came = [LOST, held_up] * FAILURES_IN_A_ROW
    assert [use(keys, one) for one in came[:-1]] == ["sk-first"] * (len(came) - 1)
    assert use(keys, LOST) == "sk-second"

    alone = UpstreamKeys(["sk-only"], clock, spread=lambda: 0.0)
    use(alone, REFUSED)
    clock.now += 30
    use(alone, held_up)
    assert list(alone.states.values()) == [State.HALF_OPEN]


def test_late_news_counts_once(clock: Clock) -> None:
    """A hundred requests under way with a key that is refused take it out once, and old successes do not restore it."""
    keys = UpstreamKeys(["sk-only"], clock, spread=lambda: 0.0)
    turns = [turn for _ in range(100) if (turn := keys.choose())]
    for turn in turns[:-1]:
        keys.note(turn, REFUSED)
    keys.note(turns[-1], None)

    assert keys.back_in_seconds() == 30
    assert keys.choose() is None
    assert keys.ejections.total() == 1


def test_without_a_key_there_is_no_turn(clock: Clock) -> None:
    """No key, no request, and nothing to wait for."""
    keys = UpstreamKeys((), clock)

    assert (keys.choose(), keys.back_in_seconds()) == (None, None)


def test_the_log_says_it_once_and_never_the_key(
    keys: UpstreamKeys, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Out and back are logged once each, by position; a refused account is an error, for a person has to act."""
    caplog.set_level(logging.INFO)
    for _ in range(2):
        use(keys, REFUSED)
        clock.now += 60
    use(keys, BUSY)
    clock.now += 60
    for _ in range(3):
        use(keys, None)

    assert [(record.levelname, record.getMessage().partition(":")[0]) for record in caplog.records] == [
        ("ERROR", "upstream key 1 of 3 is out"),
        ("WARNING", "upstream key 1 of 3 is out"),
        ("INFO", "upstream key 1 of 3 is back"),
    ]
    assert "sk-" not in caplog.text + repr(keys.choose()) + repr(keys.states)


def test_keys_of_a_setting() -> None:
    """Between commas, each once, in order; blanks and empty ones are left out."""
    assert split_keys("sk-b, sk-a,,sk-b,") == ("sk-b", "sk-a")
    assert split_keys("") == ()
