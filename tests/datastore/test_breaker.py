"""The breaker as a state machine over a clock that the test holds."""

from app.datastore.breaker import Breaker


def test_three_failures_in_a_row_open_it_and_one_success_starts_the_count_anew() -> None:
    """Single failures among successes never open it."""
    breaker = Breaker(failures_to_open=3)
    for _ in range(5):
        breaker.failed(0)
        breaker.failed(0)
        assert breaker.allows(0)
        breaker.succeeded()
    for _ in range(3):
        assert breaker.allows(0)
        breaker.failed(0)
    assert not breaker.allows(0)


def test_an_open_breaker_lets_one_try_after_its_pause() -> None:
    """After the pause one passes and all others wait for its outcome; its failure opens for another pause."""
    breaker = Breaker(failures_to_open=1, open_seconds=1.0)
    breaker.failed(10.0)
    assert not breaker.allows(10.9)
    assert breaker.allows(11.0)
    assert not breaker.allows(11.1)
    breaker.failed(11.2)
    assert not breaker.allows(12.1)
    assert breaker.allows(12.2)


def test_the_success_of_the_try_closes_it() -> None:
    """Then everything passes, and it takes as many failures as before to open it."""
    breaker = Breaker(failures_to_open=2, open_seconds=1.0)
    breaker.failed(0)
    breaker.failed(0)
    assert breaker.allows(1.0)
    breaker.succeeded()
    assert breaker.allows(1.0)
    assert breaker.allows(1.0)
    breaker.failed(1.0)
    assert breaker.allows(1.0)


def test_it_says_when_to_ask_again() -> None:
    """What is left of the pause, never nothing: a caller that waits as told finds it willing to try."""
    breaker = Breaker(failures_to_open=1, open_seconds=1.0)
    breaker.failed(10.0)
    assert breaker.retry_after_seconds(10.25) == 0.75
    assert breaker.retry_after_seconds(15.0) == 0.1
