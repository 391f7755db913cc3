"""Every Prometheus collector: name, help, labels, buckets. Labels are bounded: catalog models, teams, stages, codes.

What is counted where it happens is a `Counter` or a `Histogram`; what somebody else already keeps is read when somebody
scrapes (`Reading`). The client library writes no native histograms, so buckets are chosen here.
"""

from collections import Counter as Sums
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Literal, Self

from msgspec import Struct
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

SLOW_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 45, 60, 90, 120, 180, 240, 300, 450, 600)
"""A high-quality picture takes two minutes (facts §6.5), so buckets reach the upstream's read deadline."""
OWN_SECONDS = (0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1)


class Durations(Struct, frozen=True):
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


class Reading(Collector):
    """Figures that somebody else keeps, asked for when somebody scrapes; what is not known has no series."""

    def __init__(
        self,
        kind: Literal["counter", "gauge"],
        name: str,
        told: str,
        label: str | None = None,
        *,
        registry: CollectorRegistry,
    ) -> None:
        self.kind, self.name, self.told, self.label = kind, name, told, label
        self.read: Callable[[], Mapping[str, float]] = dict
        """Asks for all figures at once, by their label."""
        self._asked: dict[str, Callable[[], float | None]] = {}
        registry.register(self)

    def read_one(self, read: Callable[[], float | None], label: str = "") -> None:
        """Register who is asked for the figure under this label; "" where there are none."""
        self._asked[label] = read

    def describe(self) -> Iterator[Metric]:
        """Its name, so that two of one name are refused; the registry asks so."""
        yield self._family()

    @override
    def collect(self) -> Iterator[Metric]:
        family = self._family()
        single = ((label, read()) for label, read in self._asked.items())
        for label, value in (*self.read().items(), *single):
            if value is not None:
                family.add_metric([label] if self.label else [], value)
        yield family

    def _family(self) -> CounterMetricFamily | GaugeMetricFamily:
        family = CounterMetricFamily if self.kind == "counter" else GaugeMetricFamily
        return family(self.name, self.told, labels=[self.label] if self.label else [])


