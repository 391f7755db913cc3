"""Metrics: figures read when somebody scrapes, and labels that stay few."""

import pytest
from prometheus_client import generate_latest

from app.gateway.recorder import size_class
from app.metrics import Metrics
from tests.support.scraping import read_samples


@pytest.mark.parametrize(
    ("size", "told"),
    [
        ("1024x1024", "1mp"),
        ("512x512", "1mp"),
        ("1536x1024", "2mp"),
        ("1664*928", "2mp"),
        ("2048x2048", "4mp"),
        ("3840x2160", "8mp"),
        ("8192x8192", "more"),
        ("auto", "auto"),
        ("", "other"),
        ("2K", "other"),
        ("x", "other"),
        ("1024x1024x9", "other"),
        ("9" * 5000 + "x1", "other"),
    ],
)
def test_sizes_have_few_classes(size: str, told: str) -> None:
    """Any size a caller can write is one of seven words."""
    assert size_class(size) == told


def test_a_series_is_found_again() -> None:
    """By the same labels it is the same one, whatever they are and however they are given; others are others."""
    metrics = Metrics("0", "0")
    metrics.http_requests.labels("/", 200).inc()
    metrics.http_requests.labels("/", 200).inc()
    metrics.http_requests.labels("/", "200").inc()
    metrics.http_requests.labels(route="/", status=200).inc()
    metrics.http_requests.labels("/", 404).inc()
    samples = read_samples(generate_latest(metrics.registry).decode())
    assert samples.of("imagegate_http_requests_total", route="/", status="200") == 4
    assert samples.of("imagegate_http_requests_total", route="/", status="404") == 1
    with pytest.raises(ValueError, match="label count"):
        metrics.http_requests.labels("/")


def test_what_is_not_known_has_no_series() -> None:
    """A reading that nobody answers, or that is answered with None, is absent rather than 0."""
    metrics = Metrics("0", "0")
    metrics.upstream_balance.read_one(lambda: None)
    samples = read_samples(generate_latest(metrics.registry).decode())
    assert "imagegate_upstream_balance_dollars" not in samples.names()
    assert "imagegate_queue_requests" not in samples.names()
    metrics.upstream_balance.read_one(lambda: 12.5)
    samples = read_samples(generate_latest(metrics.registry).decode())
    assert samples.of("imagegate_upstream_balance_dollars") == 12.5


def test_readings_under_labels() -> None:
    """Figures by label come from one answer or from one each."""
    metrics = Metrics("0", "0")
    metrics.upstream_keys.read = lambda: {"ready": 2, "refused": 1}
    metrics.kept_bytes.read_one(lambda: 7, "results")
    metrics.kept_bytes.read_one(lambda: 8, "images")
    samples = read_samples(generate_latest(metrics.registry).decode())
    assert samples.of("imagegate_upstream_keys", state="ready") == 2
    assert samples.of("imagegate_kept_bytes", place="images") == 8


def test_a_counter_that_is_read_is_a_counter() -> None:
    """What somebody else counts is told as a counter, with the ending that has."""
    metrics = Metrics("0", "0")
    metrics.store_errors.read_one(lambda: 3)
    text = generate_latest(metrics.registry).decode()
    assert "# TYPE imagegate_store_errors_total counter" in text
    assert read_samples(text).of("imagegate_store_errors_total") == 3


def test_the_last_round_trip_says_whether_redis_is_up() -> None:
    """Nothing is told before the first; then 1 or 0, and every round trip is timed."""
    metrics = Metrics("0", "0")
    assert "imagegate_store_up" not in read_samples(generate_latest(metrics.registry).decode()).names()
    for is_served in (True, False):
        metrics.saw_round_trip(0.003, is_served)
        samples = read_samples(generate_latest(metrics.registry).decode())
        assert samples.of("imagegate_store_up") == is_served
    assert samples.of("imagegate_store_seconds_count") == 2
