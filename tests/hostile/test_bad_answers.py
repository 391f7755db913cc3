"""The table in docs/hostile-answers.md, row by row against a gateway whose upstream is a raw server."""

import asyncio
import base64
import io
import json
import logging
import os
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image

from app.ledger.models import Entry
from app.logs import JsonFormatter, TextFormatter
from app.simulator.server import Simulator
from tests.hostile.bad_answers import CHAPTERS, PAGE, Chapter, answer_table, table_on_page
from tests.hostile.bad_answers_row import CUT, UPSTREAM_KEY, Charge, Row, answer, whole
from tests.hostile.raw_upstream import RawUpstream, asking_for
from tests.support.gateway import Gateway, running_gateway
from tests.support.scraping import scrape
from tests.support.waiting import until

BOAT: dict[str, Any] = {"model": "gpt-image-2", "size": "1024x1024", "quality": "low"}
GOOD_PICTURE = "Z29vZA=="
GOOD = whole(answer(data=[{"b64_json": GOOD_PICTURE}]))
LETTERS = UPSTREAM_KEY.removeprefix("sk-")
NEEDLES = (LETTERS, *(base64.b64encode(b" " * shift + LETTERS.encode())[4:-4].decode() for shift in range(3)))
"""What no reader may find: the key, and what base64 makes of it wherever in a triple it begins."""


@dataclass
class Seen:
    """What one client has of one answer."""

    gets: str
    request_id: str
    everything: bytes
    """Heads and bodies, and what it can ask about the request afterwards."""


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """Stands by: the gateway is pointed elsewhere."""
    async with Simulator() as running:
        yield running


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """A model that hands out links, with a price and hosts that are believed."""
    folder = tmp_path / "catalog"
    folder.mkdir()
    (folder / "dall-e-3.toml").write_text(
        'extends = "dall-e-3"\n[price]\nper_image = "0.04"\nsource = "the tests"\n'
        '[links]\nhosts = ["127.0.0.1", "169.254.169.254", "0.0.0.0"]\nsource = "the tests"\n'
    )
    return folder


def picture_of_noise() -> bytes:
    """Eight megabytes nothing can compress."""
    edge, file = 1660, io.BytesIO()
    Image.frombytes("RGB", (edge, edge), os.urandom(3 * edge * edge)).save(file, "PNG", compress_level=0)
    return file.getvalue()


async def asked(client: httpx.AsyncClient, prompt: str, asks: dict[str, Any]) -> Seen:
    """Ask for a picture, and read the answer however it ends."""
    body = BOAT | asks | {"prompt": prompt}
    if body.pop("image", None):
        files = {"image": ("noise.png", picture_of_noise(), "image/png")}
        request = client.build_request("POST", "/v1/images/edits", data=body, files=files)
    else:
        request = client.build_request("POST", "/v1/images/generations", json=body)
    head = await client.send(request, stream=True)
    request_id, read = head.headers["x-request-id"], bytearray(str(head.headers.raw).encode())
    try:
        async for piece in head.aiter_raw():
            read += piece
    except httpx.RemoteProtocolError:
        return Seen(CUT, request_id, bytes(read))
    finally:
        await head.aclose()
    text = bytes(read[len(str(head.headers.raw).encode()) :])
    return Seen(await described(client, head, text), request_id, bytes(read))


async def described(client: httpx.AsyncClient, head: httpx.Response, body: bytes) -> str:
    """A whole answer in the words of the table; anything but OpenAI's form fails here."""
    if head.headers["content-type"].startswith("text/event-stream"):
        documents = [json.loads(line[6:]) for line in body.splitlines() if line.startswith(b"data: ")]
        return "200, an error at its end" if "error" in documents[-1] else "200"
    try:
        document = json.loads(body)
    except ValueError:
        return "200, and no JSON"
    if head.status_code != 200:
        assert set(document["error"]) >= {"message", "type", "param", "code"}
        return f"{head.status_code} `{document['error']['code']}`"
    if "x-imagegate-warning" in head.headers:
        return "200 with `x-imagegate-warning`"
    link = document["data"][0].get("url", "")
    if link.startswith(str(client.base_url)):
        hosted = await client.get(urlsplit(link).path)
        assert hosted.headers["x-content-type-options"] == "nosniff"
        if hosted.headers["content-disposition"].startswith("attachment"):
            return f"200, saved as {hosted.headers['content-type']}"
    return "200"