class _Labelled(MetricWrapperBase):
    """Keeps its series at hand by their labels: the library takes a lock and writes each label anew, every time."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._at_hand: dict[tuple[object, ...], Self] = {}

    @override
    def labels(self, *labelvalues: object, **labelkwargs: object) -> Self:
        found = self._at_hand.get(labelvalues)
        if found is None:
            found = super().labels(*labelvalues, **labelkwargs)
            if not labelkwargs:
                self._at_hand[labelvalues] = found
        return found


class LabelledCounter(_Labelled, Counter):
    """A counter whose series are found at once."""


class LabelledHistogram(_Labelled, Histogram):
    """A histogram whose series are found at once."""


class Metrics:
    """The collectors of one process, in a registry of their own: one process is one replica and one scrape target.

    ``by_key`` gives what was bought a label for the virtual key, too: a series for each key and model.
    """

    def __init__(self, version: str, catalog_version: str, *, by_key: bool = False) -> None:
        # A start time per series doubles the scrape and tells nobody anything.
        disable_created_metrics()  # type: ignore[no-untyped-call] # ships without a type
        self.registry = CollectorRegistry()
        self.by_key = by_key
        self._requests()
        self._money(("team", "model", "key") if by_key else ("team", "model"))
        self._times()
        self._upstream()
        self._store()
        self._places()
        self.build = Info("imagegate_build", "The running version and its catalog.", registry=self.registry)
        self.build.info({"version": version, "catalog": catalog_version})
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

    def _requests(self) -> None:
        counter, reading = partial(LabelledCounter, registry=self.registry), partial(Reading, registry=self.registry)
        self.requests = counter(
            "imagegate_requests",
            "Image requests by the stage they ended in and their code (`ok`, or the error's code).",
            ("model", "stage", "code"),
        )
        self.http_requests = counter(
            "imagegate_http_requests",
            "HTTP requests of both doors by the template of their route (`other`: none) and status.",
            ("route", "status"),
        )
        self.refusals = counter(
            "imagegate_refusals", "Requests refused before admission (4xx), by error code.", ("reason",)
        )
        self.wrong_credentials = counter(
            "imagegate_wrong_credentials",
            "Keys and tokens sent that are none, by how that was answered: at_once, delayed, refused (429).",
            ("door", "answer"),
        )
        self.in_flight = reading(
            "gauge", "imagegate_in_flight_requests", "Image requests and quotes that have a place."
        )
        self.waiting = reading("gauge", "imagegate_waiting_requests", "Requests that wait for a place.")
        self.tasks = reading("gauge", "imagegate_tasks", "Tasks of the event loop.")
        self.in_flight_limit = reading("gauge", "imagegate_in_flight_limit", "Image requests there may be at once.")
        self.queue = reading("gauge", "imagegate_queue_requests", "Image requests that wait for their turn.")
        self.joins = reading("gauge", "imagegate_joins_waiting", "Requests that wait for the end of an earlier one.")

    def _money(self, labels: tuple[str, ...]) -> None:
        counter, reading = partial(LabelledCounter, registry=self.registry), partial(Reading, registry=self.registry)
        self.tokens = counter(
            "imagegate_tokens",
            "Tokens settled, by modality: text_input, image_input, text_output, image_output.",
            (*labels, "kind"),
        )
        self.images = counter("imagegate_images", "Pictures delivered.", labels)
        self.image_sizes = counter(
            "imagegate_image_sizes", "Pictures delivered, by size class and quality.", ("model", "size", "quality")
        )
        self.spend = counter("imagegate_spend_dollars", "Money settled, in US dollars.", labels)
        self.unknown = counter(
            "imagegate_unknown_outcomes", "Requests charged without knowing what became of them.", ("model",)
        )
        self.above_quote = counter(
            "imagegate_quotes_exceeded", "True costs above the quote: a bug in a model profile.", ("model",)
        )
        self.bad_usage = counter(
            "imagegate_bad_usages",
            "Answers whose usage is missing or cannot be believed: charged at the quote.",
            ("model",),
        )
        self.held = reading("gauge", "imagegate_held_dollars", "Money held for requests under way.", "team")
        self.budget_used = reading(
            "gauge", "imagegate_budget_used_ratio", "Spent and held of the budget's current period, 1 is all.", "team"
        )
        self.teams_read = reading("gauge", "imagegate_teams_read", "Teams that held money and budgets are told of.")

    def _times(self) -> None:
        histogram = partial(LabelledHistogram, registry=self.registry)
        self.request_seconds = histogram(
            "imagegate_request_seconds",
            "Time of an image request, first byte in to last byte out.",
            ("model", "outcome"),
            buckets=SLOW_SECONDS,
        )
        self.queue_seconds = histogram(
            "imagegate_queue_seconds", "How long requests waited for their turn.", buckets=SLOW_SECONDS
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
        self.store_seconds = histogram(
            "imagegate_store_seconds",
            "Round trips to Redis, each with all commands of its moment.",
            buckets=OWN_SECONDS,
        )

    def _upstream(self) -> None:
        reading = partial(Reading, registry=self.registry)
        self.upstream_attempts = reading(
            "counter", "imagegate_upstream_attempts", "Requests sent upstream, by what came of them.", "result"
        )
        self.upstream_keys = reading(
            "gauge", "imagegate_upstream_keys", "Upstream keys that are ready, resting or refused.", "state"
        )
        self.upstream_balance = reading(
            "gauge", "imagegate_upstream_balance_dollars", "What is left of the account upstream."
        )

    def _store(self) -> None:
        reading = partial(Reading, registry=self.registry)
        self.store_up = reading("gauge", "imagegate_store_up", "1 where the last round trip to Redis was answered.")
        self._is_store_up: bool | None = None
        self.store_up.read_one(lambda: self._is_store_up)
        self.store_errors = reading("counter", "imagegate_store_errors", "Failed round trips to Redis.")
        self.store_circuit = reading("gauge", "imagegate_store_circuit_open", "1 while Redis is not even asked.")
        self.store_memory = reading("gauge", "imagegate_store_memory_bytes", "Memory used by the fullest Redis server.")
        self.store_memory_limit = reading(
            "gauge", "imagegate_store_memory_limit_bytes", "What that server may use: maxmemory, else its machine's."
        )
        self.failovers = reading(
            "counter", "imagegate_failovers", "Times Redis was not what it had been: a failover, or a restart."
        )
        self.restored = reading(
            "counter",
            "imagegate_restored_resolutions",
            "Resolutions Redis had lost and that were written again; meanwhile budgets had that much too much left.",
        )
        self.archive_runs = Counter(
            "imagegate_archive_runs",
            "Looks for ledger entries to archive, by result.",
            ("result",),
            registry=self.registry,
        )

    def _places(self) -> None:
        reading = partial(Reading, registry=self.registry)
        self.journal_records = reading("gauge", "imagegate_journal_records", "Resolutions on disk, waiting for Redis.")
        self.kept_files = reading("gauge", "imagegate_kept_files", "Files kept, by place: results, images.", "place")
        self.kept_bytes = reading("gauge", "imagegate_kept_bytes", "Bytes kept, by place: results, images.", "place")

    def saw_round_trip(self, seconds: float, is_served: bool) -> None:
        """Take note of a round trip to Redis."""
        self.store_seconds.observe(seconds)
        self._is_store_up = is_served

    def request_durations(self) -> Durations:
        """How long the image requests of this process took."""
        buckets: Sums[float] = Sums()
        for sample in next(iter(self.request_seconds.collect())).samples:
            if sample.name.endswith("_bucket"):
                buckets[float(sample.labels["le"])] += int(sample.value)
        return Durations(tuple(sorted(buckets.items())))
