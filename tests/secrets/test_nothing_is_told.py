"""A full run tells nobody a secret: everything that two gateways wrote and said is searched for all of them."""

import hashlib
from pathlib import Path

import pytest

from app.simulator.server import Simulator
from tests.secrets.answers import Answers
from tests.secrets.breakdowns import damage_the_books, lose_redis, lose_the_keys, lose_the_store
from tests.secrets.markers import Markers
from tests.secrets.needles import contents, search_all
from tests.secrets.replica import replica
from tests.secrets.surroundings import environment, stored, user_of
from tests.secrets.whole_run import WholeRun
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer
from tests.support.s3_server import S3Server
from tests.support.trace_collector import TraceCollector

pytestmark = pytest.mark.slow

BOOKS = {"appendonly": "yes", "rdbcompression": "no", "aof-use-rdb-preamble": "no"}
"""Redis writes what it is told at once, and as it is."""


async def test_nothing_is_told(tmp_path: Path) -> None:
    """No secret and no prompt in logs, metrics, traces, answers, Redis' files, folders, stores or command lines.

    One replica logs JSON at the level debug, the other text at info. There is one exception, which is documented: a
    kept answer is what it was, with its signed link, and with the prompt where a model has rewritten that. Of a link
    that leads nowhere, whoever asked for it is told so in its own words.
    """
    markers, answers = Markers(), Answers()
    with RedisServer(BOOKS) as redis, S3Server() as store, TraceCollector() as collector:
        url = user_of(redis, markers.redis_password)
        async with Simulator(accepts_key=lambda _: True) as simulator:
            given = environment(markers, simulator, url, tmp_path, collector.url, store.environment)
            debug = {"IMAGEGATE_LOG_LEVEL": "debug", "IMAGEGATE_LOG_FORMAT": "json"}
            text = {"IMAGEGATE_LOG_FORMAT": "text", "IMAGEGATE_PORT": str(free_port())}
            async with (
                replica(tmp_path / "json", given | debug) as first,
                replica(tmp_path / "text", given | text) as second,
            ):
                run = WholeRun((first, second), simulator, redis, markers, answers)
                key, victim = await run.team("design"), await run.team("victim")
                await run.buy(key)
                await run.slip(key)
                await run.echo(key)
                await run.look()
                places = await stored(store.url)
                await lose_the_store(run, key, store.url)
                await damage_the_books(run, victim)
                await lose_redis(run, key)
                await lose_the_keys(run, key)
                places |= await run.metrics()
                places |= {f"command line of {one.folder.name}": one.proc("cmdline") for one in (first, second)}
        redis.ask("SAVE")
        places |= contents(redis.folder)
        places["traces"] = collector.received
    places |= contents(tmp_path) | answers.kept

    _expect_a_whole_run(places, markers, set(answers.statuses))
    kept = {place: content for place, content in places.items() if place.startswith("results/")}
    others = {place: places[place] for place in places.keys() - kept.keys()}
    assert search_all(places, markers.needles) == []
    assert search_all(others, markers.prompts) == []
    assert {find.place for find in search_all(others, markers.signatures)} <= answers.kept.keys()
    assert {find.needle for find in search_all(kept, markers.prompts)} == {"prompt for rewriting"}


def _expect_a_whole_run(places: dict[str, bytes], markers: Markers, statuses: set[int]) -> None:
    """What must be there, so that there was something to be searched."""
    log, plain = places["json/stderr"], places["text/stderr"]
    public_id, _, secret = markers.made["virtual key of design"].rpartition("-")
    books = b"".join(content for place, content in places.items() if place.startswith("appendonlydir/"))

    assert {200, 201, 202, 400, 401, 403, 404, 405, 409, 429, 500, 502, 503, 504} - statuses == set()
    assert hashlib.sha256(secret.encode()).hexdigest().encode() in places["dump.rdb"]
    for place in ("metrics of 0", "traces", "json/stderr", "dump.rdb"):
        assert public_id.encode() in places[place], place
    assert public_id.encode() in books
    for words in (b"upstream_key_out", b"Traceback", b"image request"):
        assert words in log
    for words in (b"redis does not answer", b"goes to the journal", b"journal replayed", b"could not be converted"):
        assert words in plain
    assert any(place.startswith("s3 images/") for place in places)