def charged(entry: Entry) -> Charge:
    """What an entry of the ledger charges."""
    if entry.cost == 0:
        return Charge.NOTHING
    return Charge.QUOTE if "at_quote" in entry.flags else Charge.TRUE


def leaked(text: str) -> list[str]:
    """What is in a text of the upstream key."""
    return [needle for needle in NEEDLES if needle in text]


def told(records: list[logging.LogRecord]) -> tuple[Counter[str], str]:
    """How many lines each request has, and all that a log would have of everything, in both forms."""
    lines = Counter(record.__dict__["fields"]["request_id"] for record in records if record.name == "imagegate.request")
    return lines, "".join(form.format(record) for form in (JsonFormatter(), TextFormatter()) for record in records)


async def played(gateway: Gateway, upstream: RawUpstream, row: Row) -> tuple[str, dict[str, object]]:
    """Play a row and a good answer behind it: the request's id, and all that is not as it must be."""
    team = await gateway.new_team()

    async def is_over() -> bool:
        return bool(upstream.over[row.name])

    async with gateway.http(await gateway.new_key(team)) as client:
        seen = await asked(client, asking_for(row.name), row.asks)
        about = await client.get(f"/v1/images/requests/{seen.request_id}")
        await until(is_over)
        good = await client.post("/v1/images/generations", json=BOAT | {"prompt": "good"})
    entry, *further = await gateway.entries(team.id)
    pairs = {
        "gets": (seen.gets in row.gets.split(" or ") or seen.gets, True),
        "books": ((entry.outcome, charged(entry), entry.flags), (row.outcome, row.charge, row.flags)),
        "quote": (entry.cost == entry.quote or row.charge is not Charge.QUOTE, True),
        "held": ((await gateway.services.usage.standing(team.id)).held, {}),
        "leaked": (leaked((seen.everything + about.content).decode("latin-1") + str(entry)), []),
        "sees": (row.sees in seen.everything, True),
        "hides": (row.hides in seen.everything, False),
        "afterwards": ([item.get("b64_json") for item in good.json().get("data", [])], [GOOD_PICTURE]),
        "entries": (len(further), 1),
    }
    return seen.request_id, {what: found for what, (found, due) in pairs.items() if found != due}


async def all_played(
    gateway: Gateway, upstream: RawUpstream, chapter: Chapter
) -> dict[str, tuple[str, dict[str, object]]]:
    """Every row of a chapter, some at once."""
    turns = asyncio.Semaphore(chapter.at_once)

    async def one(row: Row) -> tuple[str, dict[str, object]]:
        async with turns:
            return await played(gateway, upstream, row)

    found = await asyncio.gather(*map(one, chapter.rows))
    return dict(zip([row.name for row in chapter.rows], found, strict=True))


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.title)
async def test_every_row_is_as_the_page_says(
    redis_url: str,
    tmp_path: Path,
    simulator: Simulator,
    catalog: Path,
    caplog: pytest.LogCaptureFixture,
    chapter: Chapter,
) -> None:
    """What the client gets and sees, the books, one log line, no secret anywhere, and a good answer afterwards."""
    caplog.set_level(logging.INFO)
    plays = {row.name: row.play for row in chapter.rows}
    assert len(plays) == len(chapter.rows), "two rows of one name"
    async with (
        RawUpstream(plays, GOOD) as upstream,
        running_gateway(
            redis_url,
            tmp_path,
            simulator,
            cometapi_key=UPSTREAM_KEY,
            cometapi_base_url=upstream.url,
            catalog_dir=catalog,
            upstream_total_seconds=chapter.total_seconds,
            log_prompts=True,  # with which the log has the upstream's own words
        ) as gateway,
    ):
        found = await all_played(gateway, upstream, chapter)
        samples = await scrape(gateway.address)
    lines, text = told(caplog.records)

    assert {name: wrong for name, (_, wrong) in found.items() if wrong} == {}
    assert {name: lines[request_id] for name, (request_id, _) in found.items() if lines[request_id] != 1} == {}
    assert leaked(text + str(samples)) == []
    flagged = [row for row in chapter.rows if "bad_usage" in row.flags]
    assert samples.of("imagegate_bad_usages_total") == len(flagged)


def test_the_page_has_the_table() -> None:
    """docs/hostile-answers.md has today's rows; `python -m tests.hostile.bad_answers` writes them there."""
    assert table_on_page(PAGE.read_text(encoding="utf-8")) == answer_table()
