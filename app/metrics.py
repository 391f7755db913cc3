"""Every Prometheus collector: name, help, labels, buckets. Labels are bounded: catalog models, teams, stages, codes."""

from collections import Counter as Sums
from dataclasses import dataclass
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, disable_created_metrics

SLOW_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 45, 60, 90, 120, 180, 240, 300, 450, 600)
"""A high-quality picture takes two minutes (facts §6.5), so buckets reach the upstream's read deadline."""
OWN_SECONDS = (0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1)


@dataclass(frozen=True, slots=True)
class Durations:
    """How many things took at most so many seconds: the buckets of a histogram, all its labels together."""

    buckets: tuple[tuple[float, int], ...]
    """Upper bound in seconds and how many lie at or below it, ascending; the last is all."""

    @property
    def number(self) -> int:
        """How many there are."""
        return self.buckets[-1][1] if self.buckets else 0

    def within(self, share: float) -> float | None:
        """The seconds within which that share of them lay, evenly spread inside a bucket; None without any.

        What lies beyond the last bound is told as that bound, as Prometheus does it.
        """
        wanted = share * self.number
        below, floor = 0, 0.0
        for bound, number in self.buckets:
            if number and number >= wanted:
                return floor if bound == float("inf") else floor + (bound - floor) * (wanted - below) / (number - below)
            below, floor = number, bound
        return None


class Metrics:
    """The collectors of one process, in a registry of their own: one process is one replica and one scrape target."""

    def __init__(self, version: str, catalog_version: str) -> None:
        # A start time per series doubles the scrape and tells nobody anything.
        disable_created_metrics()  # type: ignore[no-untyped-call] # ships without a type
        self.registry = CollectorRegistry()
        counter, gauge = partial(Counter, registry=self.registry), partial(Gauge, registry=self.registry)
        histogram = partial(Histogram, registry=self.registry)
        self.requests = counter(
            "imagegate_requests",
            "Image requests by the stage they ended in and their code (`ok`, or the error's code).",
            ("model", "stage", "code"),
        )
        self.tokens = counter(
            "imagegate_tokens",
            "Tokens settled, by modality: text_input, image_input, text_output, image_output.",
            ("team", "model", "kind"),
        )
        self.images = counter("imagegate_images", "Pictures delivered.", ("team", "model"))
        self.spend = counter("imagegate_spend_dollars", "Money settled, in US dollars.", ("team", "model"))
        self.refusals = counter(
            "imagegate_refusals", "Requests refused before admission (4xx), by error code.", ("reason",)
        )
        self.wrong_credentials = counter(
            "imagegate_wrong_credentials",
            "Keys and tokens sent that are none, by how that was answered: at_once, delayed, refused (429).",
            ("door", "answer"),
        )
        self.unknown = counter(
            "imagegate_unknown_outcomes", "Requests charged without knowing what became of them.", ("model",)
        )
        self.above_quote = counter(
            "imagegate_quotes_exceeded", "True costs above the quote: a bug in a model profile.", ("model",)
        )
        self.in_flight = gauge("imagegate_in_flight_requests", "Image requests under way.")
        self.request_seconds = histogram(
            "imagegate_request_seconds",
            "Time of an image request, first byte in to last byte out.",
            ("model", "outcome"),
            buckets=SLOW_SECONDS,
        )
        self.first_byte_seconds = histogram(
            "imagegate_upstream_first_byte_seconds",
            "Time from dispatch to the upstream's first byte.",
            ("model",),
            buckets=SLOW_SECONDS,
        )
        self.overhead_seconds = histogram(
            "imagegate_overhead_seconds",
            "Our own share of a request: everything but waiting for the client's body and the upstream.",
            buckets=OWN_SECONDS,
        )
        self.store_errors = gauge("imagegate_store_errors", "Failed round trips to Redis since the start.")
        self.journal_records = gauge("imagegate_journal_records", "Resolutions on disk, waiting for Redis.")
        self.build = Info("imagegate_build", "The running version and its catalog.", registry=self.registry)
        self.build.info({"version": version, "catalog": catalog_version})

    def request_durations(self) -> Durations:
        """How long the image requests of this process took."""
        buckets: Sums[float] = Sums()
        for sample in next(iter(self.request_seconds.collect())).samples:
            if sample.name.endswith("_bucket"):
                buckets[float(sample.labels["le"])] += int(sample.value)
        return Durations(tuple(sorted(buckets.items())))
