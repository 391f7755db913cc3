"""Bad inputs, played over real connections: each gets what docs/hostile-inputs.md says, and costs nothing."""

import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typing_extensions import override

from app.simulator.server import Simulator
from tests.hostile.bad_inputs import GROUPS, PAGE, catalogue, catalogue_on_page
from tests.hostile.bad_inputs_row import BOAT, Line, Row, post
from tests.hostile.bad_inputs_stage import GUIDE_HOST, Answer, Stage, play, standing_stage
from tests.support.gateway import Gateway, running_gateway
from tests.support.waiting import until

LIMITS = {
    "image_url_hosts": "*",
    "fetch_networks": f"{GUIDE_HOST}/32",
    "max_upload_bytes": 4_000_000,
    "max_image_bytes": 1_000_000,
    "fetch_seconds": 0.5,
}
HASTE = {"head_seconds": 1, "body_seconds": 1, "upload_seconds": 1}
GOOD = post(BOAT)


class RequestLines(logging.Handler):
    """The lines of requests, as they are logged."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.found: list[dict[str, object]] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(record.__dict__["fields"])


@pytest.fixture
def lines() -> Iterator[RequestLines]:
    logger, handler = logging.getLogger("imagegate.request"), RequestLines()
    before = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(before)


@dataclass(slots=True)
class Theatre:
    """A gateway, what it says, and who pays."""

    gateway: Gateway
    stage: Stage
    lines: RequestLines
    team_id: str
    key: str
    good_key: str

    @property
    def port(self) -> int:
        return int(self.gateway.address.rsplit(":", 1)[1])

    def counted(self, status: int) -> float:
        """HTTP requests with this status, on whatever route."""
        family = next(iter(self.gateway.services.metrics.http_requests.collect()))
        told = [one for one in family.samples if one.name.endswith("_total")]
        return sum(one.value for one in told if one.labels["status"] == str(status))

    async def entries(self) -> int:
        """In the ledger of whoever is hostile here, with what is held."""
        standing = await self.gateway.services.usage.standing(self.team_id)
        return len(await self.gateway.entries(self.team_id)) + len(standing.held)

    async def play(self, row: Row) -> Iterator[str]:
        """Play a row; what is not as it should be."""
        gateway, entries = self.gateway, await self.entries()
        before, exchanges = self.counted(row.status), gateway.simulator.exchanges
        self.lines.found.clear()
        answer = await play(self.port, self.stage.set(row, self.key), row.drip_seconds)
        wanted = 1 if row.line is Line.LOGGED else 0

        async def told() -> bool:
            return len(self.lines.found) >= wanted and self.counted(row.status) > before

        with contextlib.suppress(TimeoutError):
            await until(told, seconds=2)
        good = await play(self.port, self.stage.set(Row("", GOOD, 200), self.good_key))
        found = list(self.lines.found)
        faults = [*self._wrong_answer(row, answer), *self._wrong_lines(row, answer, found[:-1])]
        if self.counted(row.status) != before + 1 + (row.status == 200):
            faults.append(f"counted {self.counted(row.status) - before:g} times")
        if gateway.simulator.exchanges != exchanges + row.sent_on + 1:
            faults.append(f"{gateway.simulator.exchanges - exchanges - 1} exchanges upstream")
        if await self.entries() != entries + row.sent_on:
            faults.append("the books are touched")
        if good.status != 200:
            faults.append(f"a good request is not served after it: {good.status} {good.body[:200]!r}")
        return iter(faults)

    def _wrong_answer(self, row: Row, answer: Answer) -> Iterator[str]:
        error = answer.error
        if (answer.status, error.get("code", "")) != (row.status, row.code):
            yield f"answered {answer.status} {answer.body[:300]!r}"
        if row.code and (error.keys() != {"message", "type", "param", "code"} or not error["message"]):
            yield f"not in OpenAI's form: {answer.body[:300]!r}"
        if answer.rest:
            yield f"a second answer: {answer.rest[:100]!r}"
        if answer.status and not answer.headers.get("x-request-id", "").startswith("req_"):
            yield "no x-request-id"

    def _wrong_lines(self, row: Row, answer: Answer, found: list[dict[str, object]]) -> Iterator[str]:
        told = [(line["request_id"], line["status"], line["code"]) for line in found]
        wanted = [(answer.headers.get("x-request-id"), row.status, row.code or "ok")] if row.line is Line.LOGGED else []
        if told != wanted:
            yield f"logged {told}"


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator() as running:
        yield running


@pytest.mark.parametrize("group", GROUPS)
async def test_every_row_is_as_the_page_says(
    redis_url: str, tmp_path: Path, simulator: Simulator, lines: RequestLines, group: str
) -> None:
    """Each bad input gets its answer in OpenAI's form, is logged and counted once, and costs nobody anything.

    Nothing is held or forwarded, no trap is walked into, and the next request is served as ever.
    """
    limits = LIMITS | (HASTE if group == "Slow ones" else {})
    async with (
        standing_stage() as stage,
        running_gateway(redis_url, tmp_path, simulator, background=False, **limits) as gateway,
    ):
        team = await gateway.new_team()
        key, good_key = await gateway.new_key(team), await gateway.new_key(await gateway.new_team())
        theatre = Theatre(gateway, stage, lines, team.id, key, good_key)
        faults = [f"{row.tried}: {fault}" for row in GROUPS[group] for fault in await theatre.play(row)]

    assert not faults, "\n".join(["", *faults])
    assert stage.visits == 0


def test_the_page_has_these_rows() -> None:
    """docs/hostile-inputs.md has the catalogue as it is played; `make lists` writes it there."""
    assert catalogue_on_page(PAGE.read_text(encoding="utf-8")) == catalogue()
