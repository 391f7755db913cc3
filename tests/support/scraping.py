"""What a gateway tells Prometheus, as a test asks for it."""

from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True, slots=True)
class Samples:
    """The samples of one scrape: name and labels with their value."""

    values: dict[tuple[str, frozenset[tuple[str, str]]], float]

    def names(self) -> set[str]:
        """The names that have a sample."""
        return {name for name, _ in self.values}

    def of(self, name: str, **labels: str) -> float:
        """The sum over every series of that name with these labels, whatever others it has; 0 without any."""
        wanted = set(labels.items())
        return sum(value for (found, of), value in self.values.items() if found == name and wanted <= of)


def read_samples(text: str) -> Samples:
    """The samples of a scrape's text."""
    return Samples(
        {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
    )


async def scrape(address: str) -> Samples:
    """Scrape a gateway of this machine."""
    async with httpx.AsyncClient(base_url=address, timeout=30) as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 200, answer.text
    return read_samples(answer.text)
